# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks, after the last task has ended, that names are as requested, and unique."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import replace

from ...api import clock
from ...api.answers import read_mapping
from ...api.errors import PveError
from ...guests.identity import still_named
from ...guests.reading import read_cluster
from ...operations.guest import removal_job
from ...tasks.listing import list_tasks
from ...tasks.task import Outcome
from .plan import Action

if t.TYPE_CHECKING:
    from ...engine.scheduler import Result
    from ...guests.cluster import Guest
    from ...operations.job import Job
    from ..machine import Engine
    from .names import Names
    from .plan import GuestRequest
    from .recipe import Recipe

Results = dict[int, "Result"]


async def verify(
    machine: Engine,
    wanted: t.Sequence[GuestRequest],
    results: Results,
    names: Names,
    recipe: Recipe,
) -> Results:
    """The results, by index, as the cluster shows them afterwards: names as wanted, and once."""
    results = {index: _instead(result, names) for index, result in results.items()}
    results = await _named_as_wanted(machine, wanted, results, recipe)
    if machine.context.stop.is_set():
        return results
    since = clock.now()
    by_name = [
        index
        for index, result in results.items()
        if wanted[index].vmid is None
        and wanted[index].action is Action.CREATE
        and result.outcome.succeeded
        and result.outcome is not Outcome.UNCHANGED
    ]
    checked = await asyncio.gather(
        *(_alone(machine, results[index], names, since) for index in by_name)
    )
    return {**results, **dict(zip(by_name, checked))}


def _instead(result: Result, names: Names) -> Result:
    """The result of a guest that another run created in the meantime names that guest."""
    other = names.taken.get(result.job.target.name or "")
    if other is None or result.outcome is not Outcome.UNCHANGED:
        return result
    return replace(result, job=replace(result.job, target=other))


async def _named_as_wanted(
    machine: Engine, wanted: t.Sequence[GuestRequest], results: Results, recipe: Recipe
) -> Results:
    """A task found by a search may have created another play's guest; only the name shows it."""
    adopted = {
        index: result
        for index, result in results.items()
        if (result.found or wanted[index].action is Action.ADOPT) and result.outcome.succeeded
    }
    if not adopted:
        return results
    try:
        guests = (await read_cluster(machine.context.api, [recipe.type])).guests
    except PveError as error:  # the tasks are reported anyway
        why = f"its task succeeded, but it may be another guest: {error}"
        unknown = {
            index: replace(result, outcome=Outcome.LOST, message=why)
            for index, result in adopted.items()
        }
        return {**results, **unknown}
    seen = {
        index: _as_it_became(wanted[index], result, guests.get(result.job.target.vmid))
        for index, result in adopted.items()
    }
    return {**results, **seen}


def _as_it_became(one: GuestRequest, result: Result, guest: Guest | None) -> Result:
    if guest is None:
        return result
    job = replace(result.job, target=replace(result.job.target, node=guest.node))
    if not one.name or guest.name in (None, one.name):
        return replace(result, job=job)
    why = f"expected VMID {guest.vmid} to be named {one.name!r}, found {guest.title}"
    return replace(result, job=job, outcome=Outcome.FAILED, message=why)


async def _alone(machine: Engine, result: Result, names: Names, since: float) -> Result:
    """The result of a guest that was created by name, which no other guest may have."""
    target = result.job.target
    name = str(target.name)
    try:
        others = await names.others(name, target.vmid, result.job.timeout, since)
    except PveError as error:
        return replace(result, outcome=Outcome.LOST, message=str(error))
    if not others:
        return result
    other = max(others, key=lambda guest: guest.vmid)
    if other.vmid > target.vmid:
        return _earlier(machine, result, other)
    return await _later(machine, result, min(others, key=lambda guest: guest.vmid))


def _earlier(machine: Engine, result: Result, other: Guest) -> Result:
    """Ours came first; the other run's guest is the duplicate."""
    why = (
        f"name conflict: {other.title} has the name of {result.job.target.label}, which this call"
        " created. Another run created it at the same time; remove one of the two"
    )
    if machine.context.params["on_conflict"] == "remove":
        machine.context.warn(why)
        return result
    return replace(result, outcome=Outcome.FAILED, message=why, remains=True)


async def _later(machine: Engine, result: Result, other: Guest) -> Result:
    """Ours came later: it is reported, and removed if that is requested and safe."""
    ours = result.job.target
    why = (
        f"name conflict: {ours.label}, created by this call, has the name of {other.title}, which"
        " another run created at the same time"
    )
    if machine.context.params["on_conflict"] != "remove":
        hint = "remove one of the two, or set on_conflict to remove"
        return replace(result, outcome=Outcome.FAILED, message=f"{why}; {hint}", remains=True)
    against = await _against_removal(machine, result)
    if against:
        why += f". It is not removed: {against}"
        return replace(result, outcome=Outcome.FAILED, message=why, remains=True)
    (removed,) = await machine.run([_removal(result)], to_the_end=True)
    tasks = (*result.tasks, *removed.tasks)
    if not removed.outcome.succeeded:
        why += f". It could not be removed: {removed.message or removed.outcome.value}"
        return replace(result, outcome=Outcome.FAILED, message=why, tasks=tasks, remains=True)
    machine.context.warn(f"{why}; it was removed again")
    job = replace(result.job, target=other)
    return replace(result, job=job, outcome=Outcome.UNCHANGED, tasks=tasks)


async def _against_removal(machine: Engine, result: Result) -> str:
    """Why a guest must not be removed: it is not certainly ours, is incomplete, or was started."""
    api, target = machine.context.api, result.job.target
    if result.found or result.job.upid is not None or not result.tasks:
        return "this call has no response that names the task that created it"
    guest = ("nodes", target.node, target.type, target.vmid)
    try:
        state = await read_mapping(api, (*guest, "status", "current"))
        tasks = await list_tasks(
            api, target.node, {"source": "all", "vmid": target.vmid}, retries=None
        )
    except PveError as error:
        return str(error)
    if state.get("lock"):
        return f"it is locked ({state['lock']})"
    others = [one.upid for one in tasks if one.upid not in {task.upid for task in result.tasks}]
    if state.get("status") != "stopped" or others:
        return "it was started or changed since"
    return ""


def _removal(result: Result) -> Job:
    """The job that removes what this call created, if it still has its name."""
    target = result.job.target
    job = removal_job(target, f"removal of {target.label}", {})
    return replace(job, recheck=still_named(target))
