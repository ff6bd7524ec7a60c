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
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import (
    Report,
    summary,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import UpidError
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import FakeTask, now
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

FIRST_LINE = "creating a clone of VM 9000 with ID 301"


async def stop(api: FakeApi, *tasks: FakeTask | str, **options: Any) -> Report:
    upids = [task if isinstance(task, str) else str(task.upid) for task in tasks]
    return await run_command("stop_task", api, upids=upids, **options)


def outcomes(report: Report) -> list[str]:
    return [task["outcome"] for task in report.values["tasks"]]


@in_virtual_time
async def test_what_runs_is_stopped_and_what_has_ended_is_left_alone() -> None:
    api = FakeApi()
    running = api.cluster.start("pve1", "qmclone", 9000)
    ended = api.cluster.start("pve2", "qmstart", 100, 3, started=-60)
    report = await stop(api, ended, running)
    assert outcomes(report) == ["ok", "cancelled"]
    assert report.values["summary"] == summary([Outcome.CANCELLED, Outcome.OK])
    assert (report.changed, report.problem) == (True, None)
    assert [call.path.split("/")[4] for call in api.made("DELETE")] == [str(running.upid)]
    assert not running.running


@in_virtual_time
async def test_no_task_is_missing_when_leftovers_cannot_be_searched_for() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, log=[FIRST_LINE])
    failure = NoAnswerError("GET /cluster/resources", "596 Connection timed out", sent=True)
    api.disturb("GET /cluster/resources$", failure, count=None)
    report = await stop(api, task)
    assert outcomes(report) == ["cancelled"]
    assert report.changed
    assert report.problem is not None
    assert "locks" in report.problem
    assert str(failure) in report.problem


@in_virtual_time
async def test_the_same_call_again_changes_nothing() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    await stop(api, task)
    report = await stop(api, task)
    assert outcomes(report) == ["cancelled"]
    assert not report.changed
    assert len(api.made("DELETE")) == 1


@in_virtual_time
async def test_check_mode_stops_nothing() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    report = await stop(api, task, check=True)
    assert (outcomes(report), report.changed, report.problem) == (["running"], True, None)
    assert {call.method for call in api.calls} == {"GET"}


@in_virtual_time
async def test_a_stop_that_is_refused_names_the_right_and_the_task_runs_on() -> None:
    api = FakeApi()
    refused = api.cluster.start("pve1", "qmclone", 9000)
    other = api.cluster.start("pve2", "qmclone", 9000)
    text = "Permission check failed (/nodes/pve1, Sys.Modify)"
    api.disturb("DELETE /nodes/pve1", ApiError("DELETE", 403, text))
    report = await stop(api, refused, other)
    assert outcomes(report) == ["running", "cancelled"]
    assert report.problem is not None
    assert "1 of 2 tasks could not be stopped" in report.problem
    assert "Sys.Modify on /nodes/pve1" in report.problem


@in_virtual_time
async def test_a_task_that_does_not_end_is_reported() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmrestore", 100)
    api.disturb("DELETE", NoAnswerError("DELETE", "596", sent=True), count=None)
    report = await stop(api, task, wait_timeout=30)
    assert outcomes(report) == ["timed_out"]
    assert report.problem is not None
    assert not report.changed
    assert 30 <= now() < 32


@in_virtual_time
async def test_an_unknown_task_is_reported() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    api.cluster.tasks.clear()
    report = await stop(api, task)
    assert outcomes(report) == ["lost"]
    assert report.problem is not None
    assert "has no such task" in report.problem


@in_virtual_time
async def test_a_leftover_lock_is_reported_with_its_remedy() -> None:
    api = FakeApi()
    api.cluster.add(9000, name="tpl")
    api.cluster.add(301, lock="clone")
    api.cluster.add(302, lock="backup")
    task = api.cluster.start("pve1", "qmclone", 9000, log=[FIRST_LINE])
    report = await stop(api, task)
    assert report.values["leftovers"] == [
        {
            "vmid": 301,
            "node": "pve1",
            "type": "qemu",
            "lock": "clone",
            "command": "qm unlock 301",
            "message": None,
        }
    ]


def left(report: Report) -> list[tuple[int, str | None]]:
    return [(one["vmid"], one["command"]) for one in report.values["leftovers"]]


@in_virtual_time
async def test_a_vmid_that_only_begins_like_the_target_is_not_touched() -> None:
    api = FakeApi()
    for vmid in (301, 3010, 30):
        api.cluster.add(vmid, lock="clone")
    task = api.cluster.start("pve1", "qmclone", 9000, log=[f"{FIRST_LINE}0"])
    assert left(await stop(api, task)) == [(3010, "qm unlock 3010")]


