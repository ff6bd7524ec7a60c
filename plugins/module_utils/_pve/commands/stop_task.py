# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""stop_task: stop tasks, verify that they ended, and look for locks they left."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import replace

from ..command import Context, Report, Values, summary, task_values
from ..errors import PveError
from ..guests import Cluster, read_cluster
from ..log import with_log
from ..stopping import stop_task
from ..task import Outcome, Task
from ..upid import Upid, collect_upids
from ..watcher import Watcher

if t.TYPE_CHECKING:
    from ..client import Api
    from ..guests import Guest

# Task types whose work sets a lock in a guest's configuration while it lasts.
_LOCKING = {
    "qmclone": ("clone",),
    "vzclone": ("disk", "create"),
    "vzcreate": ("create",),
    "vzrestore": ("create",),
    "qmrestore": ("create",),
    "qmigrate": ("migrate",),
    "vzmigrate": ("migrate",),
    "vzdump": ("backup",),
    "qmsnapshot": ("snapshot",),
    "vzsnapshot": ("snapshot",),
    "qmdelsnapshot": ("snapshot-delete",),
    "vzdelsnapshot": ("snapshot-delete",),
    "qmrollback": ("rollback",),
    "vzrollback": ("rollback",),
    "qmsuspend": ("suspending",),
}
_FIRST_LINES = 5


async def run(context: Context) -> Report:
    """Stop what runs; a task that has ended already is left as it is."""
    upids = collect_upids(context.params["upids"], "upids")
    watcher = Watcher(context.api, interval=None, node_timeout=context.params["wait_timeout"])
    try:
        before = await asyncio.gather(*(watcher.watch(upid, timeout=0) for upid in upids))
        running = [task.upid for task in before if task.outcome is Outcome.TIMED_OUT]
        stopped = {} if context.check else await _stop(context, watcher, running)
    finally:
        await watcher.close()
    tasks = [_task_after(task, stopped, context) for task in before]
    tasks = list(
        await asyncio.gather(
            *(with_log(context.api, task, context.params["log_lines"]) for task in tasks)
        )
    )
    going_on = (Outcome.RUNNING, Outcome.TIMED_OUT)
    ended = [task for task in stopped.values() if task.outcome not in going_on]
    problem = _problem(set(stopped) - {task.upid for task in ended}, tasks)
    leftovers: list[Values] = []
    try:
        leftovers = await _leftovers(context.api, ended) if ended else []
    except PveError as error:  # the tasks are told all the same
        unread = f"the locks that they left could not be looked for: {error}"
        problem = f"{problem}\n{unread}" if problem else unread
    return Report(
        {
            "tasks": task_values(tasks),
            "leftovers": leftovers,
            "summary": summary(task.outcome for task in tasks),
        },
        changed=bool(running if context.check else ended),
        problem=problem,
    )


async def _stop(context: Context, watcher: Watcher, running: t.Sequence[Upid]) -> dict[Upid, Task]:
    timeout = context.params["wait_timeout"]
    ends = await asyncio.gather(
        *(stop_task(context.api, watcher, upid, timeout) for upid in running)
    )
    return {
        task.upid: task if accepted else replace(task, outcome=Outcome.RUNNING)
        for task, accepted in ends
    }


def _task_after(task: Task, stopped: t.Mapping[Upid, Task], context: Context) -> Task:
    if task.outcome is not Outcome.TIMED_OUT:
        return task
    return Task(task.upid) if context.check else stopped[task.upid]


def _problem(unstopped: t.Collection[Upid], tasks: t.Sequence[Task]) -> str | None:
    bad = [
        task
        for task in tasks
        if task.upid in unstopped or task.outcome in (Outcome.TIMED_OUT, Outcome.LOST)
    ]
    if not bad:
        return None
    return f"{len(bad)} of {len(tasks)} tasks could not be stopped:\n" + "\n".join(
        task.in_words() for task in bad
    )


async def _leftovers(api: Api, tasks: t.Sequence[Task]) -> list[Values]:
    """Guests that these tasks worked on and that are locked now that the tasks are over."""
    locking = [task for task in tasks if task.upid.type in _LOCKING]
    if not locking:
        return []
    cluster = await read_cluster(api)
    found: dict[int, Values] = {}
    for task in locking:
        for guest in await _worked_on(api, task, cluster):
            if guest.lock in _LOCKING[task.upid.type]:
                found[guest.vmid] = _leftover(guest)
    return list(found.values())


async def _worked_on(api: Api, task: Task, cluster: Cluster) -> list[Guest]:
    vmids = set() if task.upid.vmid is None else {task.upid.vmid}
    if task.upid.type in ("qmclone", "vzclone"):
        head = await api.get(
            ("nodes", task.upid.node, "tasks", str(task.upid), "log"), {"limit": _FIRST_LINES}
        )
        text = "\n".join(str(line["t"]) for line in head.data or ())
        vmids |= {vmid for vmid in cluster.guests if f"ID {vmid}" in text or f"-{vmid}-" in text}
    return [cluster.guests[vmid] for vmid in vmids if vmid in cluster.guests]


def _leftover(guest: Guest) -> Values:
    tool = "qm" if guest.kind == "qemu" else "pct"
    return {
        "vmid": guest.vmid,
        "node": guest.node,
        "kind": guest.kind,
        "lock": guest.lock,
        "command": f"{tool} unlock {guest.vmid}",
    }
