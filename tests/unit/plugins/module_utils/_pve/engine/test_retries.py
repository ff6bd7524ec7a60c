# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is tried again, how often and how long, and what is not."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.scheduled import (
    CLONE,
    LOCK,
    NO_WORKER,
    STORAGE_LOCK,
    Run,
    clone,
)
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_task_that_fails_for_good_is_not_tried_again() -> None:
    run = Run()
    run.api.ends["qmclone"] = ["clone failed: no space left"]
    result = await run.one(clone())
    assert (result.outcome, result.attempts) == (Outcome.FAILED, 1)
    assert result.task is not None
    assert result.task.log[-1] == "TASK ERROR: clone failed: no space left"


@pytest.mark.parametrize("failures", [1, 3, 4])
@in_virtual_time
async def test_what_passes_by_itself_is_tried_again_so_many_times(failures: int) -> None:
    run = Run(retries=3)
    run.api.disturb(CLONE, ApiError("POST", 500, NO_WORKER), count=failures)
    result = await run.one(clone())
    assert result.outcome is (Outcome.OK if failures < 4 else Outcome.FAILED)
    assert result.attempts == min(4, failures + 1) == len(run.api.made(CLONE))
    if failures == 4:
        assert "after 4 attempts" in (result.message or "")
        assert NO_WORKER in (result.message or "")


@pytest.mark.parametrize("how", ["refused", "in the task"])
@in_virtual_time
async def test_a_lock_is_waited_for_as_long_as_a_clean_up_may_keep_it(how: str) -> None:
    """The clean-up of a VM that has stopped keeps its lock for 30 s when it runs again."""
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


@in_virtual_time
async def test_a_storage_lock_halves_the_lane_and_costs_no_retry_until_it_is_one() -> None:
    run = Run(retries=1)
    run.api.ends["qmclone"] = [STORAGE_LOCK] * 4
    results = await run(*(clone(vmid) for vmid in range(201, 209)))
    assert {result.outcome for result in results} == {Outcome.OK}
    assert len(run.api.made(CLONE)) == 12


@in_virtual_time
async def test_after_a_storage_lock_fewer_run_at_once_on_that_storage() -> None:
    run = Run({"storage ceph": 8})
    run.api.ends["qmclone"] = [STORAGE_LOCK]
    results = await run(*(clone(vmid) for vmid in range(201, 225)))
    assert {result.outcome for result in results} == {Outcome.OK}
    rounds = Counter(int(call.at // 5) for call in run.api.made(CLONE))
    assert rounds[0] == 8
    assert max(rounds[number] for number in (2, 3)) <= 5, "half of them, and one more again"


@in_virtual_time
async def test_a_storage_that_never_gives_its_lock_ends_the_retries() -> None:
    run = Run(retries=2)
    run.api.ends["qmclone"] = [STORAGE_LOCK] * 50
    results = await run(*(clone(vmid) for vmid in (201, 202)))
    assert {result.outcome for result in results} == {Outcome.FAILED}
    assert len(run.api.made(CLONE)) < 12
