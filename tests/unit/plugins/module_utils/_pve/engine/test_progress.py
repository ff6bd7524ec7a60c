# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told about jobs and chains while they run, and what that costs."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Context
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.machine import engine
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.chains import (
    Chain,
    ChainResult,
    ChainStep,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.progress import (
    SILENT,
    Event,
    Progress,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.run_command import params_of, run_command
from ansible_collections.upid.proxmox.tests.unit.scheduled import (
    CLONE,
    LOCK,
    TAKEN,
    Run,
    clone,
    job_of,
)
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

TENTH = Answer([{"n": 1, "t": "transferred 1.0 GiB of 10.0 GiB (10.00%)"}], total=1)


class Listener:
    """A sink that keeps what it is told, and when."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.times: list[float] = []

    def note(self, event: Event) -> None:
        self.events.append(event)
        self.times.append(now())

    def told(self, *wanted: str) -> list[Event]:
        return [one for one in self.events if one.event in wanted]

    def names(self, work: int = 0) -> list[str]:
        return [one.event for one in self.events if one.work == work]


def listening(**policy: Any) -> tuple[Run, Listener]:
    run, listener = Run(**policy), Listener()
    run.progress = Progress(run.api, listener)
    return run, listener


@in_virtual_time
async def test_a_job_is_told_of_from_its_queue_to_its_end() -> None:
    run, listener = listening()
    result = await run.one(clone(201))
    assert listener.names() == ["queued", "step", "started", "task_ended", "ended"]
    assert {one.title for one in listener.events} == {"VM 201 (web201)"}
    [started] = listener.told("started")
    assert result.task is not None
    assert started.upid == str(result.task.upid)
    assert [one.outcome for one in listener.told("task_ended", "ended")] == ["ok", "ok"]


@in_virtual_time
async def test_the_steps_of_a_chain_are_counted() -> None:
    run, listener = listening()

    async def prepare(before: ChainResult) -> Job:
        return job_of(before.target, "start")

    first = clone(201)
    steps = (ChainStep("clone", job=first), ChainStep("start", prepare=prepare))
    await run.chains(Chain(first.target, steps))
    told = [(one.step, one.number, one.of) for one in listener.told("step")]
    assert told == [("clone", 1, 2), ("start", 2, 2)]
    assert [one.event for one in listener.events].count("ended") == 1


@in_virtual_time
async def test_a_retry_says_why_in_one_line() -> None:
    run, listener = listening()
    run.api.disturb(CLONE, ApiError("POST /clone", 500, f"{LOCK}\nand more"))
    await run.one(clone(201))
    [retried] = listener.told("retried")
    assert retried.why is not None
    assert LOCK in retried.why
    assert "\n" not in retried.why


@in_virtual_time
async def test_a_job_with_another_vmid_has_another_title() -> None:
    run, listener = listening()
    run.api.disturb(CLONE, ApiError("POST /clone", 500, TAKEN))
    run.api.cluster.add(201, name="other")
    result = await run.one(clone(201, movable=True))
    assert listener.events[-1].title == result.job.target.label != "VM 201 (web201)"


@in_virtual_time
async def test_a_failure_says_why() -> None:
    run, listener = listening(retries=0)
    run.api.disturb(CLONE, ApiError("POST /clone", 500, "no space left"))
    await run.one(clone(201))
    [ended] = listener.told("ended")
    assert ended.outcome == "failed"
    assert "no space left" in (ended.why or "")


@in_virtual_time
async def test_a_job_that_goes_on_has_not_ended() -> None:
    run, listener = listening(wait=False)
    run.api.seconds = {"qmclone": 100}
    await run.one(clone(201))
    assert listener.names() == ["queued", "step", "started"]


@in_virtual_time
async def test_percentages_are_read_on_while_a_task_runs() -> None:
    run, listener = listening()
    run.api.seconds = {"qmclone": 300}
    await run.one(clone(201))
    assert listener.told("percent") == []
    read = [call.at for call in run.api.made("GET .*/log")]
    assert read[0] >= 2
    assert min(later - at for at, later in itertools.pairwise(read)) >= 2


@in_virtual_time
async def test_a_percentage_is_told_once() -> None:
    run, listener = listening()
    run.api.seconds = {"qmclone": 300}
    run.api.disturb("GET .*/log", TENTH, count=None)
    await run.one(clone(201))
    assert [one.percent for one in listener.told("percent")] == [10.0]


@pytest.mark.parametrize("seconds", [30, 600, 7200])
def test_they_cost_less_than_a_tenth_of_the_requests(seconds: int) -> None:
    @in_virtual_time
    async def scenario() -> tuple[int, int, float]:
        run, listener = listening()
        run.api.disturb("GET .*/log", TENTH, count=None)
        run.api.seconds = {"qmclone": seconds}
        await run(*(clone(vmid) for vmid in range(201, 221)))
        silent = Run()
        silent.api.seconds = {"qmclone": seconds}
        await silent(*(clone(vmid) for vmid in range(201, 221)))
        assert silent.api.made("GET .*/log") == []
        return len(run.api.calls), len(silent.api.calls), len(listener.told("percent"))

    told, silent, percents = scenario()
    assert percents
    assert told < 1.1 * silent


@in_virtual_time
async def test_a_log_that_cannot_be_read_disturbs_nothing() -> None:
    run, _listener = listening()
    run.api.seconds = {"qmclone": 60}
    run.api.disturb("GET .*/log", ApiError("GET /log", 403, "Permission check failed"), count=None)
    result = await run.one(clone(201))
    assert result.outcome is Outcome.OK
    assert 1 < len(run.api.made("GET .*/log")) < 8


@in_virtual_time
async def test_nobody_listens_to_silent_work() -> None:
    run = Run()
    assert run.progress.work("anything") is SILENT
    SILENT.renamed("something")
    SILENT.ended(Outcome.OK)
    assert SILENT is Progress(run.api).work("something else")


@in_virtual_time
async def test_waiting_for_tasks_is_told_of_as_well() -> None:
    api, listener = FakeApi(), Listener()
    tasks = [api.cluster.start("pve1", "qmclone", 9000, seconds) for seconds in (5, 50)]
    upids = [str(task.upid) for task in tasks]
    await run_command("wait_task", api, upids=upids, wait_timeout=20, sink=listener)
    assert listener.names(0) == ["queued", "started", "task_ended", "ended"]
    told = [(one.work, one.upid, one.outcome) for one in listener.told("task_ended")]
    assert told == [(0, upids[0], "ok"), (1, upids[1], "timed_out")]
    assert {one.title for one in listener.events} == {"VM 9000 - Clone"}


@in_virtual_time
async def test_the_tasks_of_others_that_are_waited_for_are_told_of() -> None:
    run, listener = listening()
    upid = run.api.cluster.start("pve1", "qmclone", 9000, 10, user="root@pam!ansible").upid
    params = params_of("operation", {"operation": "start", "guests": []})
    async with engine(Context(run.api, params, sink=listener)) as machine:
        await machine.watch(upid, 60)
    assert listener.names() == ["queued", "started", "task_ended", "ended"]
