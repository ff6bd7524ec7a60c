# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of a node's tasks: what runs, and the archive with its two generations.

`/var/log/pve/tasks/index` gets a line when an end is noticed and is renamed to `index.1` when
it has grown over 50 000 bytes; older generations are forgotten (`PVE/RESTEnvironment.pm`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from .task import Task

MAX_FINISHED = 25
MAX_INDEX_BYTES = 50_000
MAX_BROADCAST_BYTES = 32 * 1024


@dataclass(frozen=True)
class Entry:
    """A line of the archive."""

    task: Task
    endtime: int
    status: str

    @property
    def size(self) -> int:
        """Bytes of the line."""
        return len(f"{self.task.upid} {self.endtime:08X} {self.status}\n".encode())


@dataclass
class History:
    """The task lists of one node."""

    running: list[Task] = field(default_factory=list)
    index: list[Entry] = field(default_factory=list)
    older: list[Entry] = field(default_factory=list)
    fresh: list[Entry] = field(default_factory=list)
    """Ends that were seen since the list was last read from its file."""
    _bytes: int = 0

    def add(self, entry: Entry) -> None:
        """Archive an ended task, and rotate the archive when it is full."""
        if entry.task in self.running:
            self.running.remove(entry.task)
        self.index.append(entry)
        self.fresh.append(entry)
        self._bytes += entry.size
        if self._bytes > MAX_INDEX_BYTES:
            self.older, self.index, self._bytes = self.index, [], 0

    def archive(self) -> list[Entry]:
        """Everything remembered, the end that was noticed last first."""
        return self.index[::-1] + self.older[::-1]

    def active(self) -> list[Task | Entry]:
        """What the node broadcasts: all that runs, and ended ones up to 25 in all, newest first."""
        room = max(0, MAX_FINISHED - len(self.running))
        finished = sorted(self.archive(), key=_entry_start, reverse=True)[:room]
        running = sorted(self.running, key=_task_start, reverse=True)
        return _that_fit([*running, *finished])


def _that_fit(items: list[Task | Entry]) -> list[Task | Entry]:
    """As many of the newest as the cluster's file system takes in one value."""
    room = MAX_BROADCAST_BYTES - 2
    for number, item in enumerate(items):
        room -= _broadcast_bytes(item) + 1
        if room <= 0:
            return items[:number]
    return items


def _broadcast_bytes(item: Task | Entry) -> int:
    """Bytes of an item as JSON."""
    task = item if isinstance(item, Task) else item.task
    upid = task.upid
    fields: dict[str, str | int] = {"upid": str(upid), "node": upid.node, "type": upid.type}
    fields |= {"id": upid.id, "user": upid.user, "starttime": upid.starttime}
    if isinstance(item, Entry):
        fields |= {"endtime": item.endtime, "status": item.status, "saved": "1"}
    else:
        fields |= {"pid": upid.pid}
    return len(json.dumps(fields, separators=(",", ":")))


def _task_start(task: Task) -> float:
    return task.started


def _entry_start(entry: Entry) -> float:
    return entry.task.started
