# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts whose answer gets lost, and nodes that are away: nothing is started twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.watcher import Watcher
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.scheduled import (
    CLONE,
    LOST,
    NO_WORKER,
    Run,
    clone,
    power,
)
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize("hidden", [False, True], ids=["seen", "hidden while it runs"])
@in_virtual_time
async def test_a_start_whose_response_is_lost_is_adopted_and_never_repeated(hidden: bool) -> None:
    run = Run()
    run.api.hides_running = hidden
    run.api.seconds["qmclone"] = 100
    run.api.disturb(CLONE, LOST, after=True)
    result = await run.one(clone())
    assert (result.outcome, result.attempts) == (Outcome.OK, 1)
    assert len(run.api.made(CLONE)) == 1
    assert [str(task.upid) for task in result.tasks] == [str(run.api.cluster.tasks[0].upid)]


@in_virtual_time
async def test_each_lost_answer_finds_its_own_task() -> None:
    run = Run()
    run.api.seconds["qmclone"] = 100
    run.api.disturb(CLONE, LOST, after=True, count=None)
    results = await run(*(clone(vmid) for vmid in range(201, 221)))
    assert {result.outcome for result in results} == {Outcome.OK}
    assert len({str(task.upid) for result in results for task in result.tasks}) == 20
    assert len(run.api.cluster.tasks) == 20
    for result in results:
        task = run.api.cluster.find(str(result.tasks[0].upid))
        assert task is not None
        assert task.log[0].endswith(f"ID {result.job.target.vmid}")


@in_virtual_time
async def test_a_start_that_was_never_carried_out_is_repeated_only_after_a_while() -> None:
    run = Run()
    run.api.disturb(CLONE, LOST)
    result = await run.one(clone())
    assert (result.outcome, result.attempts) == (Outcome.OK, 2)
    first, second = run.api.made(CLONE)
    assert second.at - first.at >= 30


@in_virtual_time
async def test_a_late_start_is_still_found_and_not_repeated() -> None:
    """The daemon was blocked; it carries the call out after it answered others again."""
    run = Run()
    run.api.disturb(CLONE, LOST)

    async def late() -> None:
        await asyncio.sleep(20)
        await run.api._call("POST", ("nodes", "pve1", "qemu", 9000, "clone"), {"newid": 201})

    work = asyncio.ensure_future(late())
    result = await run.one(clone())
    await work
    assert (result.outcome, result.attempts) == (Outcome.OK, 1)
    assert len(run.api.cluster.tasks) == 1


@in_virtual_time
async def test_while_the_daemon_is_blocked_nothing_is_certain() -> None:
    run = Run()
    run.api.disturb(CLONE, LOST)
    run.api.disturb("status/current", NoAnswerError("GET", "596", sent=True), count=20)
    result = await run.one(clone())
    assert result.outcome is Outcome.OK
    _first, second = run.api.made(CLONE)
    answered = run.api.made("status/current")[-1].at
    assert second.at >= answered + 30


@in_virtual_time
async def test_calls_that_are_not_refused_twice_are_never_repeated() -> None:
    run = Run()
    run.api.disturb("POST .*/reboot", LOST)
    result = await run.one(power(run, 300, "reboot"))
    assert (result.outcome, result.attempts) == (Outcome.LOST, 1)
    assert result.changed, "nobody can tell, so it may be another than before"
    assert "check the guest" in (result.message or "")
    assert len(run.api.made("POST .*/reboot")) == 1


@in_virtual_time
async def test_calls_that_could_hit_another_guest_by_then_are_never_repeated() -> None:
    run = Run()
    run.api.disturb("DELETE .*/300", LOST)
    result = await run.one(power(run, 300, "delete"))
    assert (result.outcome, result.attempts) == (Outcome.LOST, 1)


@pytest.mark.parametrize("operation", ["start", "delete"])
@in_virtual_time
async def test_a_visible_effect_settles_a_call_without_a_visible_task(operation: str) -> None:
    run = Run()
    run.api.disturb("(DELETE|POST) .*/300", LOST)
    job = power(run, 300, operation)

    def effect() -> None:
        if operation == "start":
            run.api.cluster.guests[300].status = "running"
        else:
            run.api.cluster.remove(300)

    asyncio.get_running_loop().call_later(5, effect)
    result = await run.one(job)
    assert (result.outcome, result.attempts, result.changed) == (Outcome.OK, 1, True)


@in_virtual_time
async def test_a_start_whose_effect_is_missing_is_repeated_once() -> None:
    run = Run()
    run.api.disturb("POST .*/start", LOST)
    result = await run.one(power(run, 300))
    assert (result.outcome, result.attempts) == (Outcome.OK, 2)
    assert len(run.api.cluster.tasks) == 1


@in_virtual_time
async def test_a_node_that_stays_silent_after_an_ambiguous_start_makes_it_lost() -> None:
    """For two hours: no pause may grow without end, and nothing is made twice."""
    run = Run()
    run.api.disturb(CLONE, LOST, after=True)
    running = asyncio.ensure_future(run.one(clone()))
    await run.api.until_made(CLONE, 1)
    run.api.disturb("GET /nodes", NoAnswerError("GET", "595 No route", sent=False), count=None)
    result = await running
    assert (result.outcome, result.attempts) == (Outcome.LOST, 1)
    assert "595 No route" in (result.message or "")
    assert now() >= 7200


