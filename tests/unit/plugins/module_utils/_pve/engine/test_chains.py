# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of each guest follow each other; chains meet in the lanes and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    PveError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.chains import (
    Chain,
    ChainResult,
    ChainStep,
    Corrected,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job, Unneeded
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.watcher import Watcher
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.scheduled import (
    CLONE,
    TAKEN,
    Run,
    clone,
    job_of,
    step_outcomes,
)
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


def step(operation: str, noted: Callable[[Guest], None] = lambda _target: None) -> ChainStep:
    async def prepare(before: ChainResult) -> Job:
        target = before.target
        noted(target)
        return job_of(target, operation)

    return ChainStep(operation, prepare=prepare)


def without_task(name: str, work: Callable[[Guest], Awaitable[None]]) -> ChainStep:
    async def prepare(before: ChainResult) -> Job:
        target = before.target
        await work(target)
        raise Unneeded(f"{name} done")

    return ChainStep(name, prepare=prepare)


def chain(vmid: int, *steps: ChainStep, movable: bool = False) -> Chain:
    """The clone of the template, and what follows."""
    first = clone(vmid, movable=movable)
    return Chain(first.target, (ChainStep("clone", job=first), *steps))


@in_virtual_time
async def test_a_guest_goes_on_while_another_is_still_being_cloned() -> None:
    run = Run()
    run.api.seconds = {"qmclone": 100, "qmstart": 1}
    finished: dict[int, float] = {}

    async def note(target: Guest) -> None:
        finished[target.vmid] = now()

    follows = (step("configure"), step("start"), without_task("address", note))
    run.api.cluster.add(201, name="app201")
    there = Chain(Guest(201, "qemu", "pve1", "app201"), follows)
    chains = [there, chain(202, *follows)]
    results = await run.chains(*chains)
    assert [one.outcome for one in results] == [Outcome.OK, Outcome.OK]
    assert finished[201] < 20
    assert finished[202] > 100


@in_virtual_time
async def test_the_steps_of_an_earlier_guest_go_before_the_clones_that_wait() -> None:
    run = Run({"all": 1})
    run.api.seconds = {"qmclone": 10, "qmconfig": 1, "qmstart": 1}
    chains = [chain(vmid, step("configure"), step("start")) for vmid in range(201, 206)]
    await run.chains(*chains)
    begun = [(task.upid.type, int(task.upid.id)) for task in run.api.cluster.tasks]
    clones = [number for number, (kind, _vmid) in enumerate(begun) if kind == "qmclone"]
    # While a step is being prepared one more clone takes the free place, and no other one.
    assert begun.index(("qmstart", 201)) < clones[3]
    assert begun.index(("qmstart", 203)) < clones[4] + 4


@in_virtual_time
async def test_a_step_that_fails_ends_its_own_chain_alone() -> None:
    run = Run()
    run.api.disturb("POST .*/201/config", ApiError("POST", 500, "no such bridge"))
    chains = [chain(vmid, step("configure"), step("start")) for vmid in (201, 202)]
    failed, whole = await run.chains(*chains)
    assert step_outcomes(failed) == [("clone", "ok"), ("configure", "failed")]
    assert (failed.outcome, failed.missing) == (Outcome.FAILED, ("start",))
    assert "no such bridge" in str(failed.last.message)
    assert failed.changed
    assert step_outcomes(whole) == [("clone", "ok"), ("configure", "ok"), ("start", "ok")]
    assert run.api.made("POST .*/201/status/start") == []


@pytest.mark.parametrize("error", [PveError("no such disk"), KeyError("scsi0")])
@in_virtual_time
async def test_a_step_that_cannot_be_prepared_fails_with_the_reason(error: Exception) -> None:
    run = Run()

    async def prepare(_before: ChainResult) -> Job:
        raise error

    broken = chain(201, ChainStep("resize", prepare=prepare), step("start"))
    failed, whole = await run.chains(broken, chain(202, step("start")))
    assert step_outcomes(failed) == [("clone", "ok"), ("resize", "failed")]
    assert str(error) in str(failed.last.message)
    assert failed.missing == ("start",)
    assert whole.outcome is Outcome.OK


@in_virtual_time
async def test_a_step_whose_node_is_away_is_prepared_when_it_is_back() -> None:
    run = Run(node_timeout=60)
    tried: list[float] = []

    async def prepare(before: ChainResult) -> Job:
        target = before.target
        tried.append(now())
        if len(tried) < 4:
            raise NoAnswerError("GET /config", "connection refused", sent=False)
        return job_of(target, "start")

    [result] = await run.chains(chain(201, ChainStep("start", prepare=prepare)))
    assert result.outcome is Outcome.OK
    assert len(tried) == 4


@in_virtual_time
async def test_a_step_whose_node_stays_away_fails() -> None:
    run = Run(node_timeout=60)

    async def prepare(_before: ChainResult) -> Job:
        raise NoAnswerError("GET /config", "connection refused", sent=False)

    [result] = await run.chains(chain(201, ChainStep("start", prepare=prepare)))
    assert result.outcome is Outcome.FAILED
    assert "connection refused" in str(result.last.message)
    assert now() < 120


