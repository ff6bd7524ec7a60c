# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the end of a task's log."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .errors import ApiError, NoAnswerError
from .task import UNEXPECTED, Outcome, Task, closing_status, outcome_of

if t.TYPE_CHECKING:
    from .client import Api
    from .upid import Upid

# What the log call answers instead of lines (PVE::Tools::dump_logfile).
_EMPTY = "no content"
_MISSING = "unable to open file - "


async def read_log(api: Api, upid: Upid, lines: int) -> tuple[str, ...]:
    """The last ``lines`` lines of a log; empty where there is none or it cannot be read."""
    if lines <= 0:
        return ()
    path = ("nodes", upid.node, "tasks", str(upid), "log")
    try:
        answer = await api.get(path, {"limit": lines}, retries=1)
        if answer.total > lines:
            answer = await api.get(path, {"start": answer.total - lines, "limit": lines}, retries=1)
    except (ApiError, NoAnswerError):
        return ()  # the outcome is known without it, and must not get lost over it
    texts = tuple(str(line["t"]) for line in answer.data or ())
    if len(texts) == 1 and (texts[0] == _EMPTY or texts[0].startswith(_MISSING)):
        return ()
    return texts


async def with_log(api: Api, task: Task, lines: int) -> Task:
    """The task with the end of its log, where it is wanted or needed.

    ``unexpected status`` is believed only when the log's end says so too. Logs of tasks that
    ended well are not read: that is one request per task saved. Those of lost tasks are lost too.
    """
    if task.outcome in (Outcome.OK, Outcome.UNCHANGED, Outcome.LOST):
        return task
    log = await read_log(api, task.upid, max(lines, 1 if task.exitstatus == UNEXPECTED else 0))
    if task.exitstatus == UNEXPECTED and log:
        status = closing_status(log[-1])
        if status is not None:
            task = replace(task, exitstatus=status, outcome=outcome_of(status))
    return replace(task, log=log[-lines:] if lines else ())
