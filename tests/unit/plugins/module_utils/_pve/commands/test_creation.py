# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api import clock
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.creation import names
from ansible_collections.upid.proxmox.tests.unit.cloning import (
    CLONE,
    NAMES,
    an_api,
    briefly,
    clone,
    dead_clone,
    guests_named,
)
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
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
    "failure",
    [
        NoAnswerError("GET /cluster/resources", "596 Connection timed out", sent=True),
        ApiError("GET /cluster/resources", 401, "Authentication failed!"),
    ],
)
def test_no_task_is_missing_when_the_last_reading_fails(failure: Exception) -> None:
    @in_virtual_time
    async def scenario() -> None:
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

    scenario()


@pytest.mark.parametrize("known_by", [{"name": "web1"}, {"vmid": 301}])
@pytest.mark.parametrize("target_node", ["pve1", "pve2"])
def test_a_task_that_ended_during_the_search_is_not_repeated(
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


def whole(api: FakeApi, name: str) -> list[int]:
    """The VMIDs of the guests of this name, after all tasks have ended."""
    return [guest.vmid for guest in api.cluster.guests.values() if guest.name == name]


# A missing name is not decided while a guest without one is being created.


def nothing(_api: FakeApi) -> None:
    """The same call again."""


def another_token(api: FakeApi) -> None:
    api.authid = "root@pam!other"


def the_password(api: FakeApi) -> None:
    api.authid = "root@pam"


def unreadable_logs(api: FakeApi) -> None:
    api.disturb("GET .*/log$", ApiError("GET log", 403, "Permission check failed"), count=99)


def hidden_tasks(api: FakeApi) -> None:
    api.authid, api.hides_running = "bob@pve", True
    for task in api.cluster.tasks:
        task.listed = False


@pytest.mark.parametrize("source", ["tpl", "other-tpl"])
@pytest.mark.parametrize(
    "change", [nothing, another_token, the_password, unreadable_logs, hidden_tasks]
)
def test_names_alone_and_a_short_timeout_never_create_a_guest_twice(
    change: Callable[[FakeApi], None], source: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.cluster.add(9001, name="other-tpl", template=1)
        api.seconds = {"qmclone": 400}
        wanted = guests_named("a", "b", "c")
        await clone(api, guests=wanted, wait_timeout=60)
        change(api)
        for _unused in range(2):
            report = await clone(api, guests=wanted, wait_timeout=60, source=source)
            assert len(api.made(CLONE)) == 3
            assert {outcome for _name, outcome, _changed in briefly(report)} == {"failed"}
            assert "cannot determine whether 'a' exists or is being created" in str(report.problem)
            assert "VM 10" in str(report.problem)
        await asyncio.sleep(600)
        report = await clone(api, guests=wanted, source=source)
        assert report.problem is None
        assert {outcome for _name, outcome, _changed in briefly(report)} == {"unchanged"}
        assert len(api.made(CLONE)) == 3

    scenario()


@in_virtual_time
async def test_another_user_s_clone_is_waited_for_while_a_name_is_missing() -> None:
    api = an_api()
    api.seconds = {"qmclone": 100}
    api.authid = "bob@pve"
    await clone(api, guests=guests_named("theirs", "web1"), wait=False)
    api.authid = "root@pam!ansible"
    api.seconds = {}
    report = await clone(api, guests=guests_named("web1", "web2"))
    assert [outcome for _name, outcome, _changed in briefly(report)] == ["unchanged", "ok"]
    assert len(whole(api, "web1")) == 1
    assert 100 < now() < 120


@in_virtual_time
async def test_a_vmid_needs_no_name_and_waits_for_no_other_guest() -> None:
    api = an_api()
    api.seconds = {"qmclone 9000": 1000}
    api.authid = "bob@pve"
    await clone(api, name="theirs", wait=False)
    api.authid, api.seconds = "root@pam!ansible", {}
    report = await clone(api, name="web1", vmid=301)
    assert report.problem is None
    assert now() < 30


@in_virtual_time
async def test_a_guest_that_another_user_creates_with_the_requested_vmid_is_waited_for() -> None:
    api = an_api()
    api.seconds = {"qmclone": 100}
    api.authid = "bob@pve"
    await clone(api, name="web1", vmid=301, wait=False)
    api.authid = "root@pam!ansible"
    api.disturb("GET .*/log$", ApiError("GET log", 403, "Permission check failed"), count=None)
    report = await clone(api, name="web1", vmid=301)
    assert report.problem is None
    assert briefly(report) == [("web1", "unchanged", False)]


@in_virtual_time
async def test_a_dead_leftover_keeps_no_name_from_being_decided() -> None:
    api = an_api()
    dead_clone(api)
    report = await clone(api, name="web1")
    assert report.problem is None
    assert now() < 30


@in_virtual_time
async def test_an_order_to_stop_ends_the_waiting_and_creates_nothing() -> None:
    api = an_api()
    api.seconds = {"qmclone": 500}
    await clone(api, name="theirs", wait=False)
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(20, stop.set)
    report = await clone(api, name="web1", stop=stop)
    assert now() < 30
    assert briefly(report) == [("web1", "failed", False)]
    assert len(api.made(CLONE)) == 1


# Two runs at once.


@in_virtual_time
async def test_a_name_that_another_run_created_meanwhile_is_not_created_again() -> None:
    """As after a pause of this process, in which it was run again."""
    api = an_api()
    api.seconds = {"qmclone": 20}
    mine = asyncio.ensure_future(clone(api, guests=guests_named("a", "b", "c"), parallel=1))
    await api.until_made(CLONE, 1)
    api.cluster.add(400, node="pve2", name="b")
    api.cluster.start("pve1", "qmclone", 9000, 60, "root@pam!ansible",
                      log=["creating a clone of VM 9000 with ID 401"])  # fmt: skip
    nameless = api.cluster.add(401, lock="clone")

    def done() -> None:
        nameless.config = {"name": "c"}

    api.cluster.tasks[-1].at_end = done
    report = await mine
    assert report.problem is None
    assert [(g["vmid"], g["outcome"], g["node"]) for g in report.values["guests"]] == [
        (101, "ok", "pve1"),
        (400, "unchanged", "pve2"),
        (401, "unchanged", "pve1"),
    ]
    assert len(api.made(CLONE)) == 1


@in_virtual_time
async def test_a_process_that_slept_reads_the_names_again_though_its_clock_did_not_move(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = an_api()
    asleep = [0.0]
    monkeypatch.setattr(clock, "wall", lambda: now() + asleep[0])
    api.disturb("GET /cluster/nextid", 1.0)
    mine = asyncio.ensure_future(clone(api, name="web1"))
    await api.until_made("GET /cluster/nextid", 1)
    asleep[0] = 3600.0
    api.cluster.add(400, name="web1")
    report = await mine
    assert briefly(report) == [("web1", "unchanged", False)]
    assert not api.made(CLONE)


@in_virtual_time
async def test_a_node_that_falls_silent_does_not_delay_the_starts_of_the_others() -> None:
    api = an_api()
    api.seconds = {"qmclone": 20}
    mine = asyncio.ensure_future(clone(api, guests=guests_named("a", "b", "c", "d"), parallel=1))
    await api.until_made(CLONE, 1)
    api.disturb("GET /nodes/pve3/qemu$", 60.0, count=None)
    report = await mine
    assert report.problem is None
    assert now() < 4 * 20 + 30, "it is waited for once, and not for long"


async def two_runs(**options: Any) -> tuple[FakeApi, Report, Report]:
    """Two runs that both find no guest called web1, and create it with different VMIDs."""
    api = an_api()
    api.seconds = {"qmclone": 20}
    runs = [
        asyncio.ensure_future(clone(api, name="web1", vmid_range=f"{n}00-{n}99", **options))
        for n in (3, 4)
    ]
    first, second = await asyncio.gather(*runs)
    return api, first, second


@in_virtual_time
async def test_two_guests_of_a_name_are_a_conflict_that_names_both() -> None:
    api, first, second = await two_runs()
    assert sorted(whole(api, "web1")) == [300, 400]
    for report in (first, second):
        assert "name conflict: VM 400 (web1)" in str(report.problem)
        assert "VM 300 (web1)" in str(report.problem)
        assert briefly(report) == [("web1", "failed", True)]
    assert not api.made("DELETE")


@in_virtual_time
async def test_the_later_of_two_guests_of_a_name_is_removed_by_its_own_run() -> None:
    api, first, second = await two_runs(on_conflict="remove")
    assert whole(api, "web1") == [300]
    assert (first.problem, second.problem) == (None, None)
    assert briefly(first) == [("web1", "ok", True)]
    assert briefly(second) == [("web1", "unchanged", False)]
    assert [guest["vmid"] for guest in second.values["guests"]] == [300]
    assert [task["type"] for task in second.values["tasks"]] == ["qmclone", "qmdestroy"]
    [removal] = api.made("DELETE")
    assert removal.path.endswith("/qemu/400")
    assert removal.params == {"purge": 1, "destroy-unreferenced-disks": 1}


@pytest.mark.parametrize("touched", ["running", "locked", "task"])
def test_what_was_started_or_is_worked_on_is_never_removed(touched: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.seconds = {"qmclone": 20}
        mine = asyncio.ensure_future(
            clone(api, name="web1", vmid_range="400-499", on_conflict="remove")
        )
        await api.until_made(CLONE, 1)
        api.cluster.add(300, name="web1")
        await asyncio.sleep(20.05)
        api.cluster.settle()
        guest = api.cluster.guests[400]
        if touched == "running":
            guest.status = "running"
        elif touched == "locked":
            guest.config["lock"] = "backup"
        else:
            api.cluster.start("pve1", "qmstart", 400, 1)
        report = await mine
        assert "It is not removed: it " in str(report.problem)
        assert not api.made("DELETE")

    scenario()


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


# What it costs.


@pytest.mark.parametrize("known_by", ["name", "vmid"])
def test_adopting_costs_a_log_and_a_line_for_each_running_clone(known_by: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
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

    scenario()


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
    assert "expected VMID 301 to be named 'web1', found VM 301 (theirs)" in report.problem
    assert len(api.cluster.tasks) == 1


@in_virtual_time
async def test_an_adopted_guest_is_reported_with_its_real_node() -> None:
    api = an_api()
    await clone(api, name="web1", vmid=301, target_node="pve2", wait=False)
    report = await clone(api, name="web1", vmid=301)
    assert [guest["node"] for guest in report.values["guests"]] == ["pve2"]


# Leftovers.


@in_virtual_time
async def test_a_leftover_is_named_with_the_way_out_and_never_touched() -> None:
    api = an_api()
    dead_clone(api)
    report = await clone(api, guests=[{"vmid": 301, "name": "web1"}, {"name": "web2"}])
    assert report.problem is not None
    assert "qm unlock 301 && qm destroy 301" in report.problem
    assert [guest["outcome"] for guest in report.values["guests"]] == ["failed", "ok"]
    assert api.cluster.guests[301].config["lock"] == "clone"
    assert not api.made("DELETE")


@in_virtual_time
async def test_a_locked_guest_without_a_task_of_ours_may_belong_to_another_user() -> None:
    api = an_api()
    dead_clone(api, user="bob@pve")
    report = await clone(api, vmid=301, name="web1", replace_leftovers=True)
    assert report.problem is not None
    assert "Sys.Audit on /nodes/pve1" in report.problem
    assert not api.made("DELETE")


@pytest.mark.parametrize("wait", [True, False])
def test_root_may_have_a_leftover_replaced(wait: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api(authid="root@pam")
        dead_clone(api)
        api.cluster.images = {301: ["ceph:vm-301-disk-0"]}
        warned: list[str] = []
        report = await clone(
            api, vmid=301, name="web1", replace_leftovers=True, wait=wait, warned=warned
        )
        assert report.problem is None
        types = [task["type"] for task in report.values["tasks"]]
        assert types == ["qmdestroy", "qmclone"], "every started task is told"
        [removal] = api.made("DELETE")
        assert removal.params == {"skiplock": 1, "purge": 1, "destroy-unreferenced-disks": 1}
        assert api.cluster.images == {}, "no orphan is left"
        assert warned == [
            "The leftover VM 301 on pve1 was removed with its disks: ceph:vm-301-disk-0"
        ]
        await asyncio.sleep(60)
        api.cluster.settle()
        assert api.cluster.guests[301].name == "web1"

    scenario()


@pytest.mark.parametrize("log", ["empty", "unreadable"])
def test_a_running_clone_is_never_taken_for_the_leftover_of_an_older_one(log: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api(authid="root@pam")
        dead_clone(api)
        running = api.cluster.start("pve1", "qmclone", 9000, 100, api.authid, log=[])
        guest = api.cluster.guests[301]

        def done() -> None:
            guest.config = {"name": "web1"}

        running.at_end = done
        if log == "unreadable":
            error = ApiError("GET log", 403, "Permission check failed")
            api.disturb(f"GET .*{running.upid}/log$", error, count=None)
        report = await clone(api, vmid=301, name="web1", replace_leftovers=True)
        assert report.problem is None
        assert not api.made("DELETE")
        assert len(whole(api, "web1")) == 1

    scenario()


@in_virtual_time
async def test_a_leftover_that_cannot_be_removed_is_reported_with_the_reason() -> None:
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


# Many guests.


@in_virtual_time
async def test_a_large_cluster_is_read_less_often_and_no_start_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(names, "_EACH", 0.02)

    async def read(others: int) -> tuple[list[float], float]:
        """When the names were read, and how long the fleet took."""
        api = an_api()
        api.seconds = {"qmclone": 3.0, "qmstart": 1.0}
        for vmid in range(1000, 1000 + others):
            api.cluster.add(vmid, node="pve2", name=f"other{vmid}")
        began = now()
        guests = [{"name": f"web{number}"} for number in range(80)]
        report = await run_command("fleet", api, source="tpl", guests=guests, parallel=4)
        assert report.problem is None, report.problem
        return [call.at for call in api.made("GET /nodes/pve2/qemu$")], now() - began

    (small, seconds), (large, longer) = await read(0), await read(200)
    assert len(large) < len(small)
    assert all(later - earlier > 3.9 for earlier, later in itertools.pairwise(large[1:]))
    assert longer < seconds + 0.02 * 282, "only the last guest waits for a reading"


@in_virtual_time
async def test_a_container_of_the_name_of_a_vm_does_not_keep_it_from_being_created() -> None:
    api = an_api()
    api.cluster.add(300, "lxc", hostname="web1")
    api.cluster.add(9001, name="new-tpl", template=1, scsi0="ceph:base-9001-disk-0")
    api.cluster.guests[9001].born = now()  # its name is read from the lists of the nodes
    report = await clone(api, source="new-tpl", guests=[{"name": "web1"}])
    assert briefly(report) == [("web1", "ok", True)]