@in_virtual_time
async def test_a_refused_search_leaves_the_start_lost_not_failed() -> None:
    run = Run()
    run.api.disturb(CLONE, LOST, after=True)
    running = asyncio.ensure_future(run.one(clone()))
    await run.api.until_made(CLONE, 1)
    run.api.disturb("GET", ApiError("GET /x", 401, "authentication failure"), count=None)
    result = await running
    assert (result.outcome, result.attempts) == (Outcome.LOST, 1)
    assert "authentication failure" in (result.message or "")


@in_virtual_time
async def test_a_second_attempt_that_finds_the_vmid_taken_finds_its_own_first_one() -> None:
    run = Run()
    run.api.seconds["qmclone"] = 300
    run.api.disturb(CLONE, LOST)
    api = run.api

    async def very_late() -> None:
        await api.until_made(CLONE, 2)
        late = {"newid": 201, "name": "web201"}
        api.route("POST", ("nodes", "pve1", "qemu", 9000, "clone"), late)

    work = asyncio.ensure_future(very_late())
    api.disturb(CLONE, 1.0, count=2)
    result = await run.one(clone(movable=True))
    await work
    assert (result.outcome, result.job.target.vmid) == (Outcome.OK, 201)
    assert len(api.cluster.tasks) == 1


@in_virtual_time
async def test_a_call_that_never_left_is_sent_again_and_does_not_count() -> None:
    run = Run()
    run.api.disturb(CLONE, NoAnswerError("POST", "595 Connection refused", sent=False), count=2)
    result = await run.one(clone())
    assert (result.outcome, result.attempts) == (Outcome.OK, 1)
    assert len(run.api.cluster.tasks) == 1


@pytest.mark.parametrize("sent", [False, True], ids=["calls never left", "nothing answers"])
@in_virtual_time
async def test_a_node_that_is_away_for_some_minutes_costs_no_retry(sent: bool) -> None:
    run = Run(retries=0)
    away = NoAnswerError("POST", "595 Connection refused", sent=sent)
    run.api.disturb("GET" if sent else CLONE, away, count=None)
    asyncio.get_running_loop().call_later(300, run.api.disturbances.clear)
    result = await run.one(clone())
    assert (result.outcome, result.attempts) == (Outcome.OK, 1)
    assert len(run.api.cluster.tasks) == 1


@in_virtual_time
async def test_a_node_that_stays_down_is_given_up() -> None:
    run = Run(node_timeout=120)
    away = NoAnswerError("POST", "595 Connection refused", sent=False)
    run.api.disturb(CLONE, away, count=None)
    result = await run.one(clone())
    assert (result.outcome, result.attempts, result.changed) == (Outcome.FAILED, 0, False)
    assert "595 Connection refused (for 12" in (result.message or "")
    assert 120 <= now() < 130


@in_virtual_time
async def test_a_call_that_was_carried_out_although_no_host_was_reachable_is_found() -> None:
    """A proxy may say so of a call that it had sent on a connection that then broke."""
    run = Run()
    away = NoAnswerError("POST", "595 Connection refused", sent=False)
    run.api.disturb("POST .*/start", away, after=True)
    result = await run.one(power(run, 300))
    assert result.outcome is Outcome.OK
    assert len(run.api.made("POST .*/start")) == 1
    assert len(run.api.cluster.tasks) == 1


@in_virtual_time
async def test_a_worker_that_was_started_although_the_answer_denies_it_is_found() -> None:
    run = Run()
    run.api.disturb("POST .*/start", ApiError("POST", 500, NO_WORKER), after=True)
    result = await run.one(power(run, 300))
    assert result.outcome is Outcome.OK
    assert len(run.api.made("POST .*/start")) == 1


@in_virtual_time
async def test_the_task_of_an_earlier_call_is_never_taken_for_a_lost_one() -> None:
    """Two configurations of one guest, one after the other, within a second."""
    run = Run()
    run.api.seconds["qmconfig"] = 0.1
    await run.one(replace(power(run, 300, "configure"), params={"cores": 2}))
    run.watcher = Watcher(run.api, node_timeout=600)
    run.api.disturb("POST .*/config", LOST)
    job = replace(power(run, 300, "configure"), params={"memory": 4096}, done=None)
    result = await run.one(job)
    assert run.api.cluster.guests[300].config.get("memory") is None
    assert (result.outcome, result.tasks) == (Outcome.LOST, ())


@pytest.mark.parametrize("refusal", ["VM 300 already running", "CT 300 already running"])
@in_virtual_time
async def test_already_running_after_a_lost_answer_is_that_answer(refusal: str) -> None:
    run = Run()

    async def done(_api: object) -> bool:
        return False

    run.api.disturb("POST .*/start", LOST)
    run.api.disturb("POST .*/start", ApiError("POST", 500, refusal))
    result = await run.one(replace(power(run, 300), done=done))
    assert (result.outcome, result.changed) == (Outcome.OK, True)
    assert "already running" in (result.message or "")


@in_virtual_time
async def test_already_running_without_a_call_of_ours_is_a_refusal() -> None:
    run = Run()
    run.api.disturb("POST .*/start", ApiError("POST", 500, "CT 300 already running"))
    result = await run.one(power(run, 300, guest_type="lxc"))
    assert (result.outcome, result.changed) == (Outcome.FAILED, False)
