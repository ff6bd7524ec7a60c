# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import summary
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.cloning import (
    CLONE,
    NAMES,
    an_api,
    briefly,
    clone,
    dead_clone,
    guests_named,
)
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

# It does.


@in_virtual_time
async def test_one_guest_is_cloned_by_the_options_at_top_level() -> None:
    api = an_api()
    report = await clone(api, source=9000, name="web1", target_node="pve2", full=True, pool="web")
    assert report.problem is None
    [guest] = report.values["guests"]
    [task] = report.values["tasks"]
    assert guest == {
        "vmid": 101,
        "name": "web1",
        "node": "pve2",
        "type": "qemu",
        "outcome": "ok",
        "changed": True,
        "upid": task["upid"],
        "attempts": 1,
        "message": None,
    }
    assert (task["node"], task["type"], task["id"]) == ("pve1", "qmclone", "9000")
    [call] = api.made(CLONE)
    assert call.params == {
        "newid": 101,
        "name": "web1",
        "target": "pve2",
        "full": True,
        "pool": "web",
    }
    made = api.cluster.guests[101]
    assert (made.name, made.node) == ("web1", "pve2")
    assert report.changed


@in_virtual_time
async def test_many_guests_are_cloned_with_the_top_level_as_defaults() -> None:
    api = an_api()
    guests = [{"name": "web1"}, {"name": "web2", "full": False, "vmid": 300}]
    report = await clone(api, guests=guests, full=True, description="made")
    assert report.values["summary"] == summary([Outcome.OK] * 2)
    first, second = api.made(CLONE)
    assert first.params == {"newid": 101, "name": "web1", "full": True, "description": "made"}
    assert second.params == {"newid": 300, "name": "web2", "full": False, "description": "made"}


@in_virtual_time
async def test_a_container_is_found_out_and_cloned_one_after_the_other() -> None:
    api = an_api()
    report = await clone(api, source="ct-tpl", guests=guests_named("a", "b", "c"))
    assert report.problem is None
    assert [call.params["hostname"] for call in api.made(CLONE)] == ["a", "b", "c"]
    assert not [task for task in api.cluster.tasks if "locked" in task.exitstatus]
    assert now() > 15


@in_virtual_time
async def test_placement_spreads_the_guests() -> None:
    api = an_api()
    await clone(api, guests=guests_named(*NAMES), placement="round_robin")
    nodes = [api.cluster.guests[vmid].node for vmid in range(101, 106)]
    assert nodes == ["pve1", "pve2", "pve3", "pve1", "pve2"]


@in_virtual_time
async def test_vmids_come_from_the_range() -> None:
    api = an_api()
    api.cluster.add(501, name="other")
    report = await clone(api, guests=guests_named("a", "b"), vmid_range="500-510")
    assert [guest["vmid"] for guest in report.values["guests"]] == [500, 502]


# It does again: no change.


