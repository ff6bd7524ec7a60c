# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow that clone and container share: read, decide, act, account."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, replace

from ..errors import PveError
from ..guests import Cluster, read_cluster
from ..leftovers import explain, find_dead_task, may_be_removed, removal
from ..plan import MAKING, Action, Step, Wanted, decide
from ..recovery import find_running
from ..task import Outcome
from ..vmids import VmidRange, Vmids
from .engine import engine
from .result import guest_values, job_report, why_not

if t.TYPE_CHECKING:
    from ..command import Context, Report, Values
    from ..guests import Guest
    from ..operations.job import Job
    from ..scheduler import Result
    from ..task import Task
    from .engine import Engine


class MakeJob(t.Protocol):
    """Makes the job for a wanted guest with this VMID; ``movable`` allows another one later."""

    def __call__(self, one: Wanted, vmid: int, *, movable: bool) -> Job:
        """The job."""


@dataclass(frozen=True)
class Recipe:
    """How one kind of guest is made.

    ``job`` makes the job of a guest. ``avoid`` are VMIDs that can never be meant. ``verb`` says in
    a plan what happens. ``moves`` says that the task runs elsewhere than the guest will live.
    """

    kind: str
    verb: str
    job: MakeJob
    avoid: frozenset[int] = frozenset()
    moves: bool = False

    def job_begun(self, one: Wanted, guest: Guest) -> Job:
        """The job that somebody has begun, where the guest is and not where it would go now."""
        wanted = one if self.moves else replace(one, node=guest.node)
        return self.job(wanted, guest.vmid, movable=False)


async def make(
    context: Context, wanted: t.Sequence[Wanted], cluster: Cluster, recipe: Recipe
) -> Report:
    """Have every wanted guest; those that are there stay, those on their way are adopted."""
    async with engine(context) as machine:
        steps, finished = await _decided(machine, wanted, cluster, recipe)
        if context.check:
            return _plan(steps, recipe)
        vmids = _vmids(machine, steps, cluster)
        chosen = await _choose(steps, vmids)  # before anything is done, for it may fail
        steps, removals = await _without_leftovers(machine, steps, cluster, recipe)
        results = await _act(machine, steps, chosen, vmids, recipe)
        results = await _named_as_wanted(context, steps, results, recipe)
        values = [_values(step, results.get(index), finished) for index, step in enumerate(steps)]
        return job_report(
            context,
            list(results.values()),
            values,
            diff=_diff(steps, recipe, values),
            refused=[step.why for step in steps if step.action is Action.GIVE_UP],
            more_tasks=[*finished.values(), *removals],
        )


async def _decided(
    machine: Engine, wanted: t.Sequence[Wanted], cluster: Cluster, recipe: Recipe
) -> tuple[list[Step], dict[int, Task]]:
    """The steps, and the tasks of earlier calls that had to end before they could be told.

    A guest that is being made has no name yet. So when a wanted name is missing, and guests
    without a name are being made by the caller, their ends are waited for.
    """
    steps = await _with_tasks(machine, decide(wanted, cluster, recipe.kind, recipe.avoid), recipe)
    nameless_wanted = any(step.action is Action.MAKE and step.wanted.vmid is None for step in steps)
    if not nameless_wanted or machine.context.check:
        return steps, {}
    known = {step.guest.vmid for step in steps if step.guest is not None}
    makings = [
        guest
        for guest in cluster.guests.values()
        if guest.kind == recipe.kind and guest.lock in MAKING and guest.vmid not in known
    ]
    if not makings:
        return steps, {}
    finished = await _wait_for(machine, makings, recipe)
    cluster = await read_cluster(machine.context.api, [recipe.kind])
    steps = decide(wanted, cluster, recipe.kind, recipe.avoid)
    return await _with_tasks(machine, steps, recipe), finished


async def _with_tasks(machine: Engine, steps: list[Step], recipe: Recipe) -> list[Step]:
    return list(await asyncio.gather(*(_with_task(machine, step, recipe) for step in steps)))


