# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup jobs of several guests: which guests are in one, and how the backup of each ended.

The UPID of a job has the VMID only if it saves exactly one guest of its node, otherwise its id is
empty (``PVE::API2::VZDump``). Only its log names the guests then.
"""

from __future__ import annotations

import asyncio
import typing as t
from itertools import islice

from ..api.errors import ApiError, NoAnswerError
from .backup_log import read_backup_log
from .log import PAGE, LogBudget, pages_of
from .task import Outcome

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .backup_log import BackupLog, GuestBackup
    from .task import Task

BACKUP = "vzdump"
# How many requests the search for a guest may cost, and how many logs are read side by side.
_MOST_REQUESTS, _SIDE_BY_SIDE = 100, 8
# How long to search for a guest, in seconds.
_PATIENCE = 45.0


async def jobs_with(
    api: Api, vmid: int, jobs: t.Sequence[Task], most: int
) -> tuple[list[Task], int]:
    """The jobs that save this guest, ``most`` at most, and how many were not searched.

    ``jobs`` are those whose id is empty, newest first, so the oldest ones are left out.
    """
    budget, until = LogBudget(_MOST_REQUESTS), asyncio.get_running_loop().time() + _PATIENCE
    found: list[Task] = []
    unread, rest = 0, iter(jobs)
    while len(found) < most and budget.requests > 0:
        group = list(islice(rest, _SIDE_BY_SIDE))
        if not group or asyncio.get_running_loop().time() > until:
            return found, unread + len(group) + len(list(rest))
        answers = await asyncio.gather(*(_saves(api, vmid, job, budget) for job in group))
        found += [job for job, saves in zip(group, answers) if saves]
        unread += sum(saves is None for saves in answers)
    return found, unread + (len(list(rest)) if len(found) < most else 0)


async def _saves(api: Api, vmid: int, job: Task, budget: LogBudget) -> bool | None:
    """Whether this job saves the guest, None if its log cannot be read, or not far enough."""
    begins, complete = f"INFO: Starting Backup of VM {vmid} (", False
    try:
        first = True
        async for texts in pages_of(api, job.upid, budget):
            named = read_backup_log(texts).named if first else None
            if named is not None:
                return vmid in named
            if any(text.startswith(begins) for text in texts):
                return True
            first = False
            complete = len(texts) < PAGE or texts[-1].startswith("TASK ")
    except (ApiError, NoAnswerError):
        return None
    return False if complete else None


def guests_of(log: BackupLog, task: Task) -> list[dict[str, t.Any]]:
    """How the backup of each guest of a job ended, as plain values."""
    begun = {one.vmid for one in log.guests}
    values = [_guest(one, task) for one in log.guests]
    return values + [
        {
            "vmid": vmid,
            "type": None,
            "outcome": (Outcome.CANCELLED if task.outcome.finished else Outcome.QUEUED).value,
            "duration": None,
            "archive": None,
            "errors": [],
            "warnings": [],
        }
        for vmid in log.named or ()
        if vmid not in begun
    ]


def _guest(one: GuestBackup, task: Task) -> dict[str, t.Any]:
    return {
        "vmid": one.vmid,
        "type": one.type,
        "outcome": _outcome(one, task).value,
        "duration": one.seconds,
        "archive": one.archive,
        "errors": list(one.errors),
        "warnings": list(one.warnings),
    }


def _outcome(one: GuestBackup, task: Task) -> Outcome:
    if one.finished:
        return Outcome.WARNINGS if one.errors or one.warnings else Outcome.OK
    if one.errors:
        return Outcome.FAILED
    return task.outcome if task.outcome is not Outcome.OK else Outcome.LOST
