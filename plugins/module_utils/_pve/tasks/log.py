# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the end of a task's log, and the errors in the middle of it."""

from __future__ import annotations

import asyncio
import re
import typing as t
from dataclasses import replace

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
_PAGE = 1000
# How far a log is searched, and how many errors from its middle are kept.
_MOST_LINES, _MOST_ERRORS = 20_000, 50
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
    if task.exitstatus == UNEXPECTED and log:
        status = closing_status(log[-1])
        if status is not None:
            task = replace(task, exitstatus=status, outcome=outcome_of(status))
    return replace(task, log=log if lines > 0 else ())


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


async def _read_on(log: _Log, lines: int = _PAGE) -> tuple[list[str], int]:
    """Read to the end, or far enough; how many lines there are."""
    texts, total = await log.page(max(_PAGE, lines))
    while len(texts) < min(total, _MOST_LINES):
        more, total = await log.page(_PAGE, len(texts))
        if not more:
            break
        texts += more
    return texts, total


async def _read_all(log: _Log) -> tuple[str, ...]:
    return tuple((await _read_on(log))[0])


async def _read_troubles(log: _Log, lines: int) -> tuple[str, ...]:
    """Read on, and then the end."""
    texts, total = await _read_on(log, lines)
    middle, end = texts[:-lines], texts[-lines:]
    if total > len(texts):
        middle, end = texts, (await log.page(lines, max(len(texts), total - lines)))[0]
    errors = [text for text in middle if _ERROR.match(text)]
    return (*errors[:_MOST_ERRORS], *end)


async def _patiently(reading: t.Coroutine[t.Any, t.Any, tuple[str, ...]]) -> tuple[str, ...]:
    try:
        texts = await asyncio.wait_for(reading, _PATIENCE)
    except Exception:  # noqa: BLE001 - the outcome is known without it, and must not get lost over it
        return ()
    return () if is_empty(texts) else texts


def is_empty(lines: t.Sequence[str]) -> bool:
    """Whether these lines only say that there is no log, or not yet."""
    return len(lines) == 1 and (lines[0] in ("", _EMPTY) or lines[0].startswith(_MISSING))
