# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError, PveError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job, Unneeded
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.lane import Lane
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.scheduled import (
    CLONE,
    LOCK,
    LOST,
    NAMES,
    NO_WORKER,
    STORAGE_LOCK,
    Run,
    clone,
    power,
)
from ansible_collections.upid.proxmox.tests.unit.virtual_time import (
    in_virtual_time,
    run_virtually,
)
from hypothesis import given
from hypothesis import strategies as st

# Any number of jobs.

JOBS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(NAMES), st.booleans(), max_size=3),
        st.integers(1, 9),
        st.sampled_from(["OK", "OK", "WARNINGS: 1", "no space", LOCK]),
        st.sampled_from([None, None, None, NO_WORKER, "VM is locked (backup)"]),
    ),
    max_size=12,
)


@given(JOBS, st.dictionaries(st.sampled_from(NAMES), st.integers(1, 3)))
def test_no_lane_is_exceeded_no_job_waits_without_need_and_all_are_reported(
    drawn: Sequence[tuple[dict[str, bool], int, str, str | None]], limits: dict[str, int]
) -> None:
    run_virtually(check_any_jobs(drawn, limits))


async def check_any_jobs(
    drawn: Sequence[tuple[dict[str, bool], int, str, str | None]], limits: dict[str, int]
) -> None:
    run = Run(limits)
    jobs = []
    for vmid, (lanes, seconds, end, refusal) in enumerate(drawn, 300):
        wanted = tuple(Lane(name, exclusive) for name, exclusive in lanes.items())
        jobs.append(power(run, vmid, lanes=wanted))
        run.api.seconds[f"qmstart {vmid}"] = seconds
        run.api.ends[f"qmstart {vmid}"] = [end]
        if refusal:
            run.api.disturb(f"POST .*/{vmid}/", ApiError("POST", 500, refusal))
    guard = asyncio.ensure_future(watch_lanes(run, jobs, limits))
    results = await run(*jobs)
    guard.cancel()
    [seen] = await asyncio.gather(guard, return_exceptions=True)
    assert seen != "broken"
    assert [result.job.target.vmid for result in results] == [job.target.vmid for job in jobs]
    started = Counter(int(task.upid.id) for task in run.api.cluster.tasks)
    for result, (_lanes, _seconds, end, refusal) in zip(results, drawn, strict=True):
        assert result.outcome is expected_outcome(end, refusal), result.message
        assert len(result.tasks) == started[result.job.target.vmid]
        assert all(task.outcome.finished for task in result.tasks)


def expected_outcome(end: str, refusal: str | None) -> Outcome:
    """What becomes of a job that is refused once with this, or whose task ends with that."""
    if refusal not in (None, NO_WORKER) or end == "no space":
        return Outcome.FAILED
    return Outcome.WARNINGS if end.startswith("WARNINGS") else Outcome.OK


async def watch_lanes(run: Run, jobs: Sequence[Job], limits: Mapping[str, int]) -> str:
    """At any time: what runs keeps to the lanes, and who was never started has a reason."""
    idle: Counter[int] = Counter()
    by_id = {job.task_id: job for job in jobs}
    while True:
        await asyncio.sleep(0.25)
        running = [by_id[task.upid.id] for task in run.api.cluster.tasks if task.running]
        held = [lane for job in running for lane in job.lanes]
        used, closed = Counter(lane.name for lane in held), {o.name for o in held if o.exclusive}
        if any(used[name] > limits.get(name, 99) for name in used):
            return "broken"
        if any(used[name] > 1 for name in closed):
            return "broken"
        for job in jobs:
            called = run.api.made(f"POST .*/{job.target.vmid}/")
            free = all(
                lane.name not in closed
                and not (lane.exclusive and used[lane.name])
                and used[lane.name] < limits.get(lane.name, 99)
                for lane in job.lanes
            )
            idle[job.target.vmid] = idle[job.target.vmid] + 1 if free and not called else 0
            if idle[job.target.vmid] > 8:
                return "broken"


@in_virtual_time
async def test_no_jobs_are_no_work() -> None:
    assert await Run()() == []


# One call, one task.


