# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as one HTML file, which needs nothing but a browser."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import typing as t
from pathlib import Path

from jinja2 import DictLoader, Environment

from .history import epoch
from .report import OUTCOMES

if t.TYPE_CHECKING:
    from .history import Values
    from .report import Report

_FOLDER = Path(__file__).parent / "page"
# How much of a log line, and of all logs together, is kept: some programs write megabytes.
_LONGEST_LINE, _LONGEST_TEXT = 2000, 500
_ALL_LOGS = 4_000_000
# JSON knows no entities. These characters could end the element, or begin another in it.
_ENDING = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"}


class MissingPlotly(Exception):
    """The Python that runs Ansible has no plotly."""


def as_html(report: Report) -> bytes:
    """The page with its data, style and scripts."""
    library, script = plotly(), _part("page.js")
    environment = Environment(
        loader=DictLoader({"page": _part("page.html.j2")}),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    mark = environment.filters["safe"]
    text: str = environment.get_template("page").render(
        report=report,
        hashes=[mark(f"'sha256-{_hash(one)}'") for one in (library, script)],
        style=mark(_part("page.css")),
        data=mark(embedded(_data(report))),
        library=mark(library),
        script=mark(script),
    )
    return text.encode()


@functools.lru_cache(maxsize=1)
def plotly() -> str:
    """Plotly's library for the browser, from its Python package; MissingPlotly without it."""
    try:
        from plotly.offline import get_plotlyjs  # noqa: PLC0415 - only HTML needs it
    except ImportError as exc:
        raise MissingPlotly(
            "formats: html needs the Python package plotly where Ansible runs: pip install plotly"
        ) from exc
    library: str = get_plotlyjs()
    # The text between the tags as a browser reads it, for the hash.
    return library.replace("\r\n", "\n").replace("\r", "\n")


def embedded(values: object) -> str:
    """JSON that a script element can have in it, whatever is in the values."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=True)
    for sign, code in _ENDING.items():
        text = text.replace(sign, code)
    return text


@functools.cache
def _part(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _data(report: Report) -> Values:
    """The tasks in few characters: node, start, type, id and user are in the UPID."""
    outcomes, statuses, titles = _Words(OUTCOMES), _Words(), _Words()
    tasks = [
        [
            task["upid"],
            outcomes.number(task["outcome"]),
            -1 if task["exitstatus"] is None else statuses.number(_cut(task["exitstatus"])),
            -1 if task["ended"] is None else epoch(task["ended"]) - epoch(task["started"]),
            titles.number(_cut(task["title"])),
            task["progress"],
        ]
        for task in report.tasks
    ]
    return {
        "generated": report.moment,
        "outcomes": outcomes.texts,
        "statuses": statuses.texts,
        "titles": titles.texts,
        "tasks": tasks,
        "logs": _logs(report.tasks),
        "guests": {
            number: [_guest(guest) for guest in task["guests"]]
            for number, task in enumerate(report.tasks)
            if task["guests"]
        },
    }


def _guest(guest: Values) -> list[t.Any]:
    """A guest of a backup job: VMID, outcome, seconds, and its first error or warning."""
    lines = [*guest["errors"], *guest["warnings"], ""]
    return [guest["vmid"], guest["outcome"], guest["duration"], _cut(lines[0])]


def _logs(tasks: t.Sequence[Values]) -> dict[int, list[str]]:
    """The logs by the number of their task, those of the newest tasks first."""
    logs: dict[int, list[str]] = {}
    left = _ALL_LOGS
    for number, task in enumerate(tasks):
        lines = [_cut(line, _LONGEST_LINE) for line in task["log"]]
        left -= sum(map(len, lines))
        if lines:
            logs[number] = lines if left >= 0 else ["The log is left out: the report is too large."]
    return logs


def _cut(text: str, most: int = _LONGEST_TEXT) -> str:
    left = len(text) - most
    return text if left <= 0 else f"{text[:most]}... ({left} more characters)"


class _Words:
    """Texts that come again and again, by number."""

    def __init__(self, texts: t.Iterable[str] = ()) -> None:
        self.texts = list(texts)
        self._numbers = {text: number for number, text in enumerate(self.texts)}

    def number(self, text: str) -> int:
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return self._numbers[text]
