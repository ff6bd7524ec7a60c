# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which events are wanted, and how often to ask for them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...api.errors import UsageError
from ..history import TaskQuery
from ..task import UNEXPECTED, Outcome
from .event import KINDS, Event, Kind

if t.TYPE_CHECKING:
    from ..times import Moment
    from ..upid import Upid

_WORDS = {Outcome.OK: "ok", Outcome.WARNINGS: "warning", Outcome.LOST: "unknown"}


@dataclass(frozen=True)
class EventQuery:
    """Which events; None and empty mean all.

    ``interval`` is the number of seconds between two polls of a node. ``since`` is where to begin
    if there is no cursor, by default now. ``log_lines`` of failed tasks are part of their events.
    """

    kinds: tuple[Kind, ...] = ()
    nodes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    vmid: int | None = None
    user: str | None = None
    status: tuple[str, ...] = ()
    since: Moment | None = None
    interval: float = 5.0
    log_lines: int = 20

    @classmethod
    def from_options(cls, options: t.Mapping[str, t.Any]) -> EventQuery:
        """Parse the options with these names; UsageError for invalid values.

        The filters are those of ``TaskQuery``, and the kinds are ``events``. Progress is read only
        if it is named there, because it costs requests.
        """
        tasks = TaskQuery.from_options({**options, "limit": None})
        kinds = options.get("events") or [
            kind for kind in KINDS if kind != Kind.TASK_PROGRESS.value
        ]
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise UsageError(f"events: {str(unknown[0])[:60]!r} is not one of {', '.join(KINDS)}")
        interval, log_lines = options.get("interval"), options.get("log_lines")
        interval = 5.0 if interval is None else float(interval)
        if not 0.2 <= interval <= 3600:
            raise UsageError(f"interval: {interval:g} is not from 0.2 to 3600")
        log_lines = 20 if log_lines is None else int(log_lines)
        if not 0 <= log_lines <= 1000:
            raise UsageError(f"log_lines: {log_lines} is not from 0 to 1000")
        return cls(
            kinds=tuple(Kind(kind) for kind in dict.fromkeys(kinds)),
            nodes=tuple(dict.fromkeys(options.get("nodes") or ())),
            types=tasks.types,
            vmid=tasks.vmid,
            user=tasks.user,
            status=tasks.status,
            since=tasks.since,
            interval=interval,
            log_lines=log_lines,
        )

    def wants(self, kind: Kind) -> bool:
        """Whether events of this kind are wanted at all."""
        return not self.kinds or kind in self.kinds

    def accepts(self, upid: Upid) -> bool:
        """Whether events of this task are wanted."""
        if self.types and upid.type not in self.types:
            return False
        if self.vmid is not None and upid.vmid != self.vmid:
            return False
        return not self.user or self.user.lower() in upid.user.lower()

    def accepts_event(self, event: Event) -> bool:
        """Whether this event is wanted; the status of a task is known only at its end."""
        if not self.wants(event.kind):
            return False
        task = event.task
        if task is None:
            return True
        if not self.accepts(task.upid):
            return False
        if not self.status or not task.outcome.finished:
            return True
        known = _WORDS.get(task.outcome, "error")
        return ("unknown" if task.exitstatus == UNEXPECTED else known) in self.status
