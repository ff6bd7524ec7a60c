# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks that end before the work is done: another task, of root@pam, does the rest some time later.

``hastart``, ``hastop`` and ``hamigrate`` end when their request to HA is filed
(``PVE/API2/Qemu.pm``, ``PVE/API2/LXC/Status.pm``); the local resource manager of some node acts on
it in one of its next cycles (``PVE/HA/LRM.pm``). ``qmreboot`` ends when the VM has stopped;
qmeventd then starts it again (``PVE/CLI/qm.pm``, cleanup).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..api import clock
from ..api.answers import read_rows
from ..api.errors import ApiError, Cause, NoAnswerError
from ..tasks.listing import list_tasks
from ..tasks.task import Outcome, Task

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..operations.job import Job
    from ..tasks.upid import Upid
    from ..tasks.watcher import Watcher
    from .attempts import JobRun

_FOLLOW_UPS: t.Mapping[str, tuple[str, ...]] = {
    "hastart": ("qmstart", "vzstart"),
    "hastop": ("qmshutdown", "vzshutdown", "qmstop", "vzstop"),
    "hamigrate": ("qmigrate", "vzmigrate"),
    "qmreboot": ("qmstart",),
}
# How often to check whether it has been done, in seconds; HA's own cycles are 5 and 10.
_INTERVAL = 2.0


def request_for(task_type: str) -> str | None:
    """The type of the task that a call starts in place of this one where HA manages the guest."""
    return next((asked for asked, types in _FOLLOW_UPS.items() if task_type in types), None)


def has_follow_up(upid: Upid) -> bool:
    """Whether another task follows up on this one."""
    return upid.type in _FOLLOW_UPS


async def follow(api: Api, watcher: Watcher, run: JobRun, asked: Task) -> Task:
    """Wait until the work that the ended task ``asked`` for is done; return the task that counts.

    That is the one that did it, with its own outcome, or ``asked`` if none was seen. The timeout of
    the job counts from now.
    """
    job, timeout = run.job, run.job.timeout
    deadline = clock.now() + timeout
    last, seen = asked, {asked.upid}
    while True:
        seen_now = await _observe(api, job, asked.upid, seen)
        if seen_now.outcome is not None:
            if seen_now.outcome.succeeded:
                return last
            return replace(asked, outcome=seen_now.outcome, note=seen_now.why)
        if seen_now.task is not None:
            seen.add(seen_now.task)
            with run.work.running(seen_now.task):
                last = await watcher.watch(seen_now.task, timeout=max(0.0, deadline - clock.now()))
            run.work.task_ended(last)
            if not last.outcome.succeeded:
                return last
        elif clock.now() >= deadline:
            note = f"{asked.title} succeeded, but did not take effect within {timeout:.0f} s"
            return replace(asked, outcome=Outcome.TIMED_OUT, note=note)
        else:
            await clock.sleep(_INTERVAL)


@dataclass(frozen=True)
class _State:
    """What the guest shows at one moment: a task to watch, the final outcome, or nothing yet."""

    task: Upid | None = None
    outcome: Outcome | None = None
    why: str | None = None


async def _observe(api: Api, job: Job, asked: Upid, seen: t.Collection[Upid]) -> _State:
    try:
        task = await _find_follow_up(api, job, asked, seen)
        state = "" if task else await _state(api, job)
    except NoAnswerError:
        return _State()
    except ApiError as error:
        if error.cause is Cause.GONE:  # it is just being moved
            return _State()
        return _State(outcome=Outcome.LOST, why=str(error))
    if state == "error":
        return _State(outcome=Outcome.FAILED, why="HA is in state error for this guest")
    done = not task and state == _wanted(job, asked)
    return _State(task=task, outcome=Outcome.OK if done else None)


def _wanted(job: Job, asked: Upid) -> str:
    """The target value of ``_state``."""
    if asked.type == "hamigrate":
        return f"on {job.params['target']}"
    return "stopped" if asked.type == "hastop" else "running"


async def _state(api: Api, job: Job) -> str:
    """``running`` or ``stopped``, for a migration the node; ``error`` when HA has given up."""
    rows = await read_rows(api, ("cluster", "resources"), {"type": "vm"})
    row = next((row for row in rows if row.get("vmid") == job.target.vmid), None)
    if row is not None and row.get("hastate") == "error":
        return "error"
    node = str(row["node"]) if row else job.node
    if request_for(job.task_type) == "hamigrate":
        return f"on {node}"
    path = ("nodes", node, job.target.type, job.target.vmid, "status", "current")
    return str((await api.get(path)).data.get("status"))


async def _find_follow_up(api: Api, job: Job, asked: Upid, seen: t.Collection[Upid]) -> Upid | None:
    """The newest task since the request that does the work.

    It belongs to root@pam, so it is hidden without Sys.Audit on the node; then only the guest's
    state shows it.
    """
    filters = {"source": "all", "since": asked.starttime, "vmid": job.target.vmid}
    for entry in await list_tasks(api, job.node, filters):
        if entry.upid.type in _FOLLOW_UPS[asked.type] and entry.upid not in seen:
            return entry.upid
    return None