@pytest.mark.parametrize(
    ("type_", "id_", "log"),
    [
        ("qmclone", 9000, [FIRST_LINE]),
        ("qmclone", 9000, []),
        ("qmcreate", 301, []),
        ("qmconfig", 301, []),
    ],
    ids=["clone", "clone that has not logged yet", "restore", "anything on it"],
)
@pytest.mark.parametrize("node", ["pve1", "pve2"])
def test_a_guest_that_a_running_task_may_have_locked_is_no_leftover(
    node: str, type_: str, id_: int, log: list[str]
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.cluster.add(301, lock="clone" if type_ != "qmcreate" else "create")
        dead = api.cluster.start("pve1", "qmclone", 9000, log=[FIRST_LINE])
        api.cluster.start(node, type_, id_, log=log, user="somebody@pve")
        report = await stop(api, dead)
        assert (report.values["leftovers"], report.problem) == ([], None)

    scenario()


@in_virtual_time
async def test_the_work_of_others_on_other_guests_hides_no_leftover() -> None:
    api = FakeApi()
    api.cluster.add(301, lock="clone")
    dead = api.cluster.start("pve1", "qmclone", 9000, log=[FIRST_LINE])
    api.cluster.start("pve1", "qmclone", 9000, log=["creating a clone of VM 9000 with ID 3010"])
    api.cluster.start("pve2", "qmstart", 300)
    assert left(await stop(api, dead)) == [(301, "qm unlock 301")]


@in_virtual_time
async def test_no_command_is_given_while_a_node_cannot_be_read() -> None:
    api = FakeApi()
    api.cluster.add(301, lock="clone")
    api.cluster.down.add("pve3")
    report = await stop(api, api.cluster.start("pve1", "qmclone", 9000, log=[FIRST_LINE]))
    assert left(report) == [(301, None)]
    [leftover] = report.values["leftovers"]
    assert "cannot determine whether a running task holds the lock: pve3: " in leftover["message"]


@in_virtual_time
async def test_no_command_is_given_without_the_privilege_to_see_other_tasks() -> None:
    api = FakeApi(hides_running=True)
    api.cluster.add(301, lock="clone")
    report = await stop(api, api.cluster.start("pve1", "qmclone", 9000, log=[FIRST_LINE]))
    assert left(report) == [(301, None)]
    assert "without Sys.Audit on /nodes/pve1" in report.values["leftovers"][0]["message"]


@in_virtual_time
async def test_a_silent_node_delays_the_stop_of_no_other_task() -> None:
    api = FakeApi()
    here = api.cluster.start("pve1", "qmclone", 9000)
    there = api.cluster.start("pve2", "qmclone", 9000)
    api.disturb("/nodes/pve2/", 30.0, count=None)
    stopping = asyncio.ensure_future(stop(api, there, here))
    await asyncio.sleep(2)
    assert not here.running
    await stopping


@in_virtual_time
async def test_an_interrupt_ends_the_wait_and_reports_running_tasks() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000)
    api.disturb("DELETE", 30.0, count=None)
    stop_now = asyncio.Event()
    asyncio.get_running_loop().call_later(2, stop_now.set)
    report = await stop(api, task, stop=stop_now)
    assert now() < 3
    assert outcomes(report) == ["running"]
    assert "interruption" in (report.problem or "")


@in_virtual_time
async def test_one_lost_answer_anywhere_spoils_nothing() -> None:
    for place in ("tasks$", "DELETE", "GET /cluster/resources", "/log$"):
        api = FakeApi()
        api.cluster.add(301, lock="clone")
        task = api.cluster.start("pve1", "qmclone", 9000, log=[FIRST_LINE])
        api.disturb(place, NoAnswerError("x", "connection reset", sent=True))
        report = await stop(api, task)
        assert (outcomes(report), left(report)) == (["cancelled"], [(301, "qm unlock 301")])


@in_virtual_time
async def test_wrong_credentials_are_reported() -> None:
    api = FakeApi()
    api.disturb("", ApiError("GET", 401, "authentication failure"), count=None)
    report = await stop(api, api.cluster.start("pve1", "qmclone", 9000))
    assert "check api_user and api_password" in (report.problem or "")
    assert now() < 1


@in_virtual_time
async def test_a_container_s_source_may_stay_locked_too() -> None:
    api = FakeApi()
    api.cluster.add(9100, "lxc", hostname="tpl", lock="disk")
    task = api.cluster.start("pve1", "vzclone", 9100, log=["creating a clone"])
    report = await stop(api, task)
    commands = [leftover["command"] for leftover in report.values["leftovers"]]
    assert commands == ["pct unlock 9100"]


@in_virtual_time
async def test_without_a_lock_nothing_is_reported() -> None:
    api = FakeApi()
    api.cluster.add(100, name="app1", lock="backup")
    report = await stop(api, api.cluster.start("pve1", "qmstart", 100))
    assert report.values["leftovers"] == []
    assert not api.made("resources")


@pytest.mark.parametrize("bad", ["nonsense", "UPID:pve1:1:2:3:qmstart:100:root@pam:"])
def test_what_is_no_upid_is_refused_before_anything_is_stopped(bad: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        with pytest.raises(UpidError, match=r"^upids: "):
            await stop(api, api.cluster.start("pve1", "qmclone", 9000), bad)
        assert not api.calls

    scenario()


@in_virtual_time
async def test_a_task_that_breaks_the_command_loses_no_other() -> None:
    api = FakeApi()
    bad = api.cluster.start("pve1", "qmclone", 9000)
    fine = api.cluster.start("pve2", "qmclone", 9000)
    api.disturb("DELETE /nodes/pve1", RecursionError("too deep"), count=None)
    report = await stop(api, bad, fine)
    assert outcomes(report) == ["lost", "cancelled"]
    assert "RecursionError: too deep" in (report.problem or "")
