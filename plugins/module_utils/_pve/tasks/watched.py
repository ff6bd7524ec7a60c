# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of watched tasks and of their nodes."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, field

from .task import Outcome, Task

if t.TYPE_CHECKING:
    from .upid import Upid


@dataclass
class Watch:
    """One task that a caller waits for; ``born`` is its start on our clock, None while unknown.

    ``seen`` says that a round has polled it, so that it may count as late. ``unlisted`` says that
    no list shows it although its own status says that it runs; ``silent_since`` is since when that
    status cannot be read.
    """

    upid: Upid
    since: float
    deadline: float | None
    done: asyncio.Future[Task]
    born: float | None = None
    seen: bool = False
    unlisted: bool = False
    asked: float = field(default=float("-inf"))
    silent_since: float | None = None
    error: str = ""

    @property
    def open(self) -> bool:
        """Whether its end is unknown so far."""
        return not self.done.done()

    @property
    def once(self) -> bool:
        """Whether a single poll is requested."""
        return self.deadline is not None and self.deadline <= self.since

    def resolve(self, task: Task) -> None:
        """Resolve the wait, once."""
        if self.open:
            self.done.set_result(task)

    def lose(self, why: str) -> None:
        """The outcome of the task cannot be determined."""
        self.resolve(Task(self.upid, Outcome.LOST, note=why))


@dataclass
class WatchedNode:
    """One node: its watches, and since when it has been silent.

    ``heard_at`` is when it last answered, None if never.
    """

    name: str
    watches: list[Watch] = field(default_factory=list)
    heard_at: float | None = None
    silent_since: float | None = None
    error: str = ""
    loop: asyncio.Task[None] | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def answered(self) -> bool:
        """Whether it has ever answered."""
        return self.heard_at is not None

    def heard(self, now: float) -> None:
        """It answered."""
        self.heard_at, self.silent_since = now, None

    def fell_silent(self, now: float, error: object) -> None:
        """It did not answer, or not conclusively."""
        if self.silent_since is None:
            self.silent_since = now
        self.error = str(error)

    def lose_all(self, why: str) -> None:
        """End every watch."""
        for watch in self.watches:
            watch.lose(why)
