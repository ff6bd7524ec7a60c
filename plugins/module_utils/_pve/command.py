# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every command gets and gives: its context, its report."""

from __future__ import annotations

import asyncio
import typing as t
from collections import Counter
from dataclasses import dataclass, field

from .errors import PveError
from .task import Outcome, Task

if t.TYPE_CHECKING:
    from .client import Api

Values = dict[str, t.Any]
T = t.TypeVar("T")


@dataclass(frozen=True)
class Context:
    """What a command works with.

    ``params`` are the checked options of the module. ``check`` says to act not. ``stop`` is set
    when the user interrupts: nothing more may be started then. ``warn`` tells the user something.
    ``record`` holds every task that was started or waited for so far, and is returned whatever
    happens afterwards.
    """

    api: Api
    params: t.Mapping[str, t.Any]
    check: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    warn: t.Callable[[str], None] = lambda _text: None
    record: list[Task] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """What a command found out or did: the keys of the module's result.

    ``problem`` is the message of a failure, None when all is well. ``diff`` holds ``before`` and
    ``after``.
    """

    values: Values
    changed: bool = False
    problem: str | None = None
    diff: t.Mapping[str, str] | None = None


@dataclass(frozen=True)
class Verdict:
    """Which outcomes count as done: the options ``warnings`` and ``on_timeout``."""

    warnings: str = "accept"
    on_timeout: str = "fail"

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> Verdict:
        """Read the options of the fragment wait."""
        return cls(params["warnings"], params["on_timeout"])

    def accepts(self, outcome: Outcome) -> bool:
        """Whether this outcome lets the command succeed."""
        if outcome is Outcome.WARNINGS:
            return self.warnings == "accept"
        if outcome is Outcome.TIMED_OUT:
            return self.on_timeout == "continue"
        return outcome.good


async def attend(command: t.Callable[[Context], t.Awaitable[Report]], context: Context) -> Report:
    """The report of a command; one that fails still returns every task of its record."""
    try:
        return await command(context)
    except PveError as error:
        if not context.record:
            raise
        tasks = list({task.upid: task for task in context.record}.values())
        return Report(
            {"tasks": task_values(tasks), "summary": summary(task.outcome for task in tasks)},
            changed=any(task.outcome.good for task in tasks),
            problem=str(error),
        )


async def until_interrupted(context: Context, reading: t.Coroutine[t.Any, t.Any, T]) -> T:
    """What a reading gives; an interruption by the user ends it at once, with PveError."""
    work = asyncio.ensure_future(reading)
    interrupted = asyncio.ensure_future(context.stop.wait())
    ends: set[asyncio.Future[t.Any]] = {work, interrupted}
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise PveError("interrupted; nothing was changed")
        return work.result()
    finally:
        for future in ends:
            future.cancel()


def summary(outcomes: t.Iterable[Outcome]) -> Values:
    """The number of each outcome, and their total."""
    counts = Counter(outcome.value for outcome in outcomes)
    return {**dict(sorted(counts.items())), "total": sum(counts.values())}


def task_values(tasks: t.Iterable[Task]) -> list[Values]:
    """The tasks as plain values, each UPID once."""
    return list({str(task.upid): task.as_result() for task in tasks}.values())
