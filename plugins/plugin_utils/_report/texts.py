# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
import re
import typing as t

if t.TYPE_CHECKING:
    from .history import Values
    from .report import Report

_COLUMNS = (
    "started",
    "ended",
    "duration",
    "node",
    "type",
    "id",
    "user",
    "title",
    "outcome",
    "exitstatus",
    "upid",
)
# What a spreadsheet takes for a formula at the beginning of a cell.
_FORMULA = re.compile(r"\s*[=+\-@|%]|[\t\r\n]")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|~&$^]|:(?=//))")
# How many failures with their logs, and how many tasks, a reader of plain text is given.
_MOST_FAILURES, _MOST_TASKS = 100, 500
_LONGEST = 300


def as_json(report: Report) -> bytes:
    """Everything, for other programs."""
    values = {
        "title": report.title,
        "generated": report.generated,
        "filters": report.filters,
        "unreachable_nodes": report.unreachable,
        "omitted": report.omitted,
        "notes": list(report.notes),
        "counts": report.counts,
        "groups": report.groups(),
        "tasks": list(report.tasks),
    }
    return (json.dumps(values, indent=1) + "\n").encode("ascii")


def as_csv(report: Report) -> bytes:
    """A line for each task, without logs. What could be a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(_COLUMNS)
    for task in report.tasks:
        writer.writerow([_cell(task[name]) for name in _COLUMNS])
    return text.getvalue().encode()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and _FORMULA.match(text) else text


def as_markdown(report: Report) -> bytes:
    """What failed, the figures, and the newest tasks."""
    parts = [
        f"# {_plain(report.title)}",
        f"{len(report.tasks)} tasks as of {report.generated}: {_counts(report)}.",
        *(f"**Incomplete:** {_plain(gap)}" for gap in report.gaps),
        *_failures(report),
    ]
    for name, groups in report.groups().items():
        parts += [f"## By {name}", _table((name, *_FIGURES), map(_figures, groups))]
    rows = [[_shown(task[name]) for name in _BRIEF] for task in report.tasks[:_MOST_TASKS]]
    parts += ["## Tasks", _table(_BRIEF, rows)]
    if len(report.tasks) > _MOST_TASKS:
        parts.append(f"{len(report.tasks) - _MOST_TASKS} older tasks are not listed here.")
    return ("\n\n".join(parts) + "\n").encode()


_BRIEF = ("started", "duration", "node", "title", "user", "outcome", "exitstatus", "upid")
_FIGURES = ("tasks", "failed", "succeeded", "median", "longest")


def _counts(report: Report) -> str:
    return ", ".join(f"{count} {name}" for name, count in report.counts.items()) or "none"


def _failures(report: Report) -> t.Iterator[str]:
    failures = report.failures
    yield "## Failures"
    if not failures:
        yield "None."
    for task in failures[:_MOST_FAILURES]:
        yield f"### {_plain(task['started'])} {_plain(task['title'])} on {_plain(task['node'])}"
        yield f"{task['outcome']}: {_plain(task['exitstatus'] or '-')}"
        yield _code([task["upid"], *task["log"]])
    if len(failures) > _MOST_FAILURES:
        yield f"{len(failures) - _MOST_FAILURES} older failures are not shown here."


def _figures(group: Values) -> list[str]:
    rate, median = group["success_percent"], group["median_seconds"]
    return [
        _shown(group["name"]),
        str(group["total"]),
        str(group["failed"]),
        "-" if rate is None else f"{rate} %",
        "-" if median is None else f"{median:g} s",
        "-" if group["longest_seconds"] is None else f"{group['longest_seconds']} s",
    ]


def _table(head: t.Sequence[str], rows: t.Iterable[t.Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _shown(value: object) -> str:
    return "-" if value is None else _plain(str(value))


def _plain(text: str) -> str:
    """A text in one line that Markdown takes for nothing else."""
    flat = " ".join(text.split())
    flat = flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}..."
    return _MARKUP.sub(r"\\\1", flat)


def _code(lines: t.Iterable[str]) -> str:
    """Lines as they are: indented, because a fence could be closed by one of them."""
    flat = (line for text in lines for line in str(text).splitlines() or [""])
    return "\n".join(f"    {line}" for line in flat)
