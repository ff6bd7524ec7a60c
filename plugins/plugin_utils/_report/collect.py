# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what the archives have, and of what failed the logs that are not known yet."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...module_utils._pve.tasks.task import Outcome
from .history import Tasks, Values, merge

# The result of task_info with these options; ReadError if it failed.
Ask = t.Callable[[Values], Values]

# More than the archives of any cluster have: about a thousand tasks are in that of a node.
_ALL = 1_000_000
_TELLING = (Outcome.FAILED.value, Outcome.WARNINGS.value, Outcome.CANCELLED.value)


class ReadError(Exception):
    """task_info failed, with its message."""


@dataclass(frozen=True)
class Collected:
    """All that is known now, what was listed of it, and what could not be read."""

    tasks: Tasks
    listed: t.Collection[str]
    fresh: int
    requests: int
    unreachable: t.Mapping[str, str] = field(default_factory=dict)
    notes: t.Sequence[str] = ()


def collect(known: Tasks, ask: Ask, *, logs: int, log_lines: int) -> Collected:
    """Merge what the nodes list into what is known, with at most ``logs`` logs."""
    listing = ask({"limit": _ALL, "log_lines": 0})
    listed = listing["tasks"]
    tasks = merge(known, listed)
    unreachable = dict(listing["unreachable_nodes"])
    requests = listing["api"]["requests"]
    wanted = _to_ask(tasks, listed, unreachable, logs if log_lines else 0)
    notes = []
    if wanted:
        try:
            answer = ask({"upids": wanted, "log_lines": log_lines})
        except ReadError as error:
            notes.append(f"The logs could not be read: {error}")
        else:
            tasks = merge(tasks, answer["tasks"])
            requests += answer["api"]["requests"]
    upids = {str(task["upid"]) for task in listed}
    fresh = len(tasks.keys() - known.keys())
    return Collected(tasks, upids, fresh, requests, unreachable, notes)


def _to_ask(
    tasks: Tasks, listed: t.Sequence[Values], unreachable: t.Container[str], logs: int
) -> list[str]:
    """Whose status or log is worth requests.

    A task that ran when it was last seen and is in no list any more has ended: its status can still
    be read. The newest of those whose log says something come after them.
    """
    now = {task["upid"] for task in listed}
    vanished = [
        upid
        for upid, task in tasks.items()
        if not Outcome(task["outcome"]).finished
        and upid not in now
        and task["node"] not in unreachable
    ]
    silent = [
        task["upid"]
        for task in listed
        if not tasks[task["upid"]]["log"]
        and (task["outcome"] in _TELLING or not Outcome(task["outcome"]).finished)
    ]
    return vanished + silent[:logs]
