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


async def wait(api: FakeApi, *tasks: FakeTask | str, **options: Any) -> Report:
    upids = [task if isinstance(task, str) else str(task.upid) for task in tasks]
    return await run_command("wait_task", api, upids=upids, **options)


def outcomes(report: Report) -> list[str]:
    return [task["outcome"] for task in report.values["tasks"]]


@in_virtual_time
async def test_tasks_are_waited_for_together_and_returned_in_order() -> None:
    api = FakeApi()
    tasks = [
        api.cluster.start(f"pve{number}", "qmclone", 9000, 10 * (4 - number))
        for number in (1, 2, 3)
    ]
    report = await wait(api, *tasks)
    assert [task["upid"] for task in report.values["tasks"]] == [str(task.upid) for task in tasks]
    assert outcomes(report) == ["ok"] * 3
    assert report.values["summary"] == summary([Outcome.OK] * 3)
    assert (report.problem, report.changed) == (None, False)
    assert now() < 33


@in_virtual_time
async def test_a_failure_is_reported_at_once_with_exit_status_and_log() -> None:
    api = FakeApi()
    log = ["copying", "TASK ERROR: no space"]
    report = await wait(
        api, api.cluster.start("pve1", "qmclone", 9000, 30, exitstatus="no space", log=log)
    )
    assert now() < 33
    assert report.problem is not None
    assert report.problem.startswith("VM 9000 - Clone on pve1: failed: no space")
    assert "no space" in report.problem
    assert report.values["tasks"][0]["log"] == log


@in_virtual_time
async def test_no_upids_are_no_error() -> None:
    report = await wait(FakeApi())
    assert (report.values["tasks"], report.values["summary"]) == ([], summary([]))
    assert report.problem is None


@in_virtual_time
async def test_a_comma_separated_string_is_a_list_and_doubles_are_one() -> None:
    api = FakeApi()
    first, second = (api.cluster.start("pve1", "qmclone", 9000, 5) for _unused in range(2))
    report = await wait(api, f"{first.upid}, {second.upid},{first.upid}")
    assert len(report.values["tasks"]) == 2


@in_virtual_time
async def test_an_invalid_upid_is_refused_before_any_request() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 5)
    with pytest.raises(UpidError, match="upids: 'UPID:nonsense'"):
        await wait(api, task, "UPID:nonsense")
    assert not api.calls


@pytest.mark.parametrize(
    ("return_when", "expected", "before"),
    [
        ("all", ["ok", "failed", "ok"], 40),
        ("first", ["ok", "running", "running"], 12),
        ("first_failure", ["ok", "failed", "running"], 22),
    ],
)
def test_it_returns_at_the_last_the_first_or_the_first_failure_as_wanted(
    return_when: str, expected: list[str], before: int
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        tasks = [
            api.cluster.start("pve1", "qmclone", 9000, seconds, exitstatus=exitstatus)
            for seconds, exitstatus in ((10, "OK"), (20, "no space"), (38, "OK"))
        ]
        report = await wait(api, *tasks, return_when=return_when)
        assert outcomes(report) == expected
        assert now() < before
        assert (report.problem is not None) is ("failed" in expected)

    scenario()


@pytest.mark.parametrize(
    ("on_timeout", "outcome", "problem", "changed"),
    [
        ("fail", "timed_out", True, False),
        ("continue", "timed_out", False, False),
        ("stop", "cancelled", True, True),
    ],
)
def test_a_task_that_is_late_is_a_failure_is_left_or_is_stopped_as_wanted(
    on_timeout: str, outcome: str, problem: bool, changed: bool
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        task = api.cluster.start("pve1", "qmclone", 9000, 3600)
        report = await wait(api, task, wait_timeout=60, on_timeout=on_timeout)
        assert outcomes(report) == [outcome]
        assert (report.problem is not None) is problem
        assert report.changed is changed
        assert len(api.made("DELETE")) == (on_timeout == "stop")
        assert now() < 65

    scenario()


@in_virtual_time
async def test_a_task_that_another_user_stopped_is_no_change_of_ours() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 10, exitstatus="received interrupt")
    report = await wait(api, task, wait_timeout=60, on_timeout="stop")
    assert outcomes(report) == ["cancelled"]
    assert not report.changed


@in_virtual_time
async def test_a_refused_stop_is_reported_with_the_reason() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 3600)
    text = "Permission check failed (/nodes/pve1, Sys.Modify)"
    api.disturb("DELETE", ApiError("DELETE", 403, text))
    report = await wait(api, task, wait_timeout=60, on_timeout="stop")
    assert outcomes(report) == ["timed_out"]
    assert report.problem is not None
    assert "Sys.Modify on /nodes/pve1" in report.problem
    assert not report.changed


@in_virtual_time
async def test_the_default_timeout_depends_on_the_type() -> None:
    api = FakeApi()
    start = api.cluster.start("pve1", "qmstart", 100, 301)
    clone = api.cluster.start("pve1", "qmclone", 9000, 7100)
    assert outcomes(await wait(api, start, clone)) == ["timed_out", "ok"]


