# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""It goes on with what an earlier call has begun, and no task of it gets lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.tests.unit.cloning import (
    CLONE,
    NAMES,
    an_api,
    briefly,
    clone,
    guests_named,
    whole,
)
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize("known_by", ["name", "vmid"])
@pytest.mark.parametrize("source", ["tpl", "ct-tpl"])
@pytest.mark.parametrize("wait", [True, False])
@in_virtual_time
async def test_what_is_on_its_way_is_taken_over(known_by: str, source: str, wait: bool) -> None:
    api = an_api()
    api.seconds = {"qmclone": 100, "vzclone": 100}
    guests: list[dict[str, Any]] = [{"name": "web1", "vmid": 301}]
    if source == "tpl":
        guests.append({"name": "web2", "vmid": 302})
    first = await clone(api, source=source, guests=guests, wait=False)
    assert {outcome for _name, outcome, _changed in briefly(first)} == {"running"}
    await asyncio.sleep(5)
    again = [{known_by: guest[known_by]} for guest in guests]
    report = await clone(api, source=source, guests=again, wait=wait)
    assert report.problem is None
    assert len(api.made(CLONE)) == len(guests), "nothing is made twice"
    assert [guest["upid"] for guest in report.values["guests"]] == [
        task["upid"] for task in first.values["tasks"]
    ]
    if wait:
        assert {guest["outcome"] for guest in report.values["guests"]} == {"ok"}
        assert report.changed


@in_virtual_time
async def test_a_call_that_was_interrupted_is_finished_by_the_next() -> None:
    api = an_api()
    api.seconds = {"qmclone": 30}
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(40, stop.set)
    first = await clone(api, guests=guests_named(*NAMES), parallel=2, stop=stop)
    outcomes = [outcome for _name, outcome, _changed in briefly(first)]
    assert outcomes == ["ok", "ok", "running", "running", "queued"]
    assert first.problem is not None
    assert "not started: interrupted" in first.problem
    second = await clone(api, guests=guests_named(*NAMES), parallel=2)
    assert second.problem is None
    assert len(api.made(CLONE)) == 5
    names = sorted(str(guest.name) for guest in api.cluster.guests.values())
    assert names == sorted(["tpl", "ct-tpl", "app1", *NAMES])


@pytest.mark.parametrize(
    "failure",
    [
        NoAnswerError("GET /cluster/resources", "596 Connection timed out", sent=True),
        ApiError("GET /cluster/resources", 401, "Authentication failed!"),
    ],
)
@in_virtual_time
async def test_no_task_is_missing_when_the_last_reading_fails(failure: Exception) -> None:
    api = an_api()
    api.seconds = {"qmclone": 60}
    await clone(api, name="web1", vmid=301, wait=False)

    def fail() -> None:
        api.disturb("GET /cluster/resources$", failure, count=None)

    asyncio.get_running_loop().call_later(30, fail)
    wanted = [{"name": "web1", "vmid": 301}, {"name": "web2", "vmid": 302}]
    report = await clone(api, guests=wanted)
    assert [guest["outcome"] for guest in report.values["guests"]] == ["lost", "ok"]
    assert len(report.values["tasks"]) == 2
    assert report.problem is not None
    assert "web1" in report.problem
    assert str(failure) in report.problem


@pytest.mark.parametrize("known_by", [{"name": "web1"}, {"vmid": 301}])
@pytest.mark.parametrize("target_node", ["pve1", "pve2"])
@in_virtual_time
async def test_a_task_that_ended_during_the_search_is_not_repeated(
    known_by: dict[str, Any], target_node: str
) -> None:
    api = an_api()
    await clone(api, name="web1", vmid=301, target_node=target_node, wait=False)
    before = {
        path: await api.get(tuple(path[1:].split("/")))
        for path in ("/cluster/resources", "/nodes/pve1/qemu")
    }
    await asyncio.sleep(600)
    api.cluster.settle()
    for path, answer in before.items():
        api.disturb(f"GET {path}$", answer)
    report = await clone(api, target_node=target_node, **known_by)
    assert report.problem is None
    assert [guest["outcome"] for guest in report.values["guests"]] == ["unchanged"]
    assert [guest["node"] for guest in report.values["guests"]] == [target_node]
    assert len(api.made(CLONE)) == 1


@in_virtual_time
async def test_an_earlier_call_of_ours_that_was_carried_out_late_is_adopted_by_name() -> None:
    """A client hung up while the daemon was blocked; its clone comes before the next one's."""
    api = an_api()
    api.seconds = {"qmclone": 60}
    mine = asyncio.ensure_future(clone(api, name="web1"))
    api.disturb("GET /nodes/pve1/tasks", 5.0)
    await api.until_made("GET /nodes/pve1/tasks", 1)
    await api.post(("nodes", "pve1", "qemu", 9000, "clone"), {"newid": 101, "name": "web1"})
    report = await mine
    assert report.problem is None
    assert [(guest["vmid"], guest["name"]) for guest in report.values["guests"]] == [(101, "web1")]
    assert whole(api, "web1") == [101]


@pytest.mark.parametrize("known_by", ["name", "vmid"])
@in_virtual_time
async def test_adopting_costs_a_log_and_a_line_for_each_running_clone(known_by: str) -> None:
    api = an_api()
    api.seconds = {"qmclone": 60}
    count = 100
    guests = [{"name": f"w{n}", "vmid": 300 + n} for n in range(count)]
    await clone(api, guests=guests, wait=False, parallel=100, parallel_per_node=100)
    again = [{known_by: guest[known_by]} for guest in guests]
    api.calls.clear()
    report = await clone(api, guests=again)
    assert report.problem is None
    assert {outcome for _name, outcome, _changed in briefly(report)} == {"ok"}
    assert len(api.made("GET .*/log$")) == count, "each log is read once"
    rounds = len(api.made("GET /nodes/[^/]+/tasks$"))
    assert len(api.calls) - rounds - count <= 20
    assert rounds < 130


@in_virtual_time
async def test_a_task_that_creates_another_name_than_requested_is_reported() -> None:
    api = an_api()
    api.seconds = {"qmclone": 60}
    await clone(api, name="theirs", vmid=301, wait=False)
    report = await clone(api, name="web1", vmid=301)
    assert report.problem is not None
    assert "expected VMID 301 to be named 'web1', found VM 301 (theirs)" in report.problem
    assert api.cluster.guests[301].name == "theirs"


@in_virtual_time
async def test_an_adopted_guest_is_reported_with_its_real_node() -> None:
    api = an_api()
    await clone(api, name="web1", vmid=301, target_node="pve2", wait=False)
    report = await clone(api, name="web1", vmid=301)
    assert [guest["node"] for guest in report.values["guests"]] == ["pve2"]


@in_virtual_time
async def test_what_was_waited_for_is_returned_even_if_the_cluster_cannot_be_read_afterwards() -> (
    None
):
    api = an_api()
    api.seconds = {"qmclone": 100}
    first = await clone(api, name="web1", wait=False)
    running = asyncio.ensure_future(clone(api, name="web1"))
    await asyncio.sleep(50)
    api.disturb("GET /cluster/resources", NoAnswerError("GET", "596", sent=True), count=None)
    report = await running
    assert report.problem is not None
    assert [task["upid"] for task in report.values["tasks"]] == [
        task["upid"] for task in first.values["tasks"]
    ]
    assert [task["outcome"] for task in report.values["tasks"]] == ["ok"]
