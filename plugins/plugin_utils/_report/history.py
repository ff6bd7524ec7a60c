# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks that outlive the archives of the nodes: merged by UPID, filtered, as JSON lines.

A task is the dictionary that the modules return, see ``task_info``.
"""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timezone

from ...module_utils._pve.edge.printable import printable
from ...module_utils._pve.tasks.task import UNEXPECTED, Outcome, Task
from ...module_utils._pve.tasks.upid import Upid, UpidError

if t.TYPE_CHECKING:
    from ...module_utils._pve.tasks.history import TaskQuery
    from ...module_utils._pve.tasks.times import Moment

Values = dict[str, t.Any]
# By UPID.
Tasks = dict[str, Values]

# The words of Proxmox VE (PVE::UPID::normalize_status_type).
_STATUS = {
    "ok": "ok",
    "warnings": "warning",
    "cancelled": "error",
    "failed": "error",
    "lost": "unknown",
}


def read_lines(data: bytes) -> tuple[Tasks, int]:
    """The tasks of a history file, and how many of its lines are none.

    A file that was cut off, or that somebody edited, loses those lines only.
    """
    tasks: Tasks = {}
    broken = 0
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        task = _task_of(line)
        if task is None:
            broken += 1
        else:
            merge_one(tasks, task)
    return tasks, broken


def write_lines(tasks: t.Mapping[str, Values]) -> bytes:
    """The tasks as JSON lines, the oldest first, so that the same tasks are the same bytes."""
    lines = [json.dumps(task, sort_keys=True) for task in by_age(tasks.values())]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def by_age(tasks: t.Iterable[Values]) -> list[Values]:
    """The oldest start first."""
    return sorted(tasks, key=lambda task: (str(task["started"]), str(task["upid"])))


def merge(known: t.Mapping[str, Values], fresh: t.Iterable[Values]) -> Tasks:
    """Both, each UPID once, as the later or better known of the two."""
    tasks = dict(known)
    for task in fresh:
        merge_one(tasks, task)
    return tasks


def merge_one(tasks: Tasks, task: Values) -> None:
    """Add a task, unless more is already known of it.

    A task that ended does not change any more. Only its log may still be missing, which also says
    the outcome of one that ended with ``unexpected status``.
    """
    upid = str(task["upid"])
    old = tasks.get(upid)
    if old is None or _rank(task) >= _rank(old):
        tasks[upid] = task


def _rank(task: Values) -> int:
    """How much is known of a task: that it runs, that it is gone, how it ended, and its log."""
    outcome = Outcome(task["outcome"])
    if not outcome.finished:
        return 0
    if outcome is Outcome.LOST:
        return 1
    return 2 + int(task["exitstatus"] != UNEXPECTED) + 2 * bool(task["log"])


def younger_than(tasks: t.Mapping[str, Values], moment: float) -> Tasks:
    """The tasks that started at this time or later."""
    return {upid: task for upid, task in tasks.items() if epoch(task["started"]) >= moment}


def matching(
    tasks: t.Iterable[Values],
    query: TaskQuery,
    nodes: t.Collection[str],
    now: float,
    listed: t.Container[str] = (),
) -> list[Values]:
    """The tasks that the filters of ``task_info`` let through, the newest start first.

    ``listed`` are the UPIDs that it listed just now. It has searched the logs of backup jobs for
    the VMID, which are not known here.
    """
    tests: list[t.Callable[[Values], bool]] = []
    if nodes:
        tests.append(lambda task: task["node"] in nodes)
    if query.types:
        tests.append(lambda task: task["type"] in query.types)
    if query.vmid is not None:
        tests.append(lambda task: task["upid"] in listed or _is_about(task, query.vmid))
    if query.user:
        name = query.user.lower()
        tests.append(lambda task: name in task["user"].lower())
    if query.status:
        tests.append(lambda task: _status(task) in query.status)
    if query.running is not None:
        tests.append(lambda task: (task["outcome"] == Outcome.RUNNING.value) is query.running)
    since, until = _bound(query.since, now, 0), _bound(query.until, now, float("inf"))
    tests.append(lambda task: since <= epoch(task["started"]) <= until)
    return by_age(task for task in tasks if all(test(task) for test in tests))[::-1]


def _is_about(task: Values, vmid: int | None) -> bool:
    return task["id"] == str(vmid) or any(guest["vmid"] == vmid for guest in task["guests"])


def _status(task: Values) -> str | None:
    if task["exitstatus"] == UNEXPECTED:
        return "unknown"
    return _STATUS.get(task["outcome"])


def _bound(moment: Moment | None, now: float, otherwise: float) -> float:
    return otherwise if moment is None else moment.by(now)


def epoch(text: str) -> int:
    """Epoch seconds of a time in a task."""
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - it is UTC
    return int(moment.replace(tzinfo=timezone.utc).timestamp())


def _task_of(line: bytes) -> Values | None:
    """The task of a line, rebuilt from its UPID, so that it has every key and no surprise."""
    try:
        found = json.loads(line)
        ended, log = found["ended"], found["log"]
        task = Task(
            Upid.parse(found["upid"]),
            Outcome(found["outcome"]),
            None if found["exitstatus"] is None else str(found["exitstatus"]),
            None if ended is None else epoch(ended),
            tuple(str(text) for text in log) if isinstance(log, list) else (),
        )
        return t.cast("Values", printable({**task.as_result(), **_explanation(found)}))
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
        RecursionError,
        UpidError,
    ):
        return None


def _explanation(found: t.Mapping[str, t.Any]) -> Values:
    """What ``task_info`` adds: errors of the whole log, and the guests of a backup job."""
    complete = found.get("log_complete")
    return {
        "errors": [str(line) for line in found.get("errors") or ()],
        "guests": [_guest(guest) for guest in found.get("guests") or ()],
        "log_complete": None if complete is None else bool(complete),
    }


def _guest(guest: t.Mapping[str, t.Any]) -> Values:
    kind, duration, archive = guest.get("type"), guest.get("duration"), guest.get("archive")
    return {
        "vmid": int(guest["vmid"]),
        "type": None if kind is None else str(kind),
        "outcome": Outcome(guest["outcome"]).value,
        "duration": None if duration is None else int(duration),
        "archive": None if archive is None else str(archive),
        "errors": [str(line) for line in guest.get("errors") or ()],
        "warnings": [str(line) for line in guest.get("warnings") or ()],
    }
