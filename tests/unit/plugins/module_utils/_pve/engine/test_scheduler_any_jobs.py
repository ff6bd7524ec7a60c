# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any number of jobs, whatever becomes of them: no lane is exceeded, and all are accounted for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.lane import Lane
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.scheduled import LOCK, NAMES, NO_WORKER, Run, power
from ansible_collections.upid.proxmox.tests.unit.virtual_time import run_virtually
from hypothesis import given
from hypothesis import strategies as st

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
