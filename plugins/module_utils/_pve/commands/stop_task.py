# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""stop_task: stop tasks, verify that they ended, and look for locks they left."""

from __future__ import annotations

import asyncio
import traceback
import typing as t
from dataclasses import dataclass, replace

from ..api.errors import PveError
from ..engine.lockholders import LOCKS, read_holders
from ..guests.labels import shell_command
from ..guests.reading import read_cluster
from ..tasks.clone_log import read_targets
from ..tasks.log import with_log
from ..tasks.stopping import stop_task
from ..tasks.task import Outcome, Task
from ..tasks.upid import Upid, collect_upids
from ..tasks.watcher import Watcher
from .context import Context, Report, Values, failures, summary, task_values

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..engine.lockholders import Holders
    from ..guests.cluster import Guest


@dataclass(frozen=True)
class _Stopped:
    """A task after this call: whether it was still running before, and whether it ended now."""

    task: Task
    ran: bool = False
    ended: bool = False


async def run(context: Context) -> Report:
    """Stop running tasks; those that have already ended are left alone."""
    upids = collect_upids(context.params["upids"], "upids")
    watcher = Watcher(context.api, interval=None, node_timeout=context.params["wait_timeout"])
    try:
        with context.ends_by_itself():
            results = await _stop_all(context, watcher, upids)
    finally:
        await watcher.close()
    tasks = [one.task for one in results]
    context.record.extend(tasks)
    problem = _problem(context, results)
    leftovers: list[Values] = []
    try:
        leftovers = await _leftovers(context.api, [one.task for one in results if one.ended])
    except PveError as error:  # the tasks are reported anyway
        unread = f"cannot check for leftover locks: {error}"
        problem = f"{problem}\n{unread}" if problem else unread
    return Report(
        {
            "tasks": task_values(tasks),
            "leftovers": leftovers,
            "summary": summary(task.outcome for task in tasks),
        },
        changed=any(one.ran if context.check else one.ended for one in results),
        problem=problem,
        would="stop",
        planned=Outcome.RUNNING,
    )


async def _stop_all(context: Context, watcher: Watcher, upids: t.Sequence[Upid]) -> list[_Stopped]:
    """Stop the tasks side by side, so that a silent node delays only its own.

    An interrupt ends the waiting; requests that were sent are not undone.
    """
    if not upids:
        return []
    stops = [asyncio.ensure_future(_stop_one(context, watcher, upid)) for upid in upids]
    interrupted = asyncio.ensure_future(context.stop.wait())
    try:
        everything = asyncio.gather(*stops, return_exceptions=True)
        ends: set[asyncio.Future[t.Any]] = {interrupted, everything}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        return [
            stop.result() if stop.done() else _Stopped(Task(upid), ran=True)
            for upid, stop in zip(upids, stops)
        ]
    finally:
        for future in (interrupted, *stops):
            future.cancel()


async def _stop_one(context: Context, watcher: Watcher, upid: Upid) -> _Stopped:
    """Read a task, and stop it if it runs."""
    try:
        return await _look_and_stop(context, watcher, upid)
    except Exception:  # noqa: BLE001 - one task that cannot be stopped must not lose the others
        note = f"an error in this collection:\n{traceback.format_exc()}"
        return _Stopped(Task(upid, Outcome.LOST, note=note))


async def _look_and_stop(context: Context, watcher: Watcher, upid: Upid) -> _Stopped:
    params = context.params
    task = await watcher.watch(upid, timeout=0)
    ran = task.outcome is Outcome.TIMED_OUT
    ended = False
    if ran and context.check:
        return _Stopped(Task(upid), ran=True)
    if ran:
        task, accepted = await stop_task(context.api, watcher, upid, params["wait_timeout"])
        if not accepted:
            task = replace(task, outcome=Outcome.RUNNING)
        ended = accepted and task.outcome is not Outcome.TIMED_OUT
    return _Stopped(await with_log(context.api, task, params["log_lines"]), ran, ended)


def _problem(context: Context, results: t.Sequence[_Stopped]) -> str | None:
    if context.check:
        bad = [one.task for one in results if one.task.outcome is Outcome.LOST]
    else:
        bad = [
            one.task
            for one in results
            if (one.ran and not one.ended) or one.task.outcome in (Outcome.TIMED_OUT, Outcome.LOST)
        ]
    if not bad:
        return None
    verb = (
        "had not ended before the interruption"
        if context.stop.is_set()
        else ("could not be stopped")
    )
    headline = f"{len(bad)} of {len(results)} tasks {verb}:"
    return failures(headline, [task.in_words() for task in bad])


async def _leftovers(api: Api, tasks: t.Sequence[Task]) -> list[Values]:
    """Guests that these tasks locked and that are still locked, with no task working on them."""
    locking = [task for task in tasks if task.upid.type in LOCKS]
    if not locking:
        return []
    worked_on = await asyncio.gather(*(_worked_on(api, task) for task in locking))
    cluster = await read_cluster(api)
    suspects = {
        vmid: cluster.guests[vmid].lock
        for task, vmids in zip(locking, worked_on)
        for vmid in vmids
        if vmid in cluster.guests and cluster.guests[vmid].lock in LOCKS[task.upid.type]
    }
    if not suspects:
        return []
    holders = await read_holders(api, cluster.nodes)
    # Read again: the task that held a lock may have ended before the lists were read.
    return [
        _leftover(guest, holders)
        for guest in (await read_cluster(api)).guests.values()
        if guest.vmid in suspects
        and suspects[guest.vmid] == guest.lock
        and not holders.may_hold(guest)
    ]


async def _worked_on(api: Api, task: Task) -> set[int]:
    vmids = await read_targets(api, task.upid)
    return {*vmids} if task.upid.vmid is None else {*vmids, task.upid.vmid}


def _leftover(guest: Guest, holders: Holders) -> Values:
    """A locked guest; the command is given only if no task can still hold the lock."""
    unread = "; ".join(f"{node}: {why}" for node, why in sorted(holders.unread.items()))
    return {
        "vmid": guest.vmid,
        "node": guest.node,
        "type": guest.type,
        "lock": guest.lock,
        "command": None if unread else shell_command(guest.type, "unlock", guest.vmid),
        "message": f"cannot determine whether a running task holds the lock: {unread}"
        if unread
        else None,
    }
