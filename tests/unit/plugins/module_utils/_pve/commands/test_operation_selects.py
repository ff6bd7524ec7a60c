# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""operation on guests that nobody names: selected by what they are, and checked again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


def an_api() -> FakeApi:
    api = FakeApi()
    api.cluster.add(100, name="web1", tags="prod;web")
    api.cluster.add(101, node="pve2", name="web2", tags="web", status="running").pool = "ci"
    api.cluster.add(102, name="db1", status="running")
    api.cluster.add(200, "lxc", "pve2", hostname="ct1", tags="web")
    api.cluster.add(900, name="web-template", tags="web", template=1)
    return api


async def operate(api: FakeApi, operation: str, **options: Any) -> Report:
    return await run_command("operation", api, operation=operation, **options)


def outcomes(report: Report) -> dict[int, str]:
    return {guest["vmid"]: guest["outcome"] for guest in report.values["guests"]}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"tags": ["web"]}, {100: "ok", 101: "unchanged", 200: "ok"}),
        ({"tags": ["WEB", "prod"]}, {100: "ok"}),
        ({"pool": "ci"}, {101: "unchanged"}),
        ({"nodes": ["pve2"]}, {101: "unchanged", 200: "ok"}),
        ({"nodes": ["all"], "type": "lxc"}, {200: "ok"}),
        ({"name": ["web?"]}, {100: "ok", 101: "unchanged"}),
        ({"status": "stopped"}, {100: "ok", 200: "ok"}),
    ],
)
def test_guests_are_selected(selector: dict[str, Any], expected: dict[int, str]) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        assert outcomes(await operate(api, "start", **selector)) == expected
        started = {vmid for vmid, outcome in expected.items() if outcome == "ok"}
        posts = {int(call.path.split("/")[4]) for call in api.made("POST")}
        assert posts == started

    scenario()


@in_virtual_time
async def test_a_template_is_selected_only_if_requested() -> None:
    api = an_api()
    params = {"target": "pve3"}
    report = await operate(api, "migrate", tags=["web"], type="qemu", params=params, templates=True)
    assert set(outcomes(report)) == {100, 101, 900}


@in_virtual_time
async def test_no_guests_are_a_success_with_a_message() -> None:
    api = an_api()
    report = await operate(api, "stop", tags=["gone"], name=["x*"], allow_destructive=True)
    assert report.values["guests"] == []
    assert (report.changed, report.problem) == (False, None)
    assert report.values["msg"] == "there is no guest with tag gone, name x*; nothing was done"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give either guests, or options that select them"),
        ({"guests": [100], "tags": ["web"]}, "give either guests, or options that select them"),
        ({"pool": "nowhere"}, "there is no pool 'nowhere'"),
        ({"nodes": ["pve9"]}, "there is no node 'pve9'"),
    ],
)
def test_what_is_not_clear_is_refused(options: dict[str, Any], message: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        with pytest.raises(UsageError, match=message):
            await operate(api, "start", **options)
        assert not api.made("POST")

    scenario()


@in_virtual_time
async def test_what_destroys_is_refused_before_anything_is_read() -> None:
    api = an_api()
    with pytest.raises(UsageError, match="of each guest with tag web; set allow_destructive"):
        await operate(api, "delete", tags=["web"])
    assert not api.calls


def pool_changes(api: FakeApi, vmid: int) -> None:
    api.cluster.guests[vmid].pool = None


def tags_change(api: FakeApi, vmid: int) -> None:
    del api.cluster.guests[vmid].config["tags"]


def name_changes(api: FakeApi, vmid: int) -> None:
    api.cluster.guests[vmid].config["name"] = "other"


def it_stops(api: FakeApi, vmid: int) -> None:
    api.cluster.guests[vmid].status = "stopped"


def it_goes(api: FakeApi, vmid: int) -> None:
    api.cluster.remove(vmid)


@pytest.mark.parametrize(
    ("selector", "change"),
    [
        ({"pool": "ci"}, pool_changes),
        ({"tags": ["web"]}, tags_change),
        ({"name": ["web*"]}, name_changes),
        ({"status": "running"}, it_stops),
        ({"nodes": ["pve2"]}, it_goes),
    ],
)
def test_a_guest_that_changed_at_the_last_moment_is_left_alone(
    selector: dict[str, Any], change: Any
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        held = asyncio.Event()
        api.disturb("GET /nodes/pve2/qemu/101/config", held)
        work = asyncio.ensure_future(
            operate(api, "stop", **selector, type="qemu", allow_destructive=True)
        )
        await api.until_made("GET /nodes/pve2/qemu/101/config", 1)
        change(api, 101)
        held.set()
        report = await work
        [guest] = [guest for guest in report.values["guests"] if guest["vmid"] == 101]
        assert (guest["outcome"], guest["changed"], guest["attempts"]) == ("unchanged", False, 0)
        assert "VM 101 (web2) on pve2 is no longer one with" in guest["message"]
        assert not api.made("POST /nodes/pve2/qemu/101")
        assert report.problem is None

    scenario()


@in_virtual_time
async def test_a_running_guest_that_is_stopped_first_is_deleted_all_the_same() -> None:
    api = an_api()
    report = await operate(
        api, "delete", status="running", tags=["web"], allow_destructive=True, force_stop=True
    )
    assert outcomes(report) == {101: "ok"}
    assert 101 not in api.cluster.guests


@in_virtual_time
async def test_a_restart_is_done_although_the_guest_was_selected_by_what_is_configured() -> None:
    api = an_api()
    report = await operate(
        api, "configure", tags=["web"], status="running", params={"tags": "x"}, apply="now"
    )
    assert outcomes(report) == {101: "ok"}


@in_virtual_time
async def test_the_plan_names_the_selected_guests() -> None:
    api = an_api()
    params: dict[str, Any] = {
        "operation": "stop",
        "status": "running",
        "nodes": ["all"],
        "allow_destructive": True,
    }
    report = await run_command("operation", api, check=True, **params)
    assert outcomes(report) == {101: "queued", 102: "queued"}
    assert report.changed


@in_virtual_time
async def test_a_selected_guest_on_a_silent_node_fails_and_an_unknown_one_is_warned_of() -> None:
    api = an_api()
    api.cluster.observe()
    api.cluster.down.add("pve2")
    warned: list[str] = []
    report = await run_command("operation", api, operation="start", name=["web*"], warned=warned)
    assert outcomes(report) == {100: "ok", 101: "failed"}
    assert "its node is offline" in (report.problem or "")
    assert warned == []
