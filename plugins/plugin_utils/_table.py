# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks as a table for people: a line each, and the reasons of those that failed."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from ..module_utils._pve.commands.headline import counted, duration

Values = t.Mapping[str, t.Any]

WIDTH, NARROWEST = 100, 80
_GAP = "  "
_INDENT = "    "
_NONE = "There are no such tasks."
_WIDEST = {"node": 12, "user": 18}
# What is narrower first where the table would be too wide, down to how many characters.
_SHRINKING = (("title", 20), ("user", 8), ("node", 8), ("title", 8))
_RUNNING = ("queued", "starting", "running")
_WELL = ("ok", "unchanged")
# How many errors of a task are shown.
_MOST = 5


class Line(t.NamedTuple):
    """A line of the table; ``outcome`` is that of its task, empty for lines of none."""

    text: str
    outcome: str = ""


def table(
    tasks: t.Sequence[Values], *, show: t.Sequence[str] = (), width: int = WIDTH, more: int = 0
) -> list[Line]:
    """The lines of a table that is ``width`` wide; only UPIDs are longer if they have to be.

    ``show`` may have ``upid``. ``more`` is how many further tasks there are.
    """
    if not tasks:
        return [Line(_NONE)]
    now = datetime.now(timezone.utc)
    rows = [_row(task, now) for task in tasks]
    columns = _columns(rows, width)
    lines = [Line(_text(_HEADS, columns))]
    for task, row in zip(tasks, rows):
        outcome = str(task["outcome"])
        lines.append(Line(_text(row, columns), outcome))
        lines += [Line(_cut(f"{_INDENT}{why}", width), outcome) for why in _reasons(task)]
        if "upid" in show:
            lines.append(Line(f"{_INDENT}{task['upid']}", outcome))
    return [*lines, Line(""), *(Line(text) for text in _footer(tasks, more))]


def in_words(tasks: t.Sequence[Values], more: int) -> str:
    """The last lines of the table as one."""
    return "; ".join(_footer(tasks, more)) if tasks else _NONE


_HEADS = {
    "started": "started (UTC)",
    "duration": "duration",
    "progress": "progress",
    "outcome": "outcome",
    "node": "node",
    "user": "user",
    "title": "task",
}


def _row(task: Values, now: datetime) -> dict[str, str]:
    progress = task["progress"]
    return {
        "started": str(task["started"] or "-")[:16].replace("T", " "),
        "duration": _duration(task, now),
        "progress": "-" if progress is None else f"{progress:.0f} %",
        "outcome": str(task["outcome"]).replace("_", " "),
        "node": str(task["node"]),
        "user": str(task["user"]),
        "title": str(task["title"]),
    }


def _duration(task: Values, now: datetime) -> str:
    """How long it took, or has taken so far by the clock of this machine."""
    if task["duration"] is not None:
        seconds = float(task["duration"])
        return f"{seconds:.0f} s" if seconds < 10 else duration(seconds)
    if task["outcome"] not in _RUNNING or not task["started"]:
        return "-"
    started = datetime.strptime(f"{task['started']}+0000", "%Y-%m-%dT%H:%M:%SZ%z")
    return duration(max(10.0, (now - started).total_seconds()))


def _columns(rows: t.Sequence[t.Mapping[str, str]], width: int) -> dict[str, int]:
    """How wide each column is; where there is too little space, some are narrower."""
    widths = {
        name: min(_WIDEST.get(name, width), max(len(row[name]) for row in [_HEADS, *rows]))
        for name in _HEADS
    }
    for name, least in _SHRINKING:
        excess = sum(widths.values()) + len(_GAP) * (len(widths) - 1) - width
        widths[name] = max(min(widths[name], least), widths[name] - max(0, excess))
    return widths


def _text(row: t.Mapping[str, str], columns: t.Mapping[str, int]) -> str:
    right = ("duration", "progress")
    cells = [
        f"{_cut(row[name], size):>{size}}" if name in right else f"{_cut(row[name], size):<{size}}"
        for name, size in columns.items()
    ]
    return _GAP.join(cells).rstrip()


def _reasons(task: Values) -> list[str]:
    """Why a task did not end well: the errors of its log, or else its exit status."""
    if task["outcome"] in (*_WELL, *_RUNNING):
        return []
    errors = list(dict.fromkeys(task.get("errors") or ()))
    if not errors:
        return str(task["exitstatus"] or "").splitlines()[:1]
    more = len(errors) - _MOST
    return [*errors[:_MOST], *([f"... and {more} more in its log"] if more > 0 else [])]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _footer(tasks: t.Sequence[Values], more: int) -> list[str]:
    counts: dict[str, int] = {}
    for task in tasks:
        counts[task["outcome"]] = counts.get(task["outcome"], 0) + 1
    parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    text = f"{counted(len(tasks), 'tasks')}: {parts}"
    return [text, f"{more} more match that are not shown"] if more else [text]
