# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a task failed: the errors and warnings of its whole log, for a backup job of each guest."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .backup_jobs import BACKUP, guests_of
from .backup_log import read_backup_log
from .log import as_log_says, read_log, search_log, with_log
from .task import Outcome

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .log import LogBudget
    from .task import Task

# What is known of a task whose log was not searched.
_NOTHING: t.Mapping[str, t.Any] = {"errors": [], "guests": [], "log_complete": None}


async def explained(api: Api, task: Task, lines: int, budget: LogBudget) -> Task:
    """The task with the end of its log; what failed or warned, with the reasons as details.

    ``errors`` are the lines with them, ``guests`` those of a backup job (see ``guests_of``), and
    ``log_complete`` is False if the log is too long to be searched as a whole.
    """
    if task.outcome in (Outcome.OK, Outcome.UNCHANGED, Outcome.LOST):
        return task
    if lines <= 0:
        return await with_log(api, task, lines)
    if not task.outcome.finished:
        return replace(task, log=await read_log(api, task.upid, lines))
    found = await search_log(api, task.upid, lines, budget)
    task = as_log_says(task, found.shown)
    is_backup = task.upid.type == BACKUP
    guests = guests_of(read_backup_log(found.texts), task) if is_backup else []
    details = {"errors": list(found.errors), "guests": guests, "log_complete": found.complete}
    return replace(task, log=found.shown, details=details)


def explained_values(task: Task) -> dict[str, t.Any]:
    """The task as plain values, with these details."""
    return {**task.as_result(), **_NOTHING, **task.details}
