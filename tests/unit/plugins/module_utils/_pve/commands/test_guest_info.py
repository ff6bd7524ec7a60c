# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

AGENT = "GET .*/100/agent/network-get-interfaces"
ADDRESSES = Answer({"result": [{"ip-addresses": [{"ip-address": "192.0.2.2"}]}]})
NO_AGENT = ApiError("GET agent", 500, "QEMU guest agent is not running")


def an_api() -> FakeApi:
    api = FakeApi()
    api.cluster.add(100, name="app1", status="running", tags="prod;web").pool = "apps"
    api.cluster.add(101, node="pve2", name="app2", tags="web")
    api.cluster.add(200, "lxc", "pve2", hostname="ct1", template=1)
    return api


async def look(api: FakeApi, **options: Any) -> Report:
    return await run_command("guest_info", api, **options)


def vmids(report: Report) -> list[int]:
    return [guest["vmid"] for guest in report.values["guests"]]


@in_virtual_time
async def test_a_guest_is_shown_with_all_that_is_known() -> None:
    api = an_api()
    report = await look(api, guests=["app1"], config="current")
    assert report.values["guests"] == [
        {
            "vmid": 100,
            "name": "app1",
            "node": "pve1",
            "type": "qemu",
            "status": "running",
            "template": False,
            "lock": None,
            "pool": "apps",
            "tags": ["prod", "web"],
            "message": None,
            "config": {"name": "app1", "tags": "prod;web"},
        }
    ]
    assert report.values["summary"] == {"total": 1}
    assert not report.changed


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [100, 101, 200]),
        ({"guests": ["200", "app1", "100"]}, [200, 100]),
        ({"tags": ["web"]}, [100, 101]),
        ({"tags": ["web", "prod"]}, [100]),
        ({"pool": "apps"}, [100]),
        ({"nodes": ["pve2"]}, [101, 200]),
        ({"nodes": ["all"], "name": ["app*", "db?"]}, [100, 101]),
        ({"name": ["APP*"]}, []),
        ({"type": "lxc"}, [200]),
        ({"status": "running"}, [100]),
        ({"status": "running", "nodes": ["pve2"]}, []),
        ({"guests": ["app1", "app2"], "status": "stopped"}, [101]),
    ],
)
def test_guests_are_chosen_by_name_vmid_or_filter(
    options: dict[str, Any], expected: list[int]
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        assert vmids(await look(an_api(), **options)) == expected

    scenario()


@in_virtual_time
async def test_a_requested_guest_is_shown_in_its_current_state() -> None:
    api = an_api()
    api.disturb("resources", api._resources({}))
    api.cluster.guests[101].status = "running"
    report = await look(api, guests=["101"])
    assert report.values["guests"][0]["status"] == "running"
    assert "config" not in report.values["guests"][0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": "nosuch"}, "pool: there is no pool 'nosuch'"),
        ({"nodes": ["pve9"]}, "nodes: there is no node 'pve9'"),
    ],
)
def test_a_missing_guest_is_refused(options: dict[str, Any], message: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        with pytest.raises(UsageError, match=message):
            await look(an_api(), **options)

    scenario()


@in_virtual_time
async def test_a_guest_that_vanishes_meanwhile_has_no_config() -> None:
    api = an_api()
    text = "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"
    api.disturb("GET .*/100/config", ApiError("GET", 500, text))
    report = await look(api, guests=["app1"], config="pending")
    assert report.values["guests"][0]["config"] is None


@in_virtual_time
async def test_addresses_are_read_once_without_waiting() -> None:
    api = an_api()
    api.disturb(AGENT, NO_AGENT)
    report = await look(api, guests=["app1"], addresses=True)
    assert report.values["guests"][0]["addresses"] == []
    assert report.problem is None


@in_virtual_time
async def test_an_address_is_waited_for() -> None:
    api = an_api()
    api.disturb(AGENT, NO_AGENT, count=10)
    api.disturb(AGENT, ADDRESSES)
    report = await look(api, guests=["app1"], wait_for_address=True)
    assert report.values["guests"][0]["addresses"] == ["192.0.2.2"]
    assert report.problem is None
    assert 18 < now() < 25


@in_virtual_time
async def test_a_guest_without_an_address_in_time_is_reported_by_name() -> None:
    api = an_api()
    api.disturb(AGENT, NO_AGENT, count=None)
    report = await look(api, guests=["app1"], wait_for_address=True, address_timeout=60)
    assert report.problem is not None
    assert "1 of 1 guests have no address after 60 s" in report.problem
    assert "VM 100 (app1) on pve1: QEMU guest agent is not running" in report.problem
    assert vmids(report) == [100]
    assert 60 <= now() < 62


@in_virtual_time
async def test_check_mode_does_not_wait() -> None:
    api = an_api()
    api.disturb(AGENT, NO_AGENT, count=None)
    report = await look(api, guests=["app1"], wait_for_address=True, check=True)
    assert report.problem is None
    assert now() < 1


# One guest that cannot be read stays one.


@in_virtual_time
async def test_a_guest_that_is_not_there_keeps_no_other_from_being_read() -> None:
    report = await look(an_api(), guests=["nosuch", "app1", "100x"])
    assert vmids(report) == [100]
    assert "there is no guest 'nosuch'" in (report.problem or "")


@pytest.mark.parametrize("config", ["none", "current"])
@pytest.mark.parametrize(
    ("offline", "why"), [(True, "its node is offline"), (False, "node pve2 did not list")]
)
def test_a_silent_node_is_reported_for_its_guests_only(
    offline: bool, why: str, config: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        if offline:
            api.cluster.down.add("pve2")
        else:
            api.disturb("GET /nodes/pve2", NoAnswerError("GET", "596", sent=True), count=None)
        warned: list[str] = []
        report = await run_command("guest_info", api, config=config, warned=warned)
        told = {guest["vmid"]: guest["message"] for guest in report.values["guests"]}
        assert told[100] is None
        assert why in told[101]
        assert why in told[200]
        assert report.problem is None
        assert any("VM 101" in text for text in warned)
        report = await look(api, guests=["100", "101"], config=config)
        assert vmids(report) == [100, 101]
        assert why in (report.problem or "")
        assert (len(api.made("GET /nodes/pve2")) > 0) is not offline

    scenario()


@in_virtual_time
async def test_a_guest_that_no_longer_answers_is_reported_by_itself() -> None:
    api = an_api()
    api.disturb("GET .*/101/config", NoAnswerError("GET", "596", sent=True), count=None)
    report = await look(api, guests=["100", "101"], config="current")
    assert vmids(report) == [100, 101]
    assert "596" in (report.problem or "")


@in_virtual_time
async def test_a_state_that_cannot_be_known_is_warned_of() -> None:
    api = an_api()
    api.cluster.guests[101].status = "running"
    api.cluster.down.add("pve2")
    warned: list[str] = []
    report = await run_command("guest_info", api, status="stopped", type="qemu", warned=warned)
    assert 100 not in vmids(report)
    assert 101 in vmids(report) or any("VM 101" in text for text in warned)


@in_virtual_time
async def test_a_time_below_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="address_timeout"):
        await look(an_api(), address_timeout=-1)


@in_virtual_time
async def test_vmids_alone_cost_no_list_of_another_node() -> None:
    api = an_api()
    await look(api, guests=["101"], config="current")
    assert [call.path for call in api.calls] == [
        "/cluster/resources",
        "/nodes/pve2/qemu",
        "/nodes/pve2/qemu/101/config",
    ]


@in_virtual_time
async def test_an_empty_pool_is_an_empty_list() -> None:
    api = an_api()
    api.disturb("GET /pools", Answer([{"poolid": "empty"}]))
    report = await look(api, pool="empty")
    assert (vmids(report), report.problem) == ([], None)


@in_virtual_time
async def test_tags_are_compared_as_they_are_stored() -> None:
    assert vmids(await look(an_api(), tags=["WEB", "Prod"])) == [100]


@in_virtual_time
async def test_pending_changes_are_shown_and_can_be_selected() -> None:
    api = an_api()
    api.cluster.guests[101].pending = {"memory": "4096", "net1": None}
    report = await look(api, pending="show")
    shown = {guest["vmid"]: guest["pending"] for guest in report.values["guests"]}
    assert shown == {100: {}, 101: {"memory": "4096", "net1": None}, 200: {}}
    assert vmids(await look(api, pending="only")) == [101]


@in_virtual_time
async def test_the_configuration_is_the_current_one_or_that_after_the_next_start() -> None:
    api = an_api()
    api.cluster.guests[101].pending = {"cores": "4", "tags": None}
    for config, expected in (
        ("current", {"name": "app2", "tags": "web"}),
        ("pending", {"name": "app2", "cores": "4"}),
    ):
        report = await look(api, guests=["101"], config=config)
        assert report.values["guests"][0]["config"] == expected
    assert not api.made("GET .*/pending")
