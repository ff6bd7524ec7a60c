# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow of an operation on guests: find the guests, decide about each, act, restart, report."""

from __future__ import annotations

import asyncio
import contextlib
import typing as t
from dataclasses import replace

from ...api.errors import PveError, UsageError
from ...engine.adoption import adopt_running
from ...guests.config import config_params, read_configuration
from ...guests.identity import still_named
from ...guests.selector import Selector
from ...operations.catalog import OPERATIONS
from ...operations.guest import guest_job
from ..machine import engine
from ..parameters import Planned, check_parameters
from ..result import job_report
from ..selection import still_selected
from .decisions import decide_all, find_all
from .recent import max_age, unless_recent
from .report import diff_of, nothing_selected, planned, values_of

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...engine.scheduler import Result
    from ...guests.cluster import Cluster, Guest
    from ...operations.catalog import Operation
    from ...operations.job import Job
    from ..context import Context, Report, Values
    from ..machine import Engine
    from .decisions import Decision


async def run(context: Context, operation: Operation) -> Report:
    """Read the guests, decide what differs, act on that."""
    params = context.params
    max_age(context, operation)
    found, cluster = await find_all(context, operation)
    if not found and params["guests"] is None:
        return nothing_selected(context, Selector.from_params(params))
    await check_parameters(context, _calls(operation, found))
    if context.check:
        steps = await decide_all(context, operation, found, cluster)
        values = [planned(step, apply_now=params["apply"] == "now") for step in steps]
        diff = diff_of(operation, steps)
        return job_report(context, [], values, diff=diff, refused=_refusals(steps)).with_verb(
            operation.title
        )
    async with engine(context) as machine:
        groups = _by_node(found, together=params["start_interval"] > 0)
        work = [
            _carry_out(machine, operation, [found[index] for index in group], cluster)
            for group in groups
        ]
        # All of them end, whatever the outcome of each: what was started is on record by then.
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
        diff=diff_of(operation, steps),
        refused=_refusals(steps),
    )


class _Done(t.NamedTuple):
    """The outcome for some of the guests, ``values`` in the order of ``steps``."""

    steps: list[Decision]
    results: list[Result]
    values: list[Values]


def _by_node(found: t.Sequence[Decision], *, together: bool) -> list[list[int]]:
    """The indexes of the steps, grouped by node, so that a silent node does not delay others.

    Starts with an interval are one group.
    """
    groups: dict[str, list[int]] = {}
    for index, step in enumerate(found):
        node = step.guest.node if step.guest is not None and not together else ""
        groups.setdefault(node, []).append(index)
    return list(groups.values())


async def _carry_out(
    machine: Engine, operation: Operation, found: t.Sequence[Decision], cluster: Cluster
) -> _Done:
    """Decide about these guests and act."""
    context = machine.context
    steps = await decide_all(context, operation, found, cluster)
    results, more = await _act(machine, operation, steps)
    pending = await _pending(context, operation, steps, results)
    restarts = {}
    if context.params["apply"] == "now":
        restarts = await _restart(machine, steps, pending)
    values = [
        values_of(step, results.get(index), restarts.get(index), pending.get(index, ()))
        for index, step in enumerate(steps)
    ]
    return _Done(steps, [*more, *results.values(), *restarts.values()], values)


def _calls(operation: Operation, found: t.Sequence[Decision]) -> t.Iterator[Planned]:
    """The calls for the guests, with all that is asked of each, whatever is so already."""
    for step in found:
        if step.guest is not None and step.refusal is None:
            with contextlib.suppress(UsageError):  # the failure of that guest
                params = config_params(step.reference.params, step.guest.type)
                yield Planned.of(
                    step.reference.text, guest_job(operation, step.guest, params, None)
                )


def _refusals(steps: t.Sequence[Decision]) -> list[str]:
    return [f"{step.reference.text}: {step.refusal}" for step in steps if step.refusal is not None]


