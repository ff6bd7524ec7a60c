# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""operation: do something of the catalogue to one or many guests."""

from __future__ import annotations

import asyncio
import re
import typing as t
from dataclasses import replace

from ..api.errors import ApiError, PveError, UsageError
from ..engine.scheduler import Result
from ..guests.config import SECRETS, read_configuration
from ..guests.reading import still_named
from ..operations.catalog import OPERATIONS
from ..operations.guest import guest_job
from ..tasks.clone_log import first_lines
from ..tasks.listing import list_tasks
from ..tasks.task import Outcome
from .decisions import decide_all, find_all
from .machine import engine
from .references import read_references
from .result import guest_values, job_report

if t.TYPE_CHECKING:
    from ..guests.cluster import Cluster, Guest
    from ..operations.catalog import Operation
    from ..operations.job import Job
    from ..tasks.upid import Upid
    from .context import Context, Report, Values
    from .decisions import Decision
    from .machine import Engine
    from .references import GuestReference


async def run(context: Context) -> Report:
    """Read the guests, decide what differs, act on that."""
    params = context.params
    operation = OPERATIONS[params["operation"]]
    references = read_references(params["guests"], params["params"])
    _check_allowed(operation, references, allowed=params["allow_destructive"])
    found, cluster = await find_all(context, operation, references)
    if context.check:
        steps = await decide_all(context, operation, found, cluster)
        values = [_planned(step, apply_now=params["apply"] == "now") for step in steps]
        diff = _diff(operation, steps)
        return job_report(None, [], values, diff=diff, refused=_refusals(steps))
    async with engine(context) as machine:
        groups = _by_node(found, together=params["start_interval"] > 0)
        work = [
            _carry_out(machine, operation, [found[index] for index in group], cluster)
            for group in groups
        ]
        # All of them end, whatever becomes of one: what was started is on record by then.
        ended = await asyncio.gather(*work, return_exceptions=True)
    done: dict[int, tuple[Decision, Values]] = {}
    results: list[Result] = []
    for group, one in zip(groups, ended):
        if isinstance(one, BaseException):
            raise one
        done.update(zip(group, zip(one.steps, one.values)))
        results += one.results
    steps = [done[index][0] for index in range(len(found))]
    return job_report(
        context,
        results,
        [done[index][1] for index in range(len(found))],
        diff=_diff(operation, steps),
        refused=_refusals(steps),
    )


class _Done(t.NamedTuple):
    """What became of some of the guests, ``values`` in the order of ``steps``."""

    steps: list[Decision]
    results: list[Result]
    values: list[Values]


def _by_node(found: t.Sequence[Decision], *, together: bool) -> list[list[int]]:
    """The indexes of the steps, those of a node together, so that a silent one delays no other.

    Starts that keep their distance are one group.
    """
    groups: dict[str, list[int]] = {}
    for index, step in enumerate(found):
        node = step.guest.node if step.guest is not None and not together else ""
        groups.setdefault(node, []).append(index)
    return list(groups.values())


async def _carry_out(
    machine: Engine, operation: Operation, found: t.Sequence[Decision], cluster: Cluster
) -> _Done:
    """Decide about these guests and do it."""
    context = machine.context
    steps = await decide_all(context, operation, found, cluster)
    results, more = await _act(machine, operation, steps)
    pending = await _pending(context, operation, steps, results)
    restarts = {}
    if context.params["apply"] == "now":
        restarts = await _restart(machine, steps, pending)
    values = [
        _values(step, results.get(index), restarts.get(index), pending.get(index, ()))
        for index, step in enumerate(steps)
    ]
    return _Done(steps, [*more, *results.values(), *restarts.values()], values)


def _check_allowed(
    operation: Operation, references: t.Sequence[GuestReference], *, allowed: bool
) -> None:
    if allowed:
        return
    for one in references:
        if operation.is_destructive(one.params):
            raise UsageError(
                f"operation: {operation.name} can destroy data or work of {one.text};"
                " set allow_destructive to true to allow that. Nothing was done"
            )


