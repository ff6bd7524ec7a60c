# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow that clone and container share: resolve, act, verify, report."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ...guests.vmids import LOWEST_VMID, VmidRange, Vmids
from ..machine import engine
from ..parameters import Planned, check_parameters
from .conflicts import verify
from .leftovers import without_leftovers
from .names import Names
from .plan import Action
from .report import report
from .resolve import resolve

if t.TYPE_CHECKING:
    from ...guests.cluster import Cluster
    from ...tasks.task import Task
    from ..context import Context, Report
    from ..machine import Engine
    from .plan import GuestRequest
    from .recipe import Recipe


@dataclass
class Creation:
    """Guests of one recipe, decided and not begun.

    ``finished`` and ``cleared`` are tasks that had to end, or were started, before that.
    """

    recipe: Recipe
    wanted: list[GuestRequest]
    cluster: Cluster
    names: Names
    finished: dict[int, Task]
    cleared: list[Task] = field(default_factory=list)


async def prepare(
    machine: Engine,
    wanted: t.Sequence[GuestRequest],
    cluster: Cluster,
    recipe: Recipe,
    vmids: Vmids,
) -> Creation:
    """Decide about every requested guest, and create the jobs that are needed.

    Guests that others are creating are waited for, and leftovers are removed if that is allowed; in
    check mode nothing is done, and there are no jobs. ``vmids`` provides free VMIDs.
    """
    resolved = await resolve(machine, wanted, cluster, recipe)
    decided = await _without_vetoed(resolved.wanted, recipe)
    names = Names(machine, resolved, recipe)
    if machine.context.check:
        return Creation(recipe, decided, resolved.cluster, names, resolved.finished)
    vmids.note(resolved.cluster.guests)
    chosen = await _choose(decided, vmids)  # before anything is done, because it may fail
    decided, cleared = await without_leftovers(machine, decided, resolved.cluster, recipe)
    decided = [
        _with_job(one, chosen.get(index), names, recipe) for index, one in enumerate(decided)
    ]
    return Creation(recipe, decided, resolved.cluster, names, resolved.finished, cleared)


async def create(
    context: Context, wanted: t.Sequence[GuestRequest], cluster: Cluster, recipe: Recipe
) -> Report:
    """Create the requested guests; existing ones are kept, and running creations adopted.

    A problem of one guest is its failure in the report; the others are created.
    """
    await check_parameters(context, creation_calls(wanted, recipe))
    async with engine(context) as machine:
        vmids = vmids_for(machine, wanted, cluster)
        made = await prepare(machine, wanted, cluster, recipe, vmids)
        jobs = {index: one.job for index, one in enumerate(made.wanted) if one.job is not None}
        results = dict(zip(jobs, await machine.run(list(jobs.values()), vmids)))
        results = await verify(machine, made.wanted, results, made.names, recipe)
        return report(context, made, results)


def creation_calls(wanted: t.Iterable[GuestRequest], recipe: Recipe) -> list[Planned]:
    """The calls that create the guests, as far as anything is known of them beforehand."""
    return [
        Planned.of(one.title, recipe.job(one, one.vmid or LOWEST_VMID, movable=False))
        for one in wanted
        if not one.why
    ]


async def _without_vetoed(wanted: list[GuestRequest], recipe: Recipe) -> list[GuestRequest]:
    """Give up each guest that cannot be created as requested."""
    missing = [one for one in wanted if one.action is Action.CREATE]
    asked = [one for one in missing if not one.why]
    vetoes = iter(await recipe.vetoes(asked) if asked else ())
    return [
        replace(one, why=one.why or next(vetoes)).missing() if one.action is Action.CREATE else one
        for one in wanted
    ]


def vmids_for(machine: Engine, wanted: t.Sequence[GuestRequest], cluster: Cluster) -> Vmids:
    """The source of free VMIDs, without the requested ones."""
    asked = {one.vmid for one in wanted if one.vmid is not None}
    text = machine.context.params["vmid_range"]
    return Vmids(
        machine.context.api, {*cluster.guests, *asked}, VmidRange.parse(text) if text else None
    )


async def _choose(wanted: t.Sequence[GuestRequest], vmids: Vmids) -> dict[int, int]:
    """A VMID for each guest to be created that has none, by its index."""
    return {
        index: await vmids.take()
        for index, one in enumerate(wanted)
        if one.action is Action.CREATE and one.vmid is None
    }


def _with_job(one: GuestRequest, chosen: int | None, names: Names, recipe: Recipe) -> GuestRequest:
    """The guest with the job that it needs, if it needs one."""
    if one.action is Action.CREATE:
        job = recipe.job(one, t.cast("int", chosen or one.vmid), movable=chosen is not None)
        return replace(one, job=names.owned(job) if chosen is None else names.checked(job))
    if one.action is Action.ADOPT and one.guest and one.upid:
        job = recipe.job_begun(one, one.guest).adopting(one.upid)
        return replace(one, job=names.owned(job))
    return one