@in_virtual_time
async def test_the_later_steps_know_the_vmid_that_the_clone_moved_to() -> None:
    run = Run()
    run.api.cluster.add(201, name="other")
    run.api.disturb(CLONE, ApiError("POST", 500, TAKEN))
    seen: list[int] = []
    [result] = await run.chains(
        chain(201, step("start", lambda target: seen.append(target.vmid)), movable=True)
    )
    assert result.outcome is Outcome.OK
    assert seen == [result.target.vmid]
    assert result.target.vmid != 201


@in_virtual_time
async def test_warnings_end_a_chain_where_they_count_as_failed() -> None:
    for warnings, expected in (("accept", ["ok", "warnings", "ok"]), ("fail", ["ok", "warnings"])):
        run = Run(warnings=warnings)
        run.api.ends = {"qmconfig": ["WARNINGS: 1"]}
        [result] = await run.chains(chain(201, step("configure"), step("start")))
        assert [outcome for _name, outcome in step_outcomes(result)] == expected
        assert result.outcome is Outcome.WARNINGS


@in_virtual_time
async def test_nothing_to_be_done_is_unchanged_and_goes_on() -> None:
    run = Run()

    async def nothing(_target: Guest) -> None:
        return

    run.api.cluster.add(300, name="app300")
    target = Guest(300, "qemu", "pve1", "app300")
    idle = Chain(target, (without_task("configure", nothing), without_task("start", nothing)))
    [result] = await run.chains(idle)
    assert step_outcomes(result) == [("configure", "unchanged"), ("start", "unchanged")]
    assert (result.outcome, result.changed, result.tasks) == (Outcome.UNCHANGED, False, ())


@in_virtual_time
async def test_an_interrupt_reports_every_step_and_starts_nothing_more() -> None:
    run = Run({"all": 2})
    run.api.seconds = {"qmclone": 30}
    asyncio.get_running_loop().call_later(40, run.stop.set)
    chains = [chain(vmid, step("configure"), step("start")) for vmid in range(201, 205)]
    results = await run.chains(*chains)
    started = len(run.api.cluster.tasks)
    for result in results:
        names = [one.name for one in result.steps]
        assert [*names, *result.missing] == ["clone", "configure", "start"]
        assert {outcome for _name, outcome in step_outcomes(result)[:-1]} <= {"ok"}
        assert step_outcomes(result)[-1][1] in ("running", "queued")
    assert "running" in {step_outcomes(result)[-1][1] for result in results}
    await asyncio.sleep(100)
    assert len(run.api.cluster.tasks) == started == sum(len(one.tasks) for one in results)


@in_virtual_time
async def test_an_interrupt_between_two_steps_reports_what_was_not_started() -> None:
    run = Run()

    async def interrupt(_target: Guest) -> None:
        run.stop.set()
        await asyncio.sleep(60)

    [result] = await run.chains(chain(201, without_task("address", interrupt)))
    assert step_outcomes(result) == [("clone", "ok"), ("address", "queued")]
    assert result.outcome is Outcome.QUEUED


@in_virtual_time
async def test_a_check_replaces_the_result_of_the_step_before_and_can_end_the_chain() -> None:
    run = Run()
    other = Guest(300, "qemu", "pve1", "web201")

    async def prepare(before: ChainResult) -> Job:
        created = before.last.result
        assert created is not None
        job = replace(created.job, target=other)
        raise Corrected(
            replace(created, job=job, outcome=Outcome.UNCHANGED), "another run has it", over=True
        )

    [result] = await run.chains(chain(201, ChainStep("check", prepare=prepare), step("start")))
    assert step_outcomes(result) == [("clone", "unchanged"), ("check", "unchanged")]
    assert (result.target, result.missing, result.changed) == (other, ("start",), False)
    assert len(result.tasks) == 1
    assert run.api.made("POST .*/status/start") == []


@in_virtual_time
async def test_a_step_that_found_the_guest_changed_by_others_is_prepared_again() -> None:
    run = Run()
    text = "checksum mismatch (file change by other user?)"
    run.api.disturb("POST .*/201/config", ApiError("POST", 500, text), count=2)
    prepared: list[int] = []
    one = chain(201, step("configure", lambda target: prepared.append(target.vmid)), step("start"))
    [result] = await run.chains(one)
    assert result.outcome is Outcome.OK
    assert prepared == [201, 201, 201]
    run.api.disturb("POST .*/202/config", ApiError("POST", 500, text), count=9)
    run.watcher = Watcher(run.api, node_timeout=600)
    [result] = await run.chains(chain(202, step("configure"), step("start")))
    assert step_outcomes(result) == [("clone", "ok"), ("configure", "failed")]
    assert text in str(result.last.message)


@in_virtual_time
async def test_a_guest_that_another_user_started_in_the_meantime_is_as_requested() -> None:
    run = Run()
    run.api.ends = {"qmstart": ["VM 300 already running"]}
    run.api.cluster.add(300, name="app300").status = "running"
    target = Guest(300, "qemu", "pve1", "app300")
    [result] = await run.chains(Chain(target, (step("start"),)))
    assert (result.outcome, result.changed) == (Outcome.UNCHANGED, False)
    assert "already running" in str(result.last.message)