def _refusals(steps: t.Sequence[Decision]) -> list[str]:
    return [f"{step.reference.text}: {step.refusal}" for step in steps if step.refusal is not None]


async def _act(
    machine: Engine, operation: Operation, steps: t.Sequence[Decision]
) -> tuple[dict[int, Result], list[Result]]:
    """Run the jobs of the steps that need one; results by index, and those of stops before."""
    jobs = {
        index: _job(machine.context, operation, step)
        for index, step in enumerate(steps)
        if step.to_do and step.guest is not None
    }
    stops = {
        index: _stop_job(machine.context, steps[index]) for index in jobs if steps[index].stop_first
    }
    stopped = dict(zip(stops, await machine.run(list(stops.values()), to_the_end=True)))
    failed = {index: result for index, result in stopped.items() if not result.outcome.succeeded}
    jobs = {index: job for index, job in jobs.items() if index not in failed}
    if not operation.compares:
        jobs, unknown = await _adopting(machine.context, jobs)
        failed.update(unknown)
    results = dict(zip(jobs, await machine.run(list(jobs.values()))))
    ended_well = [result for index, result in stopped.items() if index not in failed]
    return {**results, **failed}, ended_well


def _job(context: Context, operation: Operation, step: Decision) -> Job:
    """The job of a step, sent only while the guest is the one that was compared.

    A guest that was given by its name still carries it, and a configuration is still the one with
    the digest that was read.
    """
    guest, params = t.cast("Guest", step.guest), dict(step.params or {})
    if operation.compares and step.current.digest is not None:
        params.setdefault("digest", step.current.digest)
    job = guest_job(operation, guest, params, context.params["wait_timeout"])
    return job if step.reference.name is None else replace(job, recheck=still_named(guest))


def _stop_job(context: Context, step: Decision) -> Job:
    return _job(context, OPERATIONS["stop"], replace(step, params={}))


async def _pending(
    context: Context,
    operation: Operation,
    steps: t.Sequence[Decision],
    results: t.Mapping[int, Result],
) -> dict[int, tuple[str, ...]]:
    """What waits for a restart of each guest that was to be configured, by index."""
    found = {index: step.awaited for index, step in enumerate(steps) if step.awaited}
    changed = [
        index
        for index, result in results.items()
        if operation.name == "configure" and result.outcome.succeeded and _runs(steps[index])
    ]
    read = await asyncio.gather(*(_waiting(context, steps[index]) for index in changed))
    return {**found, **dict(zip(changed, read))}


def _runs(step: Decision) -> bool:
    return step.guest is not None and step.guest.running


async def _waiting(context: Context, step: Decision) -> tuple[str, ...]:
    try:
        current = await read_configuration(context.api, t.cast("Guest", step.guest))
    except PveError as error:  # what was done is reported all the same
        context.warn(f"what is pending of {step.reference.text} could not be read: {error}")
        return ()
    return tuple(sorted(current.pending))


async def _restart(
    machine: Engine, steps: t.Sequence[Decision], pending: dict[int, tuple[str, ...]]
) -> dict[int, Result]:
    """Reboot the running guests that something is pending of; what came into force is removed."""
    waiting = [index for index, options in pending.items() if options and _runs(steps[index])]
    reboot = OPERATIONS["reboot"]
    jobs = [_job(machine.context, reboot, replace(steps[index], params={})) for index in waiting]
    results = dict(zip(waiting, await machine.run(jobs, to_the_end=True)))
    for index, result in results.items():
        if result.outcome.succeeded:
            pending[index] = await _waiting(machine.context, steps[index])
    return results