@pytest.mark.parametrize("known_by", ["name", "vmid", "both"])
@pytest.mark.parametrize("pause", [0, 60])
def test_the_same_call_again_changes_nothing_even_right_after_the_first(
    known_by: str, pause: int
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        guests: list[dict[str, Any]] = [
            {"name": name, "vmid": 300 + index} for index, name in enumerate(NAMES)
        ]
        if known_by != "both":
            guests = [{known_by: guest[known_by]} for guest in guests]
        await clone(api, guests=guests)
        await asyncio.sleep(pause)
        api.calls.clear()
        report = await clone(api, guests=guests)
        assert (report.changed, report.problem) == (False, None)
        assert {outcome for _name, outcome, _changed in briefly(report)} == {"unchanged"}
        assert report.values["tasks"] == []
        assert len(api.calls) <= 8
        assert len(api.cluster.guests) == 3 + 5
        assert report.diff is not None
        assert report.diff["before"] == report.diff["after"]

    scenario()


@in_virtual_time
async def test_only_missing_guests_are_created() -> None:
    api = an_api()
    await clone(api, guests=guests_named("web1", "web2"))
    report = await clone(api, guests=guests_named("web1", "web2", "web3"))
    outcomes = [guest["outcome"] for guest in report.values["guests"]]
    assert outcomes == ["unchanged", "unchanged", "ok"]


# Check mode.


@in_virtual_time
async def test_check_mode_returns_the_plan_and_does_nothing() -> None:
    api = an_api()
    api.cluster.add(301, name="web1", node="pve3")
    guests = [{"name": "web1"}, {"name": "web2", "target_node": "pve2"}, {"vmid": 400}]
    report = await clone(api, guests=guests, check=True)
    assert [
        (guest["vmid"], guest["name"], guest["node"], guest["outcome"], guest["upid"])
        for guest in report.values["guests"]
    ] == [
        (301, "web1", "pve3", "unchanged", None),
        (None, "web2", "pve2", "queued", None),
        (400, None, "pve1", "queued", None),
    ]
    assert report.changed
    assert {call.method for call in api.calls} == {"GET"}
    assert report.diff == {
        "before": "web1: qemu 301 on pve3\n",
        "after": (
            "web1: qemu 301 on pve3\n"
            "web2: qemu with a free VMID on pve2, cloned from VM 9000 (tpl) on pve1\n"
            "400: qemu 400 on pve1, cloned from VM 9000 (tpl) on pve1\n"
        ),
    }


@in_virtual_time
async def test_check_mode_reports_leftovers_too() -> None:
    api = an_api()
    dead_clone(api)
    report = await clone(api, vmid=301, name="web1", check=True)
    assert report.problem is not None
    assert "qm unlock 301" in report.problem


# Bad input, before anything is started.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "nosuch"}, "source: there is no guest 'nosuch'"),
        ({"source": 555}, "source: there is no guest '555'"),
        ({"source": "²"}, "source: there is no guest '²'"),
        ({"source": "twin"}, "source: the name 'twin' is ambiguous"),
        ({"name": "web_1"}, "name: 'web_1' is not a valid DNS name"),
        ({"vmid": 99}, "vmid: VMID 99 is outside"),
        ({"placement": "round_robin", "nodes": ["pve9"]}, "nodes: there is no node 'pve9'"),
        ({"vmid_range": "9-8"}, "vmid_range: "),
        ({"source": "ct-tpl", "format": "raw"}, "format: the clone of a container"),
        ({"name": None, "guests": [{"name": "a"}, {"name": "a"}]}, "'a' is listed more than"),
        ({"name": None, "guests": [{"full": True}]}, "set name or vmid of each guest"),
    ],
)
def test_impossible_requests_are_refused_before_anything_is_started(
    options: dict[str, Any], message: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        for vmid in (700, 701):
            api.cluster.add(vmid, name="twin")
        with pytest.raises(UsageError, match=message):
            await clone(api, **{"name": "web1", **options})
        assert {call.method for call in api.calls} <= {"GET"}

    scenario()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"vmid": 100}, "expected 100 to be named 'bad', but it is taken by VM 100 (app1)"),
        ({"vmid": 9000}, "is the source itself"),
        ({"vmid": 9100}, "vmid: 9100 is taken by CT 9100"),
        ({"target_node": "nosuch"}, "target_node: there is no node 'nosuch'"),
        ({"target_node": "pve3"}, "target_node: node 'pve3' is offline"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_one_wrong_guest_fails_alone(wrong: dict[str, Any], message: str, check: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.cluster.down.add("pve3")
        guests = [{"name": f"web{n}", "vmid": 300 + n} for n in range(3)]
        guests.insert(1, {"name": "bad", "vmid": 399, **wrong})
        report = await clone(api, guests=guests, check=check)
        outcomes = [guest["outcome"] for guest in report.values["guests"]]
        done = "queued" if check else "ok"
        assert outcomes == [done, "failed", done, done]
        assert message in report.values["guests"][1]["message"]
        assert report.problem is not None
        assert message in report.problem
        assert len(api.made(CLONE)) == (0 if check else 3)

    scenario()


@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("source", ["tpl", 9000])
def test_guests_that_are_there_need_no_source_that_can_be_reached(
    silent: bool, source: object
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.cluster.guests[9000].node = "pve3"
        api.cluster.add(301, name="web1")
        if silent:
            away = NoAnswerError("GET", "595 No route to host", sent=False)
            api.disturb("/nodes/pve3", away, count=None)
        else:
            api.cluster.down.add("pve3")
        guests = [{"name": "web1", "vmid": 301}, {"name": "web2", "vmid": 302}]
        if source == "tpl":
            with pytest.raises(UsageError, match=r"source: cannot determine .*'tpl'.*pve3"):
                await clone(api, source=source, guests=guests)
            return
        report = await clone(api, source=source, guests=guests)
        assert [guest["outcome"] for guest in report.values["guests"]] == ["unchanged", "failed"]
        assert "source: VM 9000 on pve3 cannot be reached" in str(report.problem)

    scenario()


@in_virtual_time
async def test_a_source_whose_config_cannot_be_read_is_an_error() -> None:
    api = an_api()
    api.disturb("GET .*/9000/config", ApiError("GET config", 403, "Permission check failed"))
    with pytest.raises(ApiError, match="403"):
        await clone(api, name="web1")


# Refused, or failing in part.


@in_virtual_time
async def test_failures_are_reported_per_guest_with_their_logs() -> None:
    api = an_api()
    api.ends = {"qmclone": ["clone failed: no space left on device"]}
    report = await clone(api, guests=guests_named(*NAMES))
    outcomes = [guest["outcome"] for guest in report.values["guests"]]
    assert outcomes == ["failed", "ok", "ok", "ok", "ok"]
    assert report.changed
    assert len(report.values["tasks"]) == 5
    assert report.problem is not None
    assert report.problem.startswith("clone")
    assert "TASK ERROR: clone failed: no space left on device" in report.problem
    assert report.values["tasks"][0]["upid"] in report.problem


@in_virtual_time
async def test_a_refused_call_changes_nothing_and_names_the_right() -> None:
    api = an_api()
    text = "Permission check failed (/vms/9000, VM.Clone)"
    api.disturb(CLONE, ApiError("POST /nodes/pve1/qemu/9000/clone", 403, text))
    report = await clone(api, name="web1")
    assert not report.changed
    assert report.problem is not None
    assert "VM.Clone on /vms/9000" in report.problem


@in_virtual_time
async def test_a_lost_response_creates_no_second_guest() -> None:
    api = an_api()
    api.disturb(CLONE, NoAnswerError("POST", "596 Broken pipe", sent=True), after=True, count=2)
    report = await clone(api, guests=guests_named(*NAMES))
    assert report.problem is None
    assert len(api.made(CLONE)) == 5
    assert len(api.cluster.guests) == 3 + 5


@pytest.mark.parametrize(
    ("options", "problem"),
    [({}, False), ({"warnings": "fail"}, True), ({"warnings": "accept"}, False)],
)
def test_a_warning_is_a_failure_only_if_requested(options: dict[str, str], problem: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.ends = {"qmclone": ["WARNINGS: 1"]}
        report = await clone(api, name="web1", **options)
        assert [guest["outcome"] for guest in report.values["guests"]] == ["warnings"]
        assert (report.problem is not None) is problem

    scenario()


@in_virtual_time
async def test_no_guest_is_created_by_name_while_a_node_hides_names() -> None:
    api = an_api()
    api.cluster.add(301, node="pve3", name="web1")
    api.cluster.down.add("pve3")
    report = await clone(api, guests=[{"name": "web1"}, {"name": "web2", "vmid": 302}])
    assert [guest["outcome"] for guest in report.values["guests"]] == ["failed", "ok"]
    assert "cannot determine whether guest 'web1' exists" in str(report.problem)
    assert "pve3 (offline)" in str(report.problem)


# What it costs.


@in_virtual_time
async def test_fifty_guests_cost_no_request_too_many() -> None:
    api = an_api()
    api.seconds = {f"qmclone {index}": 20.0 for index in range(1)}
    api.seconds["qmclone"] = 20.0
    report = await clone(api, guests=guests_named(*(f"w{index}" for index in range(50))))
    assert report.problem is None
    attempts = sum(guest["attempts"] for guest in report.values["guests"])
    active = [call for call in api.calls if call.params.get("source") == "active"]
    archive = [call for call in api.calls if call.params.get("source") == "archive"]
    names = api.made(r"GET /nodes/[^/]+/qemu$")
    others = len(api.calls) - attempts - len(active) - len(archive) - len(names)
    waves = len({int(call.at) for call in api.made(CLONE)})
    assert attempts == 50
    assert others <= 8
    assert len(names) <= 3 * (waves + 2), "names are read once a wave, and at the beginning and end"
    assert len(archive) <= len(active)
