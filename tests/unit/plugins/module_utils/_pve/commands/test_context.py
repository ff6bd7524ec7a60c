# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import (
    Context,
    Report,
    Verdict,
    attend,
    failures,
    summary,
    task_values,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome, Task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

UPID = Upid.parse("UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:root@pam:")


def test_by_default_only_successful_outcomes_are_accepted() -> None:
    accepted = {outcome for outcome in Outcome if Verdict().accepts(outcome)}
    assert accepted == {Outcome.OK, Outcome.WARNINGS, Outcome.UNCHANGED}


@pytest.mark.parametrize(
    ("verdict", "outcome", "accepted"),
    [
        (Verdict(warnings="fail"), Outcome.WARNINGS, False),
        (Verdict(on_timeout="continue"), Outcome.TIMED_OUT, True),
        (Verdict(on_timeout="stop"), Outcome.TIMED_OUT, False),
        (Verdict(on_timeout="continue"), Outcome.LOST, False),
    ],
)
def test_options_decide_about_warnings_and_lateness(
    verdict: Verdict, outcome: Outcome, accepted: bool
) -> None:
    assert verdict.accepts(outcome) is accepted


def test_a_summary_counts_each_outcome() -> None:
    outcomes = [Outcome.OK, Outcome.FAILED, Outcome.OK]
    told = {name: count for name, count in summary(outcomes).items() if count}
    assert told == {"failed": 1, "ok": 2, "total": 3}
    assert set(summary([])) == {*(outcome.value for outcome in Outcome), "total"}
    assert set(summary([]).values()) == {0}


def test_a_task_is_returned_once_in_its_last_known_state() -> None:
    [told] = task_values([Task(UPID), Task(UPID, Outcome.OK, "OK")])
    assert told["outcome"] == "ok"


def test_a_message_lists_ten_failures_and_counts_the_others() -> None:
    told = [f"web{number}" for number in range(12)]
    lines = failures("12 of 50 guests failed:", told).split("\n")
    assert lines[0] == "12 of 50 guests failed:"
    assert lines[1:11] == told[:10]
    assert lines[11:] == ["... and 2 more, see the result"]
    assert failures("1 of 1:", ["web1"]) == "1 of 1:\nweb1"


# Interrupts.


def a_context(stop: asyncio.Event) -> Context:
    return Context(FakeApi(), {}, stop=stop)


@in_virtual_time
async def test_what_only_reads_is_ended_at_once() -> None:
    stop = asyncio.Event()

    async def reads(_context: Context) -> Report:
        await asyncio.sleep(1000)
        raise AssertionError

    asyncio.get_running_loop().call_later(5, stop.set)
    report = await attend(reads, a_context(stop))
    assert report.problem == "interrupted"
    assert now() < 6


@in_virtual_time
async def test_what_must_not_be_cut_off_ends_by_itself_and_is_reported() -> None:
    stop = asyncio.Event()

    async def starts(context: Context) -> Report:
        with context.ends_by_itself():
            await asyncio.sleep(60)
        context.record.append(Task(UPID, Outcome.OK, "OK"))
        await asyncio.sleep(2)
        return Report({"tasks": task_values(context.record)})

    asyncio.get_running_loop().call_later(5, stop.set)
    report = await attend(starts, a_context(stop))
    assert report.problem is None
    assert len(report.values["tasks"]) == 1
    assert 61.5 <= now() < 63


@in_virtual_time
async def test_a_report_that_does_not_come_is_not_waited_for_and_loses_no_task() -> None:
    stop = asyncio.Event()

    async def hangs(context: Context) -> Report:
        with context.ends_by_itself():
            await stop.wait()
        context.record.append(Task(UPID, Outcome.RUNNING))
        await asyncio.sleep(1000)
        raise AssertionError

    asyncio.get_running_loop().call_later(5, stop.set)
    report = await attend(hangs, a_context(stop))
    assert report.problem == "interrupted"
    assert [task["upid"] for task in report.values["tasks"]] == [str(UPID)]
    assert now() < 12


@pytest.mark.parametrize("recorded", [True, False])
def test_an_error_of_this_program_is_reported_and_loses_no_task(recorded: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async def breaks(context: Context) -> Report:
            if recorded:
                context.record.append(Task(UPID, Outcome.OK, "OK"))
            raise ZeroDivisionError

        report = await attend(breaks, a_context(asyncio.Event()))
        assert "please report it" in str(report.problem)
        assert "ZeroDivisionError" in str(report.problem)
        assert [task["upid"] for task in report.values["tasks"]] == [str(UPID)] * recorded

    scenario()
