# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Not waiting, and an order to stop: nothing more is started, and every UPID is returned."""

from __future__ import annotations

import asyncio
from collections import Counter

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.lane import Lane
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.scheduled import (
    CLONE,
    LOCK,
    LOST,
    NO_WORKER,
    Run,
    clone,
)
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


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
