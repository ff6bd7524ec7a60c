# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
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

# It goes on with what an earlier call has begun.


@pytest.mark.parametrize("known_by", ["name", "vmid"])
@pytest.mark.parametrize("source", ["tpl", "ct-tpl"])
@pytest.mark.parametrize("wait", [True, False])
def test_what_is_on_its_way_is_taken_over(known_by: str, source: str, wait: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
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

    scenario()


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
    "trouble",
    [
        NoAnswerError("GET /cluster/resources", "596 Connection timed out", sent=True),
        ApiError("GET /cluster/resources", 401, "Authentication failed!"),
    ],
)
def test_no_task_is_missing_when_the_last_look_fails(trouble: Exception) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.seconds = {"qmclone": 60}
        await clone(api, name="web1", vmid=301, wait=False)

        def fail() -> None:
            api.disturb("GET /cluster/resources$", trouble, count=None)

        asyncio.get_running_loop().call_later(30, fail)
        wanted = [{"name": "web1", "vmid": 301}, {"name": "web2", "vmid": 302}]
        report = await clone(api, guests=wanted)
        assert [guest["outcome"] for guest in report.values["guests"]] == ["lost", "ok"]
        assert len(report.values["tasks"]) == 2
        assert report.problem is not None
        assert "web1" in report.problem
        assert str(trouble) in report.problem

    scenario()


@pytest.mark.parametrize("known_by", [{"name": "web1"}, {"vmid": 301}])
@pytest.mark.parametrize("target_node", ["pve1", "pve2"])
def test_what_ended_while_it_was_looked_for_is_not_made_again(
    known_by: dict[str, Any], target_node: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
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

    scenario()


@in_virtual_time
async def test_somebody_else_s_clone_is_not_waited_for_by_its_missing_name() -> None:
    api = an_api()
    api.seconds = {"qmclone": 1000}
    api.authid = "bob@pve"
    await clone(api, name="theirs", wait=False)
    api.authid = "root@pam!ansible"
    api.seconds = {}
    report = await clone(api, name="web1")
    assert report.problem is None
    assert now() < 30


@in_virtual_time
async def test_a_task_that_makes_another_name_than_wanted_is_told() -> None:
    api = an_api()
    api.seconds = {"qmclone": 60}
    await clone(api, name="theirs", vmid=301, wait=False)
    report = await clone(api, name="web1", vmid=301)
    assert report.problem is not None
    assert "301 shall be 'web1', but it became VM 301 (theirs)" in report.problem
    assert api.cluster.guests[301].name == "theirs"


@in_virtual_time
async def test_another_play_of_the_same_user_may_have_taken_the_vmid_of_a_call_that_got_lost() -> (
    None
):
    api = an_api()
    api.disturb(CLONE, NoAnswerError("POST", "connection lost", sent=True))
    mine = asyncio.ensure_future(clone(api, name="web1", vmid=301))
    await api.until_made(CLONE, 1)
    theirs = await clone(api, name="theirs", vmid=301, wait=False)
    report = await mine
    assert theirs.problem is None
    assert report.problem is not None
    assert "301 shall be 'web1', but it became VM 301 (theirs)" in report.problem
    assert len(api.cluster.tasks) == 1


@in_virtual_time
async def test_what_was_taken_over_is_told_where_it_came_to_be() -> None:
    api = an_api()
    await clone(api, name="web1", vmid=301, target_node="pve2", wait=False)
    report = await clone(api, name="web1", vmid=301)
    assert [guest["node"] for guest in report.values["guests"]] == ["pve2"]


# Left-overs.


@in_virtual_time
async def test_a_left_over_is_named_with_the_way_out_and_never_touched() -> None:
    api = an_api()
    dead_clone(api)
    report = await clone(api, guests=[{"vmid": 301, "name": "web1"}, {"name": "web2"}])
    assert report.problem is not None
    assert "qm unlock 301 && qm destroy 301" in report.problem
    assert [guest["outcome"] for guest in report.values["guests"]] == ["failed", "ok"]
    assert api.cluster.guests[301].config["lock"] == "clone"
    assert not api.made("DELETE")


@in_virtual_time
async def test_a_locked_guest_without_a_task_of_ours_may_be_somebody_else_s() -> None:
    api = an_api()
    dead_clone(api, user="bob@pve")
    report = await clone(api, vmid=301, name="web1", replace_leftovers=True)
    assert report.problem is not None
    assert "Sys.Audit on /nodes/pve1" in report.problem
    assert not api.made("DELETE")


@pytest.mark.parametrize("wait", [True, False])
def test_root_may_have_a_left_over_replaced(wait: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api(authid="root@pam")
        dead_clone(api)
        report = await clone(api, vmid=301, name="web1", replace_leftovers=True, wait=wait)
        assert report.problem is None
        types = [task["type"] for task in report.values["tasks"]]
        assert types == ["qmdestroy", "qmclone"], "every started task is told"
        await asyncio.sleep(60)
        api.cluster.settle()
        assert api.cluster.guests[301].name == "web1"

    scenario()


@in_virtual_time
async def test_a_left_over_that_cannot_be_removed_says_why() -> None:
    api = an_api()
    dead_clone(api)
    report = await clone(api, vmid=301, name="web1", replace_leftovers=True)
    assert report.problem is not None
    assert "Only root may use this option" in report.problem
    assert "qm unlock 301" in report.problem


@in_virtual_time
async def test_nothing_is_removed_when_no_vmid_can_be_chosen() -> None:
    api = an_api()
    dead_clone(api, 301)
    wanted = [{"name": "web1", "vmid": 301}, {"name": "web2"}]
    with pytest.raises(UsageError, match="no VMID is free"):
        await clone(api, guests=wanted, vmid_range="301-301", replace_leftovers=True)
    assert not api.made("DELETE")


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
