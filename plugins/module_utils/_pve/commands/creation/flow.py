# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow that clone and container share: resolve, act, verify, report."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ...guests.vmids import VmidRange, Vmids
from ..machine import engine
from ..result import job_report
from .conflicts import verify
from .leftovers import without_leftovers
from .names import Names
from .plan import Action
from .report import diff_of, plan_report, step_values
from .resolve import resolve

if t.TYPE_CHECKING:
    from ...guests.cluster import Cluster
    from ...operations.job import Job
    from ...tasks.task import Task
    from ..context import Context, Report
    from ..machine import Engine
    from .plan import GuestPlan, GuestRequest
    from .recipe import Recipe


@dataclass
class Creation:
    """Guests of one recipe, decided and not begun: ``jobs`` are those of steps, by index.

    ``finished`` and ``cleared`` are tasks that had to end, or were started, before that.
    """

    recipe: Recipe
    steps: list[GuestPlan]
    cluster: Cluster
    jobs: dict[int, Job]
    names: Names
    finished: dict[int, Task]
    cleared: list[Task]


async def prepare(
    machine: Engine,
    wanted: t.Sequence[GuestRequest],
    cluster: Cluster,
    recipe: Recipe,
    vmids: Vmids,
) -> Creation:
    """Decide about every wanted guest, and make the jobs of those that need one.

    Guests that others create are waited for, leftovers are removed where that is allowed; in check
    mode nothing is done, and there are no jobs. ``vmids`` gives the free VMIDs.
    """
    resolved = await resolve(machine, wanted, cluster, recipe)
    steps = await _without_vetoed(resolved.steps, recipe)
    names = Names(machine, resolved, recipe)
    if machine.context.check:
        return Creation(recipe, steps, resolved.cluster, {}, names, resolved.finished, [])
    vmids.note(resolved.cluster.guests)
    chosen = await _choose(steps, vmids)  # before anything is done, for it may fail
    cleared = await without_leftovers(machine, steps, resolved.cluster, recipe)
    steps = await _without_vetoed(cleared.steps, recipe)
    jobs = _jobs(steps, chosen, names, recipe)
    return Creation(recipe, steps, resolved.cluster, jobs, names, resolved.finished, cleared.tasks)


async def create(
    context: Context, wanted: t.Sequence[GuestRequest], cluster: Cluster, recipe: Recipe
) -> Report:
    """Have every wanted guest; those that are there stay, those on their way are adopted.

    What stands against one guest is its failure in the report; the others are created.
    """
    async with engine(context) as machine:
        vmids = vmids_for(machine, wanted, cluster)
        made = await prepare(machine, wanted, cluster, recipe, vmids)
        steps = made.steps
        if context.check:
            return plan_report(steps, recipe)
        results = dict(zip(made.jobs, await machine.run(list(made.jobs.values()), vmids)))
        results = await verify(machine, steps, results, made.names, recipe)
        values = [
            step_values(step, results.get(index), made.finished) for index, step in enumerate(steps)
        ]
        return job_report(
            context,
            list(results.values()),
            values,
            diff=diff_of(steps, recipe, values),
            refused=[_in_words(step) for step in steps if step.action is Action.GIVE_UP],
            more_tasks=[*made.finished.values(), *made.cleared],
        )


def _in_words(step: GuestPlan) -> str:
    return f"{step.request.title}: {step.why}"


async def _without_vetoed(steps: list[GuestPlan], recipe: Recipe) -> list[GuestPlan]:
    """Give up each guest that cannot be created where or as it is wanted."""
    to_create = [step for step in steps if step.action is Action.CREATE]
    wanted = [step.request for step in to_create]
    vetoes = await recipe.vetoes(wanted) if wanted else ()
    against = {
        id(step): step.request.why or veto
        for step, veto in zip(to_create, vetoes)
        if step.request.why or veto
    }
    return [
        replace(step, action=Action.GIVE_UP, why=against[id(step)]) if id(step) in against else step
        for step in steps
    ]


def vmids_for(machine: Engine, wanted: t.Sequence[GuestRequest], cluster: Cluster) -> Vmids:
    """Where free VMIDs come from; those that were asked for are none."""
    asked = {one.vmid for one in wanted if one.vmid is not None}
    text = machine.context.params["vmid_range"]
    return Vmids(
        machine.context.api, {*cluster.guests, *asked}, VmidRange.parse(text) if text else None
    )


async def _choose(steps: t.Sequence[GuestPlan], vmids: Vmids) -> dict[int, int]:
    """A VMID for each guest to be created that has none, by the index of its step."""
    return {
        index: await vmids.take()
        for index, step in enumerate(steps)
        if step.action is Action.CREATE and step.request.vmid is None
    }


def _jobs(
    steps: t.Sequence[GuestPlan], chosen: t.Mapping[int, int], names: Names, recipe: Recipe
) -> dict[int, Job]:
    """The jobs of the steps that need one, by the index of the step."""
    jobs: dict[int, Job] = {}
    for index, step in enumerate(steps):
        if step.action is Action.CREATE:
            vmid = t.cast("int", chosen.get(index, step.request.vmid))
            job = recipe.job(step.request, vmid, movable=index in chosen)
            jobs[index] = names.checked(job) if index in chosen else names.owned(job)
        elif step.action is Action.ADOPT and step.guest and step.upid:
            job = recipe.job_begun(step.request, step.guest).adopting(step.upid)
            jobs[index] = names.owned(job)
    return jobs
