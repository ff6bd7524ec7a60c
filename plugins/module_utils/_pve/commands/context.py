# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every command receives and returns: its context and its report."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import traceback
import typing as t
from collections import Counter
from dataclasses import dataclass, field, replace

from ..api import clock
from ..api.errors import PveError
from ..engine.progress import Progress
from ..guests.shared_readings import SharedReadings
from ..tasks.task import Outcome, Task

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..engine.progress import Sink

Values = dict[str, t.Any]
T = t.TypeVar("T")

# The choice of update_password that sets a secret each time.
_EACH_TIME = "always"


@dataclass(frozen=True)
class Context:
    """What a command works with.

    ``params`` are the checked options of the module. ``check`` is check mode. ``stop`` is set when
    the user interrupts: nothing more may be started then. ``warn`` emits a warning. ``record``
    holds every task that was started or waited for so far, and is returned whatever happens
    afterwards. ``ending`` is set while the command itself ensures that it ends soon after an
    interrupt; otherwise it is cancelled.
    ``sink`` learns of the progress, if there is one.
    """

    api: Api
    params: t.Mapping[str, t.Any]
    check: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    warn: t.Callable[[str], None] = lambda _text: None
    record: list[Task] = field(default_factory=list)
    ending: list[object] = field(default_factory=list)
    sink: Sink | None = None

    @functools.cached_property
    def progress(self) -> Progress:
        """The progress of this command, noted for ``sink``."""
        return Progress(self.api, self.sink)

    @property
    def keeps_secrets(self) -> bool:
        """Whether a password that a guest has stays; none shows whether it is the wanted one."""
        return bool(self.params["update_password"] != _EACH_TIME)

    @functools.cached_property
    def readings(self) -> SharedReadings:
        """Readings of the cluster for what is read again in the moment of each call."""
        return SharedReadings(self.api)

    @contextlib.contextmanager
    def ends_by_itself(self) -> t.Iterator[None]:
        """For work that must not be cancelled, so that its tasks are reported."""
        self.ending.append(None)
        try:
            yield
        finally:
            self.ending.pop()


@dataclass(frozen=True)
class Report:
    """What a command found or did: the keys of the module's result.

    ``problem`` is the message of a failure, None on success; where it is ``counted``, it holds a
    paragraph for each failure, and the line with their number comes before it. ``diff`` holds
    ``before`` and ``after``.

    Check mode says that it ``would`` do something to what is ``planned``: a verb (``clone``,
    ``take a snapshot``), or the verb of each. ``noun`` is what they are called unless by the name
    of their list.
    """

    values: Values
    changed: bool = False
    problem: str | None = None
    diff: t.Mapping[str, str] | None = None
    counted: bool = False
    would: str | t.Callable[[Values], str] = ""
    planned: Outcome = Outcome.QUEUED
    noun: str = ""

    def with_verb(self, would: str | t.Callable[[Values], str], noun: str = "") -> Report:
        """The same report with the words of its plan."""
        return replace(self, would=would, noun=noun)


@dataclass(frozen=True)
class Verdict:
    """Which outcomes count as success: the options ``warnings`` and ``on_timeout``."""

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
        return outcome.succeeded


# How long a command may take to report what it did before an interrupt, in seconds.
_TO_REPORT = 5.0
_STEP = 0.05
INTERRUPTED = "interrupted"


async def attend(command: t.Callable[[Context], t.Awaitable[Report]], context: Context) -> Report:
    """The report of a command; a failed or cancelled one still has the tasks of its record.

    An interrupt ends a command that only reads at once, and one that started something after it has
    reported that.
    """
    work = asyncio.ensure_future(command(context))
    stopped = asyncio.ensure_future(context.stop.wait())
    try:
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await _cut_off(work, context)
        return await work
    except asyncio.CancelledError:
        if not context.stop.is_set():
            raise
        return _report_of_record(context, INTERRUPTED)
    except PveError as error:
        if not context.record:
            raise
        return _report_of_record(context, str(error))
    except Exception:  # noqa: BLE001 - an error of our own must not lose what was started
        trace = traceback.format_exc().strip()
        return _report_of_record(
            context, f"an error in upid.proxmox ended this call; please report it: {trace}"
        )
    finally:
        stopped.cancel()


async def _cut_off(work: asyncio.Future[Report], context: Context) -> None:
    """End the work of a command as soon as nothing can get lost."""
    had_to_end, patience = bool(context.ending), clock.now() + _TO_REPORT
    while not work.done():
        if context.ending:
            had_to_end, patience = True, clock.now() + _TO_REPORT
        elif not had_to_end or clock.now() >= patience:
            work.cancel()
        await asyncio.wait({work}, timeout=_STEP)


def _report_of_record(context: Context, problem: str) -> Report:
    tasks = list({task.upid: task for task in context.record}.values())
    return Report(
        {"tasks": task_values(tasks), "summary": summary(task.outcome for task in tasks)},
        changed=any(task.outcome.succeeded for task in tasks),
        problem=problem,
    )


def summary(outcomes: t.Iterable[Outcome]) -> Values:
    """The number of each outcome, including 0, and their total."""
    counts = Counter(outcome.value for outcome in outcomes)
    return {
        **{outcome.value: counts[outcome.value] for outcome in Outcome},
        "total": sum(counts.values()),
    }


# This many failures are reported in full, the others are counted: the result has all of them.
_MOST = 10


def failures(headline: str, texts: t.Sequence[str]) -> str:
    """A message with a headline and a paragraph for each of the first failures."""
    return f"{headline}\n{paragraphs(texts)}"


def paragraphs(texts: t.Sequence[str]) -> str:
    """The first failures, and how many more there are."""
    more = len(texts) - _MOST
    tail = [f"... and {more} more, see the result"] if more > 0 else []
    return "\n".join([*texts[:_MOST], *tail])


def task_values(tasks: t.Iterable[Task]) -> list[Values]:
    """The tasks as plain values, each UPID once."""
    return list({str(task.upid): task.as_result() for task in tasks}.values())
