# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a node may be restarted, and how it is seen that it is back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    NoAnswerError,
    PveError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


async def reboot(api: FakeApi, **options: Any) -> Report:
    given = {"node": "pve1", "allow_destructive": True, **options}
    return await run_command("reboot_node", api, **given)


@in_virtual_time
async def test_a_node_is_told_once_and_is_back_when_its_uptime_begins_anew() -> None:
    api = FakeApi()
    report = await reboot(api)
    assert (report.problem, report.changed, report.values["outcome"]) == (None, True, "ok")
    assert 65 <= report.values["seconds"] <= 70
    assert report.values["uptime"] < 5
    assert [call.params for call in api.made("POST")] == [{"command": "reboot"}]


@in_virtual_time
async def test_a_node_that_has_just_booted_is_not_taken_for_one_that_is_back() -> None:
    api = FakeApi()
    api.restarts["pve1"] = -66.0
    report = await reboot(api)
    assert report.values["seconds"] >= 65


@pytest.mark.parametrize("rights", [{}, {"/vms": {}}, {"/vms": {"VM.PowerMgmt": 1}}])
@in_virtual_time
async def test_a_node_with_guests_that_may_not_be_seen_is_not_restarted(
    rights: dict[str, Any],
) -> None:
    """The lists of guests leave out those without VM.Audit."""
    api = FakeApi()
    api.disturb("GET /access/permissions", Answer(rights), count=None)
    with pytest.raises(PveError, match=r"lacks VM.Audit on /vms"):
        await reboot(api)
    assert not api.made("POST")
    assert (await reboot(api, with_guests=True)).problem is None


@in_virtual_time
async def test_a_lost_response_is_no_reason_to_send_it_twice() -> None:
    api = FakeApi()
    lost = NoAnswerError("POST /nodes/pve1/status", "connection reset", sent=True)
    api.disturb("POST /nodes/pve1/status", lost, after=True)
    warned: list[str] = []
    report = await reboot(api, warned=warned)
    assert report.problem is None
    assert len(api.made("POST")) == 1
    assert "pve1" in warned[0]


@in_virtual_time
async def test_it_is_not_back_before_the_cluster_sees_it_with_quorum() -> None:
    api = FakeApi()
    run = asyncio.ensure_future(reboot(api, wait_timeout=100))
    await asyncio.sleep(10)
    api.absent = {"pve1"}
    report = await run
    assert report.values["outcome"] == "timed_out"
    assert "the cluster does not see it yet" in str(report.problem)
    assert report.changed
    api.absent = set()
    run = asyncio.ensure_future(reboot(api, wait_timeout=100))
    await asyncio.sleep(10)
    api.quorate = False
    assert "there is no quorum" in str((await run).problem)


@in_virtual_time
async def test_a_node_that_stays_is_told_so() -> None:
    api = FakeApi()
    report = await reboot(api, wait_timeout=4)
    assert "it has not gone away yet" in str(report.problem)


@in_virtual_time
async def test_an_interrupt_ends_the_wait_and_says_that_the_node_restarts() -> None:
    api, stop = FakeApi(), asyncio.Event()
    run = asyncio.ensure_future(reboot(api, stop=stop))
    await asyncio.sleep(20)
    stop.set()
    report = await run
    assert "interrupted, pve1 restarts all the same" in str(report.problem)
    assert report.changed


@pytest.mark.parametrize("check", [True, False])
@in_virtual_time
async def test_running_guests_keep_their_node_unless_that_is_allowed(check: bool) -> None:
    api = FakeApi()
    api.cluster.add(100, name="web", status="running")
    api.cluster.add(101, name="off")
    with pytest.raises(PveError, match=r"guests run on pve1: VM 100 \(web\)\. Move them"):
        await reboot(api, check=check)
    assert api.made("POST") == []
    report = await reboot(api, check=check, with_guests=True)
    assert report.values["outcome"] == ("queued" if check else "ok")
    assert len(api.made("POST")) == (0 if check else 1)


@pytest.mark.parametrize("check", [True, False])
@in_virtual_time
async def test_running_tasks_are_not_ended_unless_that_is_allowed(check: bool) -> None:
    api = FakeApi()
    console = api.cluster.start("pve1", "vncshell", seconds=600).upid
    backup = api.cluster.start("pve1", "vzdump", 100, 600).upid
    with pytest.raises(PveError, match="tasks run on pve1") as refused:
        await reboot(api, check=check)
    assert str(backup) in str(refused.value)
    assert str(console) not in str(refused.value)
    assert api.made("POST") == []
    report = await reboot(api, check=check, with_tasks=True)
    assert report.values["outcome"] == ("queued" if check else "ok")


@in_virtual_time
async def test_quorum_is_kept_unless_its_loss_is_allowed() -> None:
    api = FakeApi()
    api.cluster.down.add("pve3")
    with pytest.raises(PveError, match="2 of 3 nodes are online; allow_quorum_loss"):
        await reboot(api)
    assert (await reboot(api, check=True, allow_quorum_loss=True)).problem is None
    api.quorate = False
    with pytest.raises(PveError, match="the cluster has no quorum"):
        await reboot(api, allow_quorum_loss=True)
    assert api.made("POST") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [({"allow_destructive": False}, "allow_destructive"), ({"node": "pve9"}, "no node 'pve9'")],
)
@in_virtual_time
async def test_what_is_wrong_is_told_before_anything_happens(
    options: dict[str, Any], message: str
) -> None:
    api = FakeApi()
    with pytest.raises(UsageError, match=message):
        await reboot(api, **options)
    assert api.made("POST") == []
