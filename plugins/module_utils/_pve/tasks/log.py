# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the end of a task's log, and the errors in the middle of it."""

from __future__ import annotations

import asyncio
import re
import typing as t
from dataclasses import dataclass, replace

from ..api.answers import count_of, malformed, rows_of
from .task import UNEXPECTED, Outcome, Task, closing_status, outcome_of

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .upid import Upid

# What the log call returns instead of lines (PVE::Tools::dump_logfile).
_EMPTY = "no content"
_MISSING = "unable to open file - "
# A job with many backups goes on after an error, and migrations begin lines with the time.
_ERROR = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d )?(ERROR|WARN(ING)?)\b")
PAGE = 1000
# How far a log is searched, how many errors from its middle come before its end, and how many are
# kept by themselves.
_MOST_LINES, _MOST_ERRORS, _MOST_KEPT = 20_000, 50, 200
# How long a known outcome may be delayed by reading its log, in seconds.
_PATIENCE = 60.0


async def read_log(api: Api, upid: Upid, lines: int) -> tuple[str, ...]:
    """The last ``lines`` lines of a log; empty if there is none or it cannot be read."""
    if lines <= 0:
        return ()
    lines = min(lines, _MOST_LINES)
    return await _patiently(_read_end(_Log(api, upid), lines))


async def read_log_of_failure(api: Api, upid: Upid, lines: int) -> tuple[str, ...]:
    """Like ``read_log``, after the errors and warnings that come before those lines."""
    if lines <= 0:
        return ()
    lines = min(lines, _MOST_LINES)
    return await _patiently(_read_troubles(_Log(api, upid), lines))


async def read_whole_log(api: Api, upid: Upid) -> tuple[str, ...]:
    """Every line of a log, or as many as are searched; empty where it cannot be read."""
    return await _patiently(_read_all(_Log(api, upid)))


@dataclass
class LogBudget:
    """How many requests may still be made to search logs; one budget for all logs of a call."""

    requests: int = 200


@dataclass(frozen=True)
class LogReport:
    """What a whole log says.

    ``shown`` are its last lines after earlier errors and warnings, ``errors`` all lines with an
    error or a warning, 200 at most. ``complete`` says that every line was searched, and ``texts``
    are those that were.
    """

    shown: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    complete: bool = False
    texts: tuple[str, ...] = ()


async def search_log(api: Api, upid: Upid, lines: int, budget: LogBudget) -> LogReport:
    """Search a log for errors, as far as the budget goes; an empty report if it cannot be read."""
    try:
        return await asyncio.wait_for(_search(_Log(api, upid), lines, budget), _PATIENCE)
    except Exception:  # noqa: BLE001 - the outcome is known without the log
        return LogReport()


async def pages_of(api: Api, upid: Upid, budget: LogBudget) -> t.AsyncIterator[list[str]]:
    """The lines of a log, page by page, as far as the budget goes."""
    log, seen, total = _Log(api, upid), 0, 1
    while seen < min(total, _MOST_LINES) and budget.requests > 0:
        budget.requests -= 1
        texts, total = await log.page(PAGE, seen)
        if not texts:
            return
        seen += len(texts)
        yield texts


async def read_log_after(api: Api, upid: Upid, lines: int) -> tuple[list[str], int]:
    """The log from the last of its first ``lines`` lines on, and how many lines are known then.

    One request; where more lines are new than one returns, the next one goes on from there. Raises
    PveError.
    """
    start = max(0, lines - 1)
    texts, _total = await _Log(api, upid).page(PAGE, start)
    return ([], lines) if is_empty(texts) else (texts, start + len(texts))


async def with_log(api: Api, task: Task, lines: int) -> Task:
    """The task with the end of its log, if requested or needed.

    ``unexpected status`` is believed only if the end of the log confirms it. Logs of successful
    tasks are not read, which saves a request per task. Those of lost tasks are lost, too.
    """
    if task.outcome in (Outcome.OK, Outcome.UNCHANGED, Outcome.LOST):
        return task
    wanted = max(lines, 1 if task.exitstatus == UNEXPECTED else 0)
    read = read_log if task.outcome is Outcome.TIMED_OUT else read_log_of_failure
    log = await read(api, task.upid, wanted)
    return replace(as_log_says(task, log), log=log if lines > 0 else ())


def as_log_says(task: Task, log: t.Sequence[str]) -> Task:
    """The task with the exit status that its log ends with, where its own is ``unexpected``."""
    status = closing_status(log[-1]) if task.exitstatus == UNEXPECTED and log else None
    if status is None:
        return task
    return replace(task, exitstatus=status, outcome=outcome_of(status))


class _Log:
    """The pages of a task's log."""

    def __init__(self, api: Api, upid: Upid) -> None:
        self._api = api
        self._path = ("nodes", upid.node, "tasks", str(upid), "log")

    async def page(self, limit: int, start: int = 0) -> tuple[list[str], int]:
        """The lines from number ``start`` on, and the total number of lines."""
        params = {"start": start or None, "limit": limit}
        answer = await self._api.get(self._path, params, retries=1)
        rows, total = rows_of(answer, "log"), count_of(answer.total)
        texts = [row.get("t") for row in rows if isinstance(row, dict)]
        if total is None or len(texts) != len(rows):
            raise malformed("log", answer.total if total is None else rows)
        return [str(text) for text in texts], total


async def _read_end(log: _Log, lines: int) -> tuple[str, ...]:
    texts, total = await log.page(lines)
    if total > lines:
        texts, _total = await log.page(lines, total - lines)
    return tuple(texts)


async def _read_on(log: _Log, lines: int, budget: LogBudget) -> tuple[list[str], int]:
    """Read to the end, or far enough; how many lines there are."""
    texts, total = await log.page(max(PAGE, lines))
    budget.requests -= 1
    while len(texts) < min(total, _MOST_LINES) and budget.requests > 0:
        budget.requests -= 1
        more, total = await log.page(PAGE, len(texts))
        if not more:
            break
        texts += more
    return texts, total


async def _read_all(log: _Log) -> tuple[str, ...]:
    return tuple((await _read_on(log, PAGE, LogBudget()))[0])


async def _search(log: _Log, lines: int, budget: LogBudget) -> LogReport:
    """Read on, and then the end."""
    texts, total = await _read_on(log, lines, budget)
    if is_empty(texts):
        return LogReport(complete=True)
    middle, end = texts[:-lines], texts[-lines:]
    if total > len(texts):
        middle, end = texts, (await log.page(lines, max(len(texts), total - lines)))[0]
    errors = [text for text in middle if _ERROR.match(text)]
    every = [*errors, *(text for text in end if _ERROR.match(text))]
    shown = (*errors[:_MOST_ERRORS], *end)
    return LogReport(shown, tuple(every[:_MOST_KEPT]), total <= len(texts), tuple(texts))


async def _read_troubles(log: _Log, lines: int) -> tuple[str, ...]:
    return (await _search(log, lines, LogBudget())).shown


async def _patiently(reading: t.Coroutine[t.Any, t.Any, tuple[str, ...]]) -> tuple[str, ...]:
    try:
        texts = await asyncio.wait_for(reading, _PATIENCE)
    except Exception:  # noqa: BLE001 - the outcome is known without it, and must not get lost over it
        return ()
    return () if is_empty(texts) else texts


def is_empty(lines: t.Sequence[str]) -> bool:
    """Whether these lines only say that there is no log, or not yet."""
    return len(lines) == 1 and (lines[0] in ("", _EMPTY) or lines[0].startswith(_MISSING))