async def _adopting(
    context: Context, jobs: t.Mapping[int, Job]
) -> tuple[dict[int, Job], dict[int, Result]]:
    """Take over what runs already: an earlier call may have been interrupted.

    The jobs of a node that does not say what runs there end as failures, the second value.
    """
    nodes = sorted({job.node for job in jobs.values()})
    running = dict(zip(nodes, await asyncio.gather(*(_running(context, node) for node in nodes))))
    adopted, unknown = {}, {}
    for index, job in jobs.items():
        tasks = running[job.node]
        if isinstance(tasks, PveError):
            message = f"cannot determine whether this runs already: {tasks}; nothing was started"
            unknown[index] = Result(job, Outcome.FAILED, message=message)
            continue
        upid = tasks.get((job.task_type, job.task_id))
        same = upid is not None and await _goes_there(context, job, upid)
        adopted[index] = job.adopting(upid) if upid and same else job
    return adopted, unknown


async def _running(context: Context, node: str) -> dict[tuple[str, str], Upid] | PveError:
    """The tasks that run on a node, by type and id, or why they cannot be read."""
    try:
        entries = await list_tasks(context.api, node, {"source": "active"}, retries=None)
    except PveError as error:
        return error
    return {
        (entry.upid.type, entry.upid.id): entry.upid for entry in entries if entry.status is None
    }


async def _goes_there(context: Context, job: Job, upid: Upid) -> bool:
    """Whether a task that runs ends where the job does; of a migration only its log says so."""
    if job.target.node == job.node:
        return True
    node = re.compile(rf"to node '{re.escape(job.target.node)}'")
    try:
        lines = await first_lines(context.api, upid)
    except ApiError:  # somebody else's task
        return False
    return any(node.search(line) for line in lines)


def _values(
    step: Decision, result: Result | None, restart: Result | None, pending: t.Sequence[str]
) -> Values:
    """One guest of the result: what its job did, and its restart where that is all or failed."""
    last = result if restart is None or (result and restart.outcome.succeeded) else restart
    if last is None:  # nothing was done
        return _planned(replace(step, params=None, awaited=tuple(pending)))
    changed = any(one.changed for one in (result, restart) if one is not None)
    return {**guest_values(last), "changed": changed, "pending": list(pending)}


def _planned(step: Decision, *, apply_now: bool = False) -> Values:
    """One guest of a plan, or one that nothing was to be done to."""
    guest = step.guest
    to_do = step.to_do or (apply_now and bool(step.awaited) and _runs(step))
    outcome = Outcome.QUEUED if to_do else Outcome.UNCHANGED
    if step.awaited and not to_do:  # as wished, but not in force: that is not "unchanged"
        outcome = Outcome.OK
    return {
        "vmid": guest.vmid if guest else step.reference.vmid,
        "name": guest.name if guest else step.reference.name,
        "node": guest.node if guest else None,
        "type": guest.type if guest else None,
        "outcome": (Outcome.FAILED if step.refusal else outcome).value,
        "changed": to_do,
        "upid": None,
        "attempts": 0,
        "message": step.refusal or _awaiting(step.awaited),
        "pending": list(step.awaited),
    }


def _awaiting(options: t.Sequence[str]) -> str | None:
    return f"pending until a restart: {', '.join(options)}" if options else None


def _diff(operation: Operation, steps: t.Sequence[Decision]) -> dict[str, str]:
    """What changes in each guest, a line for each option or guest; secrets are left out."""
    before, after = [], []
    for step in [step for step in steps if step.to_do]:
        title = step.guest.title if step.guest else step.reference.text
        params = t.cast("t.Mapping[str, t.Any]", step.params)
        if operation.name != "configure":
            shown = " ".join(f"{name}={value}" for name, value in sorted(params.items()))
            after.append(f"{title}: {operation.title} {shown}".rstrip())
            continue
        old = step.current.after_restart
        for name in filter(None, str(params.get("delete") or "").split(",")):
            before.append(f"{title}: {name}: {_shown(name, old(name))}")
        for name, value in sorted(params.items()):
            if name != "delete":
                if old(name) is not None:
                    before.append(f"{title}: {name}: {_shown(name, old(name))}")
                after.append(f"{title}: {name}: {_shown(name, value)}")
    return {
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }


def _shown(name: str, value: object) -> object:
    return "********" if name in SECRETS else value