@in_virtual_time
async def test_a_job_is_started_once_and_seen_through() -> None:
    run = Run()
    result = await run.one(clone())
    assert (result.outcome, result.attempts, result.changed) == (Outcome.OK, 1, True)
    assert result.task is not None
    assert str(result.task.upid) == str(run.api.cluster.tasks[0].upid)
    assert run.api.cluster.guests[201].config["name"] == "web201"


@in_virtual_time
async def test_a_task_that_fails_for_good_is_not_tried_again() -> None:
    run = Run()
    run.api.ends["qmclone"] = ["clone failed: no space left"]
    result = await run.one(clone())
    assert (result.outcome, result.attempts) == (Outcome.FAILED, 1)
    assert result.task is not None
    assert result.task.log[-1] == "TASK ERROR: clone failed: no space left"


@pytest.mark.parametrize("failures", [1, 3, 4])
def test_what_passes_by_itself_is_tried_again_so_many_times(failures: int) -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run(retries=3)
        run.api.disturb(CLONE, ApiError("POST", 500, NO_WORKER), count=failures)
        result = await run.one(clone())
        assert result.outcome is (Outcome.OK if failures < 4 else Outcome.FAILED)
        assert result.attempts == min(4, failures + 1) == len(run.api.made(CLONE))
        if failures == 4:
            assert "after 4 attempts" in (result.message or "")
            assert NO_WORKER in (result.message or "")

    scenario()


@pytest.mark.parametrize("how", ["refused", "in the task"])
def test_a_lock_is_waited_for_as_long_as_a_clean_up_may_keep_it(how: str) -> None:
    """The clean-up of a VM that has stopped keeps its lock for 30 s when it runs again."""

    @in_virtual_time
    async def scenario() -> None:
        run = Run(retries=1)
        if how == "refused":
            run.api.disturb(CLONE, ApiError("POST", 500, LOCK), count=None)
            asyncio.get_running_loop().call_later(30, run.api.disturbances.clear)
        else:
            run.api.seconds["qmclone"] = 1
            run.api.ends["qmclone"] = [LOCK] * 12
        result = await run.one(clone())
        assert result.outcome is Outcome.OK
        assert [task.outcome for task in result.tasks[:-1]] == (
            [] if how == "refused" else [Outcome.FAILED] * 12
        )

    scenario()


@in_virtual_time
async def test_a_lock_that_is_never_released_ends_the_attempts() -> None:
    run = Run(retries=1)
    run.api.disturb(CLONE, ApiError("POST", 500, LOCK), count=None)
    result = await run.one(clone())
    assert result.outcome is Outcome.FAILED
    assert LOCK in (result.message or "")
    assert 35 <= now() < 45


@in_virtual_time
async def test_retries_wait_longer_each_time() -> None:
    run = Run(retries=3)
    run.api.disturb(CLONE, ApiError("POST", 500, NO_WORKER), count=3)
    await run.one(clone())
    calls = [call.at for call in run.api.made(CLONE)]
    pauses = [later - earlier for earlier, later in pairwise(calls)]
    assert 0.5 <= pauses[0] <= 1.1 <= pauses[2]
    assert 2 <= pauses[2] <= 4.1


@in_virtual_time
async def test_a_refusal_is_not_retried_and_names_the_privilege() -> None:
    run = Run()
    error = ApiError("POST /nodes/pve1/qemu/9000/clone", 403, "Permission check failed")
    run.api.disturb(CLONE, error)
    result = await run.one(replace(clone(), needs="VM.Clone on /vms/9000"))
    assert (result.outcome, result.attempts, result.changed) == (Outcome.FAILED, 1, False)
    assert "VM.Clone on /vms/9000" in (result.message or "")


# Storage lanes.


@in_virtual_time
async def test_a_storage_lock_halves_the_lane_and_costs_no_retry_until_it_is_one() -> None:
    run = Run(retries=1)
    run.api.ends["qmclone"] = [STORAGE_LOCK] * 4
    results = await run(*(clone(vmid) for vmid in range(201, 209)))
    assert {result.outcome for result in results} == {Outcome.OK}
    assert len(run.api.made(CLONE)) == 12


