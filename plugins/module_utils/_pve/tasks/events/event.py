# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events: what happened to a task, or to the connection."""

from __future__ import annotations

import enum
import re
import typing as t
from dataclasses import dataclass

from ..clone_log import CLONES
from ..task import Outcome, Task, iso

# How a log of PVE::VZDump names a guest whose backup failed; it says VM of a container, too.
_FAILED_BACKUP = re.compile(r"ERROR: Backup of VM (\d{1,9}) failed\b")


class Kind(str, enum.Enum):
    """What an event is about."""

    TASK_STARTED = "task_started"
    TASK_PROGRESS = "task_progress"
    TASK_FINISHED = "task_finished"
    TASKS_MISSED = "tasks_missed"
    TASKS_HIDDEN = "tasks_hidden"
    NODE_LOST = "node_lost"
    NODE_REGAINED = "node_regained"
    API_LOST = "api_lost"
    API_REGAINED = "api_regained"


KINDS = tuple(kind.value for kind in Kind)


@dataclass(frozen=True)
class Event:
    """Something that happened.

    ``id`` is the same whenever the same thing is reported again. ``time`` is in epoch seconds: of a
    task by the clock of its node, of anything else by that of this machine. ``lost_for`` is how
    many seconds a connection was lost that is regained. ``vmids`` are the guests that a task
    concerns, see ``vmids_of``.
    """

    kind: Kind
    id: str
    time: int
    message: str
    node: str | None = None
    task: Task | None = None
    lost_for: int | None = None
    vmids: tuple[int, ...] = ()

    def as_result(self) -> dict[str, t.Any]:
        """The event as a dictionary of plain values; every event has every key."""
        return {
            "type": self.kind.value,
            "id": self.id,
            "time": iso(self.time),
            "message": self.message,
            "node": self.node,
            "task": self.task and self.task.as_result(),
            "vmids": list(self.vmids),
            "lost_for": self.lost_for,
        }


def task_started(task: Task) -> Event:
    """A task has started, or was seen for the first time."""
    upid = task.upid
    return Event(
        Kind.TASK_STARTED,
        f"{upid}{Kind.TASK_STARTED.value}",
        upid.starttime,
        f"{task.title}: started on {upid.node}",
        upid.node,
        Task(upid),
        vmids=vmids_of(Task(upid)),
    )


def task_progress(task: Task, now: float) -> Event:
    """A running task reports another percentage."""
    upid = task.upid
    return Event(
        Kind.TASK_PROGRESS,
        f"{upid}{Kind.TASK_PROGRESS.value}:{task.progress:g}",
        int(now),
        f"{task.title}: {task.progress:g} % on {upid.node}",
        upid.node,
        task,
        vmids=vmids_of(task),
    )


def task_finished(task: Task, now: float, created: t.Iterable[int] = ()) -> Event:
    """A task has ended; ``now`` by the clock of its node if the time of the end is unknown.

    ``created`` are the guests that a clone has created.
    """
    upid = task.upid
    why = task.exitstatus if task.outcome is not Outcome.OK else None
    return Event(
        Kind.TASK_FINISHED,
        f"{upid}{Kind.TASK_FINISHED.value}:{task.outcome.value}",
        int(now) if task.ended is None else task.ended,
        f"{task.title}: {task.outcome.value} on {upid.node}"
        + (f": {why or task.note}" if why or task.note else ""),
        upid.node,
        task,
        vmids=tuple(sorted(created)) or vmids_of(task),
    )


def vmids_of(task: Task) -> tuple[int, ...]:
    """The guests that a task concerns.

    Of a failed backup they are those that its log names as failed, because a job may have many. The
    UPID of a clone names its source, which it does not concern.
    """
    upid = task.upid
    if upid.type in CLONES:
        return ()
    if upid.type == "vzdump" and task.outcome is Outcome.FAILED:
        failed = [_FAILED_BACKUP.match(line) for line in task.log]
        if any(failed):
            return tuple(dict.fromkeys(int(found.group(1)) for found in failed if found))
    return () if upid.vmid is None else (upid.vmid,)