async def _act(
    machine: Engine, operation: Operation, steps: t.Sequence[Decision]
) -> tuple[dict[int, Result], list[Result]]:
    """Run the jobs of the steps that need one; results by index, and those of stops before."""
    jobs = {
        index: job_of(machine.context, operation, step)
        for index, step in enumerate(steps)
        if step.to_do and step.guest is not None
    }
    stops = {
        index: _stop_job(machine.context, steps[index]) for index in jobs if steps[index].stop_first
    }
    stopped = dict(zip(stops, await machine.run(list(stops.values()), to_the_end=True)))
    failed = {index: result for index, result in stopped.items() if not result.outcome.succeeded}
    jobs = {index: job for index, job in jobs.items() if index not in failed}
    if operation.adopts:
        jobs, unknown = await adopt_running(machine.context.api, jobs)
        failed.update(unknown)
    results = dict(zip(jobs, await machine.run(list(jobs.values()))))
    ended_well = [result for index, result in stopped.items() if index not in failed]
    return {**results, **failed}, ended_well


def job_of(context: Context, operation: Operation, step: Decision) -> Job:
    """The job of a step, sent only while the guest is the one that was compared.

    A guest that was given by its name still carries it, one that was selected still fits, and a
    configuration is still the one with the digest that was read.
    """
    guest, params = t.cast("Guest", step.guest), dict(step.params or {})
    if operation.compares and step.current.digest is not None:
        params.setdefault("digest", step.current.digest)
    job = guest_job(operation, guest, params, context.params["wait_timeout"])
    job = replace(job, recheck=_recheck(context, step, guest), before=step.current)
    return unless_recent(context, operation, job)


def _recheck(
    context: Context, step: Decision, guest: Guest
) -> t.Callable[[Api], t.Awaitable[None]] | None:
    if step.selector is None:
        return None if step.reference.name is None else still_named(guest)
    # One that was stopped for this has another state by now.
    selector = replace(step.selector, status=None) if step.stop_first else step.selector
    return still_selected(guest, selector, context.readings)


def _stop_job(context: Context, step: Decision) -> Job:
    return job_of(context, OPERATIONS["stop"], replace(step, params={}, stop_first=False))


async def _pending(
    context: Context,
    operation: Operation,
    steps: t.Sequence[Decision],
    results: t.Mapping[int, Result],
) -> dict[int, tuple[str, ...]]:
    """The pending changes of each guest that was configured, by index."""
    found = {index: step.awaited for index, step in enumerate(steps) if step.awaited}
    changed = [
        index
        for index, result in results.items()
        if operation.may_pend and result.outcome.succeeded and steps[index].runs
    ]
    read = await asyncio.gather(*(_waiting(context, steps[index]) for index in changed))
    return {**found, **dict(zip(changed, read))}


async def _waiting(context: Context, step: Decision) -> tuple[str, ...]:
    try:
        current = await read_configuration(context.api, t.cast("Guest", step.guest))
    except PveError as error:  # what was done is reported anyway
        context.warn(f"cannot read the pending changes of {step.reference.text}: {error}")
        return ()
    return tuple(sorted(current.pending))


async def _restart(
    machine: Engine, steps: t.Sequence[Decision], pending: dict[int, tuple[str, ...]]
) -> dict[int, Result]:
    """Reboot running guests with pending changes; changes that took effect are removed."""
    waiting = [index for index, options in pending.items() if options and steps[index].runs]
    reboot = OPERATIONS["reboot"]
    # What they were selected by may be what was configured.
    due = [replace(steps[index], params={}, selector=None) for index in waiting]
    jobs = [job_of(machine.context, reboot, step) for step in due]
    results = dict(zip(waiting, await machine.run(jobs, to_the_end=True)))
    for index, result in results.items():
        if result.outcome.succeeded:
            pending[index] = await _waiting(machine.context, steps[index])
    return results