@in_virtual_time
async def test_with_a_narrow_lane_fewer_run_at_once() -> None:
    run = Run()
    run.api.ends["qmclone"] = [STORAGE_LOCK] * 2
    await run(*(clone(vmid) for vmid in range(201, 217)))
    first = [call.at for call in run.api.made(CLONE)][:16]
    assert max(first) < 0.1
    later = [task for task in run.api.cluster.tasks if task.exitstatus == "OK"]
    assert len(later) == 16


@in_virtual_time
async def test_a_storage_that_never_gives_its_lock_ends_the_retries() -> None:
    run = Run(retries=2)
    run.api.ends["qmclone"] = [STORAGE_LOCK] * 50
    results = await run(*(clone(vmid) for vmid in (201, 202)))
    assert {result.outcome for result in results} == {Outcome.FAILED}
    assert len(run.api.made(CLONE)) < 12


# The end of patience.


@pytest.mark.parametrize(
    ("on_timeout", "outcome", "running"),
    [
        ("fail", Outcome.TIMED_OUT, True),
        ("continue", Outcome.TIMED_OUT, True),
        ("stop", Outcome.CANCELLED, False),
    ],
)
def test_a_task_that_takes_too_long(on_timeout: str, outcome: Outcome, running: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run(on_timeout=on_timeout)
        run.api.seconds["qmclone"] = 3600
        result = await run.one(clone(timeout=60))
        assert result.outcome is outcome
        assert run.api.cluster.tasks[0].running is running
        assert 60 <= now() < 66

    scenario()


@in_virtual_time
async def test_time_in_the_queue_does_not_count() -> None:
    run = Run({"all": 1})
    run.api.seconds["qmclone"] = 50
    results = await run(*(clone(vmid, timeout=60) for vmid in range(201, 206)))
    assert {result.outcome for result in results} == {Outcome.OK}


@in_virtual_time
async def test_an_adopted_task_is_watched_and_not_started() -> None:
    run = Run()
    task = run.api.cluster.start("pve1", "qmclone", 9000, 30)
    result = await run.one(clone().adopting(task.upid))
    assert (result.outcome, result.attempts, run.posted) == (Outcome.OK, 0, 0)


@in_virtual_time
async def test_an_adopted_task_that_fails_by_a_lock_is_started_anew() -> None:
    run = Run()
    task = run.api.cluster.start("pve1", "qmclone", 9000, 30, exitstatus=LOCK)
    result = await run.one(clone().adopting(task.upid))
    assert (result.outcome, result.attempts, len(result.tasks)) == (Outcome.OK, 1, 2)


# Not waiting, and stopping.


@in_virtual_time
async def test_without_waiting_it_returns_when_all_are_started() -> None:
    run = Run({"all": 2}, wait=False)
    run.api.seconds["qmclone"] = 10
    results = await run(*(clone(vmid) for vmid in range(201, 206)))
    assert {result.outcome for result in results} <= {Outcome.OK, Outcome.RUNNING}
    assert results[-1].outcome is Outcome.RUNNING
    assert all(result.task is not None and result.changed for result in results)
    assert len(run.api.cluster.tasks) == 5
    assert 20 <= now() < 25


@in_virtual_time
async def test_without_waiting_a_failed_start_is_reported() -> None:
    run = Run(wait=False)
    run.api.disturb(CLONE, ApiError("POST", 500, "no quorum"))
    results = await run(clone(201), clone(202))
    assert [result.outcome for result in results] == [Outcome.FAILED, Outcome.RUNNING]


@in_virtual_time
async def test_the_order_to_stop_starts_nothing_more_and_returns_every_upid() -> None:
    run = Run({"all": 3})
    run.api.seconds["qmclone"] = 1000
    asyncio.get_running_loop().call_later(100, run.stop.set)
    results = await run(*(clone(vmid) for vmid in range(201, 211)))
    outcomes = Counter(result.outcome for result in results)
    assert outcomes == {Outcome.RUNNING: 3, Outcome.QUEUED: 7}
    assert all(result.task for result in results if result.outcome is Outcome.RUNNING)
    assert all(not result.changed for result in results if result.outcome is Outcome.QUEUED)
    assert len(run.api.made(CLONE)) == 3
    assert now() < 101
    assert all(task.running for task in run.api.cluster.tasks)


@in_virtual_time
async def test_a_call_under_way_is_waited_for_but_not_its_task() -> None:
    run = Run()
    run.api.seconds["qmclone"] = 1000
    run.api.disturb(CLONE, 10.0, after=True)
    asyncio.get_running_loop().call_later(5, run.stop.set)
    result = await run.one(clone())
    assert result.outcome is Outcome.RUNNING
    assert result.task is not None
    assert now() < 11


@in_virtual_time
async def test_a_call_under_way_that_fails_is_not_tried_again() -> None:
    run = Run()
    run.api.disturb(CLONE, 10.0)
    run.api.disturb(CLONE, ApiError("POST", 500, NO_WORKER))
    asyncio.get_running_loop().call_later(5, run.stop.set)
    result = await run.one(clone())
    assert (result.outcome, result.attempts) == (Outcome.QUEUED, 1)
    assert not run.api.cluster.tasks
    assert now() < 11


@in_virtual_time
async def test_after_the_order_to_stop_nothing_is_started_at_all() -> None:
    run = Run()
    run.stop.set()
    results = await run(clone(201), clone(202))
    assert [result.outcome for result in results] == [Outcome.QUEUED] * 2
    assert run.posted == 0


@in_virtual_time
async def test_who_gets_a_lane_in_the_moment_of_the_order_does_not_start() -> None:
    run = Run({"all": 1})
    async with run.lanes.hold([Lane("all")]):
        running = asyncio.ensure_future(run.one(clone()))
        await asyncio.sleep(5)
        run.stop.set()
    assert (await running).outcome is Outcome.QUEUED
    assert run.posted == 0


@in_virtual_time
async def test_an_order_to_stop_between_two_attempts_keeps_the_failed_task() -> None:
    run = Run()
    run.api.ends["qmclone"] = [LOCK]
    asyncio.get_running_loop().call_later(5.5, run.stop.set)
    result = await run.one(clone())
    assert result.outcome in (Outcome.FAILED, Outcome.RUNNING)
    assert result.tasks


@in_virtual_time
async def test_an_interrupt_during_a_recovery_is_lost_with_the_reason() -> None:
    run = Run()
    run.api.disturb(CLONE, LOST)
    asyncio.get_running_loop().call_later(10, run.stop.set)
    result = await run.one(clone())
    assert (result.outcome, result.attempts) == (Outcome.LOST, 1)
    assert "interrupted" in (result.message or "")
    assert now() < 11


@in_virtual_time
async def test_a_second_call_under_way_is_waited_for_too() -> None:
    run = Run()
    run.api.seconds["qmclone"] = 1000
    run.api.disturb(CLONE, LOST)
    result_of = asyncio.ensure_future(run.one(clone()))
    await run.api.until_made(CLONE, 1)
    run.api.disturb(CLONE, 10.0, after=True)
    await run.api.until_made(CLONE, 2)
    run.stop.set()
    result = await result_of
    assert result.outcome is Outcome.RUNNING
    assert result.task is not None


@in_virtual_time
async def test_starts_keep_their_distance() -> None:
    run = Run(start_interval=2.0)
    await run(*(clone(vmid) for vmid in range(201, 206)))
    calls = [call.at for call in run.api.made(CLONE)]
    assert all(later - earlier >= 1.99 for earlier, later in pairwise(calls))


# What is read in the moment before a call.


@in_virtual_time
async def test_a_job_that_no_longer_applies_is_not_started() -> None:
    run = Run()

    async def recheck(_api: object) -> None:
        raise PveError("VM 300 is named 'other' now")

    result = await run.one(replace(power(run, 300), recheck=recheck))
    assert (result.outcome, result.changed, run.posted) == (Outcome.FAILED, False, 0)
    assert "named 'other' now" in (result.message or "")


@in_virtual_time
async def test_a_job_that_is_no_longer_needed_is_not_started() -> None:
    run = Run()

    async def recheck(_api: object) -> None:
        raise Unneeded("it runs already")

    result = await run.one(replace(power(run, 300), recheck=recheck))
    assert (result.outcome, result.changed, run.posted) == (Outcome.UNCHANGED, False, 0)
