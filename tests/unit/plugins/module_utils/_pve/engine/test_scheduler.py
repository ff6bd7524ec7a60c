# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One job: it is started once, seen through, and not for longer than it may take."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import PveError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Unneeded
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.scheduled import CLONE, LOCK, Run, clone, power
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@in_virtual_time
async def test_no_jobs_are_no_work() -> None:
    assert await Run()() == []


@in_virtual_time
async def test_a_job_is_started_once_and_seen_through() -> None:
    run = Run()
    result = await run.one(clone())
    assert (result.outcome, result.attempts, result.changed) == (Outcome.OK, 1, True)
    assert result.task is not None
    assert str(result.task.upid) == str(run.api.cluster.tasks[0].upid)
    assert run.api.cluster.guests[201].config["name"] == "web201"


@pytest.mark.parametrize(
    ("on_timeout", "outcome", "running"),
    [
        ("fail", Outcome.TIMED_OUT, True),
        ("continue", Outcome.TIMED_OUT, True),
        ("stop", Outcome.CANCELLED, False),
    ],
)
@in_virtual_time
async def test_a_task_that_takes_too_long_is_left_running_or_stopped_as_wanted(
    on_timeout: str, outcome: Outcome, running: bool
) -> None:
    run = Run(on_timeout=on_timeout)
    run.api.seconds["qmclone"] = 3600
    result = await run.one(clone(timeout=60))
    assert result.outcome is outcome
    assert run.api.cluster.tasks[0].running is running
    assert 60 <= now() < 66


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


@in_virtual_time
async def test_starts_keep_their_distance() -> None:
    run = Run(start_interval=2.0)
    await run(*(clone(vmid) for vmid in range(201, 206)))
    calls = [call.at for call in run.api.made(CLONE)]
    assert all(later - earlier >= 1.99 for earlier, later in pairwise(calls))


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