async def _with_task(machine: Engine, step: Step, recipe: Recipe) -> Step:
    """Find the task of a guest that is being made; without one it is a left-over."""
    if step.action is not Action.ADOPT or step.guest is None:
        return step
    api, guest = machine.context.api, step.guest
    job = recipe.job_begun(step.wanted, guest)
    upid = await find_running(api, job)
    if upid is not None:
        return replace(step, upid=upid)
    (now,) = decide(
        [step.wanted], await read_cluster(api, [recipe.kind]), recipe.kind, recipe.avoid
    )
    if now.action is not Action.ADOPT or now.guest is None:  # it ended while we looked
        return now
    guest = now.guest
    dead = await find_dead_task(api, job)
    why = explain(guest, dead, job.node)
    return replace(step, action=Action.GIVE_UP, guest=guest, upid=dead, why=why)


async def _wait_for(machine: Engine, makings: t.Sequence[Guest], recipe: Recipe) -> dict[int, Task]:
    """Wait until the caller's own tasks that make these guests have ended; tasks by VMID."""
    api = machine.context.api
    jobs = [recipe.job_begun(Wanted(guest.vmid, None, guest.node), guest) for guest in makings]
    upids = await asyncio.gather(*(find_running(api, job) for job in jobs))
    adopted = [
        job.adopting(upid)
        for job, upid in zip(jobs, upids)
        if upid is not None and upid.user == api.authid
    ]
    results = await machine.run(adopted, to_the_end=True)
    return {result.job.target.vmid: result.task for result in results if result.task}


async def _without_leftovers(
    machine: Engine, steps: list[Step], cluster: Cluster, recipe: Recipe
) -> tuple[list[Step], list[Task]]:
    """Remove left-overs of our own dead tasks where the user allows it; the tasks that did so."""
    if not machine.context.params["replace_leftovers"] or recipe.kind != "qemu":
        return steps, []
    given_up = [s for s in steps if s.action is Action.GIVE_UP and s.upid and s.guest]
    ours = [step for step in given_up if await _is_ours(machine, step, cluster, recipe)]
    jobs = [removal(t.cast("Guest", step.guest)) for step in ours]
    results = await machine.run(jobs, to_the_end=True)
    removals = {id(step): result for step, result in zip(ours, results)}
    tasks = [task for result in results for task in result.tasks]
    return [_after_removal(step, removals.get(id(step))) for step in steps], tasks


async def _is_ours(machine: Engine, step: Step, cluster: Cluster, recipe: Recipe) -> bool:
    """Whether the left-over is still that of our dead task, and nobody else's work by now."""
    guest = t.cast("Guest", step.guest)
    online = [node.name for node in cluster.nodes.values() if node.online]
    job = recipe.job_begun(step.wanted, guest)
    return await may_be_removed(machine.context.api, guest, job, online)


def _after_removal(step: Step, removed: Result | None) -> Step:
    if removed is None:
        return step
    if removed.outcome.good:
        return replace(step, action=Action.MAKE, guest=None, upid=None, why="")
    return replace(step, why=f"{step.why}. It could not be removed: {why_not(removed)}")


def _vmids(machine: Engine, steps: t.Sequence[Step], cluster: Cluster) -> Vmids:
    asked = {step.wanted.vmid for step in steps if step.wanted.vmid is not None}
    text = machine.context.params["vmid_range"]
    return Vmids(
        machine.context.api, {*cluster.guests, *asked}, VmidRange.parse(text) if text else None
    )


async def _choose(steps: t.Sequence[Step], vmids: Vmids) -> dict[int, int]:
    """A VMID for each guest to be made that has none, by the index of its step."""
    return {
        index: await vmids.take()
        for index, step in enumerate(steps)
        if step.action is Action.MAKE and step.wanted.vmid is None
    }


async def _act(
    machine: Engine,
    steps: t.Sequence[Step],
    chosen: t.Mapping[int, int],
    vmids: Vmids,
    recipe: Recipe,
) -> dict[int, Result]:
    """Run the jobs of the steps that need one; results by the index of the step."""
    jobs: dict[int, Job] = {}
    for index, step in enumerate(steps):
        if step.action is Action.MAKE:
            vmid = t.cast("int", chosen.get(index, step.wanted.vmid))
            jobs[index] = recipe.job(step.wanted, vmid, movable=index in chosen)
        elif step.action is Action.ADOPT and step.guest and step.upid:
            jobs[index] = recipe.job_begun(step.wanted, step.guest).adopting(step.upid)
    return dict(zip(jobs, await machine.run(list(jobs.values()), vmids)))


