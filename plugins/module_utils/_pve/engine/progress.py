# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes for a sink what happens to the work of a command while it runs.

Without a sink nothing is noted, and no request is made for it.
"""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import asdict, dataclass

from .percentages import Percentages

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..tasks.task import Outcome, Task
    from ..tasks.upid import Upid

# How much of the text of a retry or a failure is shown.
_LONGEST = 300


@dataclass(frozen=True)
class Event:
    """One thing that happened; what does not apply is None.

    ``event`` is ``queued``, ``step`` (number ``number`` of ``of``), ``started`` (a task, also an
    adopted one), ``percent``, ``task_ended``, ``retried`` or ``ended``. ``work`` is the number of
    the job or chain within the call, and ``title`` says what it is about.
    """

    event: str
    work: int
    title: str
    step: str | None = None
    number: int | None = None
    of: int | None = None
    upid: str | None = None
    percent: float | None = None
    outcome: str | None = None
    why: str | None = None

    def as_values(self) -> dict[str, t.Any]:
        """The event as a dictionary of plain values, without what does not apply."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Sink(t.Protocol):
    """What takes the events; it must not raise anything, and not take long."""

    def note(self, event: Event) -> None:
        """An event, in the order in which they happened."""


class Progress:
    """The progress of one command, noted for ``sink``."""

    def __init__(self, api: Api, sink: Sink | None = None) -> None:
        self._sink = sink
        self._percentages = Percentages(api)
        self._count = 0

    def work(self, title: str) -> Work:
        """A job or a chain that begins to wait for its turn."""
        if self._sink is None:
            return SILENT
        work = Work(title, self._count, self._sink, self._percentages)
        self._count += 1
        work.note("queued")
        return work


class Work:
    """One job or chain: each method notes what happened to it."""

    def __init__(
        self,
        title: str = "",
        number: int = 0,
        sink: Sink | None = None,
        percentages: Percentages | None = None,
    ) -> None:
        self._title = title
        self._number = number
        self._sink = sink
        self._percentages = percentages

    def step(self, name: str, number: int, of: int) -> None:
        """A step of it is due, counted from 1."""
        self.note("step", step=name, number=number, of=of)

    def renamed(self, title: str) -> None:
        """It is about something else from now on."""
        if self._sink is not None:
            self._title = title

    def retried(self, why: object) -> None:
        """It is retried, or waited for, for this reason."""
        self.note("retried", why=_short(why))

    def ended(self, outcome: Outcome, why: str | None = None) -> None:
        """It has ended; what still runs has not."""
        if outcome.finished:
            self.note("ended", outcome=outcome.value, why=_short(why) if why else None)

    def task_ended(self, task: Task) -> None:
        """One of its tasks has ended, or is given up."""
        self.note("task_ended", upid=str(task.upid), outcome=task.outcome.value)

    @contextlib.contextmanager
    def running(self, upid: Upid) -> t.Iterator[None]:
        """While a task of it runs: its percentages are noted as well."""
        if self._percentages is None:
            yield
            return
        self.note("started", upid=str(upid))
        with self._percentages.of(upid, lambda percent: self._reached(upid, percent)):
            yield

    def note(self, event: str, **values: t.Any) -> None:
        """Note it for the sink, if there is one."""
        if self._sink is not None:
            self._sink.note(Event(event, self._number, self._title, **values))

    def _reached(self, upid: Upid, percent: float) -> None:
        self.note("percent", upid=str(upid), percent=percent)


SILENT: t.Final = Work()
"""Work without a sink."""


def _short(why: object) -> str:
    """The first line of a text."""
    return str(why).strip().partition("\n")[0][:_LONGEST]