@pytest.mark.parametrize(("warnings", "problem"), [("accept", False), ("fail", True)])
def test_a_warning_is_a_failure_only_if_requested(warnings: str, problem: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        task = api.cluster.start("pve1", "vzdump", 100, 5, exitstatus="WARNINGS: 1")
        report = await wait(api, task, warnings=warnings)
        assert outcomes(report) == ["warnings"]
        assert (report.problem is not None) is problem

    scenario()


@in_virtual_time
async def test_check_mode_polls_once_and_never_waits_or_stops() -> None:
    api = FakeApi()
    running = api.cluster.start("pve1", "qmclone", 9000, 3600)
    ended = api.cluster.start("pve2", "qmstart", 100, 3, started=-60)
    report = await wait(api, running, ended, check=True, on_timeout="stop", wait_timeout=1)
    assert outcomes(report) == ["running", "ok"]
    assert (report.problem, report.changed) == (None, False)
    assert now() < 1
    assert {call.method for call in api.calls} == {"GET"}


@in_virtual_time
async def test_an_interruption_returns_what_is_known_and_lets_tasks_go_on() -> None:
    api = FakeApi()
    ended = api.cluster.start("pve1", "qmclone", 9000, 10)
    running = api.cluster.start("pve1", "qmclone", 9000, 3600)
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(30, stop.set)
    report = await wait(api, ended, running, stop=stop)
    assert outcomes(report) == ["ok", "running"]
    assert report.problem == "interrupted while 1 of 2 tasks still run"
    assert now() < 31
    assert running.running


@in_virtual_time
async def test_a_lost_node_costs_only_its_own_tasks() -> None:
    api = FakeApi()
    here = api.cluster.start("pve1", "qmclone", 9000, 30)
    there = api.cluster.start("pve2", "qmclone", 9000, 30)
    api.cluster.down.add("pve2")
    report = await wait(api, here, there, node_timeout=100)
    assert outcomes(report) == ["ok", "lost"]
    assert report.problem is not None
    assert "pve2 does not answer" in report.problem
    assert now() < 105


@in_virtual_time
async def test_a_fixed_interval_is_kept() -> None:
    api = FakeApi()
    await wait(api, api.cluster.start("pve1", "qmclone", 9000, 60), poll_interval=10.0)
    rounds = [call.at for call in api.made("tasks") if call.params.get("source") == "active"]
    assert len(rounds) == 7


@in_virtual_time
async def test_refused_credentials_are_reported_at_once() -> None:
    api = FakeApi()
    api.disturb("GET", UsageError("the certificate of pve1:8006 is not trusted"), count=None)
    report = await wait(api, api.cluster.start("pve1", "qmclone", 9000, 60))
    assert report.problem is not None
    assert "is not trusted" in report.problem
    assert now() < 1


@in_virtual_time
async def test_a_host_that_cannot_be_reached_is_reported_after_the_retries() -> None:
    api = FakeApi()
    refused = NoAnswerError("GET", "pve1:8006: Connection refused", sent=False)
    api.disturb("GET", refused, count=None)
    report = await wait(api, api.cluster.start("pve1", "qmclone", 9000, 60))
    assert "Connection refused" in (report.problem or "")
    assert now() < 10


@pytest.mark.parametrize("failure", [RuntimeError("can't start new thread"), asyncio.Event()])
def test_the_time_to_wait_is_kept_whatever_happens(failure: Any) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        task = api.cluster.start("pve1", "qmclone", 9000, 3600)
        asyncio.get_running_loop().call_later(10, lambda: api.disturb("", failure, count=None))
        report = await wait(api, task, wait_timeout=60)
        assert outcomes(report) == ["lost"]
        assert report.problem is not None
        assert now() < 63

    scenario()


@in_virtual_time
async def test_an_error_in_the_middle_of_a_backup_s_log_is_reported() -> None:
    api = FakeApi()
    error = "ERROR: Backup of VM 101 failed - unable to find VM '101'"
    log = ["INFO: starting", error, *["INFO: more"] * 100, "TASK ERROR: job errors"]
    task = api.cluster.start("pve1", "vzdump", "", 5, exitstatus="job errors", log=log)
    report = await wait(api, task, log_lines=3)
    assert report.values["tasks"][0]["log"][0] == error
    assert error in (report.problem or "")


@in_virtual_time
async def test_a_log_that_breaks_the_reader_loses_no_outcome() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 5, exitstatus="no space")
    api.disturb("/log$", RecursionError("too deep"), count=None)
    report = await wait(api, task)
    assert outcomes(report) == ["failed"]
    assert "no space" in (report.problem or "")


@in_virtual_time
async def test_a_task_that_breaks_the_command_loses_no_other() -> None:
    api = FakeApi()
    bad = api.cluster.start("pve1", "qmclone", 9000, 3600)
    fine = api.cluster.start("pve1", "qmstart", 100, 5)
    api.disturb("DELETE", RecursionError("too deep"), count=None)
    report = await wait(api, bad, fine, wait_timeout=60, on_timeout="stop")
    assert outcomes(report) == ["lost", "ok"]
    assert "RecursionError: too deep" in (report.problem or "")


@pytest.mark.parametrize("seconds", [10**30, 10**400])
def test_waiting_for_ever_is_possible(seconds: int) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        report = await wait(
            api, api.cluster.start("pve1", "qmclone", 9000, 30), wait_timeout=seconds
        )
        assert outcomes(report) == ["ok"]

    scenario()