async def _named_as_wanted(
    context: Context, steps: t.Sequence[Step], results: dict[int, Result], recipe: Recipe
) -> dict[int, Result]:
    """A task that no answer named may have made another play's guest, which only its name tells."""
    adopted = {
        index: result
        for index, result in results.items()
        if (result.found or steps[index].action is Action.ADOPT) and result.outcome.good
    }
    if not adopted:
        return results
    try:
        guests = (await read_cluster(context.api, [recipe.kind])).guests
    except PveError as error:  # the tasks are told all the same
        why = f"its task ended well, but whether it is the wanted guest cannot be read: {error}"
        unknown = {
            index: replace(result, outcome=Outcome.LOST, message=why)
            for index, result in adopted.items()
        }
        return {**results, **unknown}
    seen = {
        index: _as_it_became(steps[index].wanted, result, guests.get(result.job.target.vmid))
        for index, result in adopted.items()
    }
    return {**results, **seen}


def _as_it_became(wanted: Wanted, result: Result, guest: Guest | None) -> Result:
    if guest is None:
        return result
    job = replace(result.job, target=replace(result.job.target, node=guest.node))
    if not wanted.name or guest.name in (None, wanted.name):
        return replace(result, job=job)
    why = f"VMID {guest.vmid} shall be {wanted.name!r}, but it became {guest.title}"
    return replace(result, job=job, outcome=Outcome.FAILED, message=why)


def _values(step: Step, result: Result | None, finished: t.Mapping[int, Task]) -> Values:
    if result is not None:
        return guest_values(result)
    guest = step.guest
    task = finished.get(guest.vmid) if guest else None
    outcome = Outcome.FAILED if step.action is Action.GIVE_UP else Outcome.UNCHANGED
    if task is not None and step.action is Action.KEEP:
        outcome = task.outcome
    return {
        "vmid": guest.vmid if guest else step.wanted.vmid,
        "name": (guest.name if guest else None) or step.wanted.name,
        "node": step.node,
        "kind": guest.kind if guest else None,
        "outcome": outcome.value,
        "changed": task is not None and outcome.good,
        "upid": str(task.upid) if task else (str(step.upid) if step.upid else None),
        "attempts": 0,
        "message": step.why or None,
    }


def _plan(steps: t.Sequence[Step], recipe: Recipe) -> Report:
    """What would be done, as the report of check mode."""
    outcomes = {
        Action.KEEP: Outcome.UNCHANGED,
        Action.MAKE: Outcome.QUEUED,
        Action.ADOPT: Outcome.RUNNING,
        Action.GIVE_UP: Outcome.FAILED,
    }
    values = []
    for step in steps:
        node = step.node
        if node is None:
            node = recipe.job(step.wanted, step.wanted.vmid or 0, movable=False).target.node
        values.append(
            {
                **_values(step, None, {}),
                "node": node,
                "kind": recipe.kind,
                "outcome": outcomes[step.action].value,
                "changed": step.action in (Action.MAKE, Action.ADOPT),
                "upid": str(step.upid) if step.action is Action.ADOPT else None,
            }
        )
    return job_report(
        None,
        [],
        values,
        diff=_diff(steps, recipe, values),
        refused=[step.why for step in steps if step.action is Action.GIVE_UP],
    )


def _diff(steps: t.Sequence[Step], recipe: Recipe, values: t.Sequence[Values]) -> dict[str, str]:
    """The guests before and after, a line each."""
    before, after = [], []
    for step, value in zip(steps, values):
        line = f"{step.wanted.title}: {recipe.kind} {value['vmid'] or 'of a free VMID'}"
        line += f" on {value['node']}"
        if step.action is Action.KEEP and not value["changed"]:
            before.append(line)
            after.append(line)
        elif value["changed"]:
            after.append(f"{line}, {recipe.verb}")
    return {
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }
