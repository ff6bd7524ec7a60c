# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task: its outcome, its end, the last lines of its log."""

from __future__ import annotations

import enum
import re
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..api.errors import Cause, advice_on, classify
from .types import task_title

if t.TYPE_CHECKING:
    from .upid import Upid


class Outcome(str, enum.Enum):
    """The outcome of a task or a job."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    OK = "ok"
    WARNINGS = "warnings"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    UNCHANGED = "unchanged"

    @property
    def finished(self) -> bool:
        """Whether the outcome is final."""
        return self not in (Outcome.QUEUED, Outcome.STARTING, Outcome.RUNNING)

    @property
    def succeeded(self) -> bool:
        """Whether the request was fulfilled."""
        return self in (Outcome.OK, Outcome.WARNINGS, Outcome.UNCHANGED)


UNEXPECTED = "unexpected status"
_WARNINGS = re.compile(r"WARNINGS: \d+\Z")
# If the last output of a worker has no line break, its closing line is appended to that output, and
# PVE::UPID then finds no status although the task has ended.
_CLOSING = re.compile(r"TASK (?P<status>OK|WARNINGS: \d+)\Z|TASK ERROR: (?P<error>.*)\Z", re.DOTALL)
# How much of a line to search for a percentage.
_LONGEST = 4096
_PERCENT = re.compile(
    r"\((?P<copied>\d+(?:\.\d+)?)%\)"  # qemu-img, drive mirror, live restore
    r"|^progress (?P<restored>\d+)%"  # vma and backup server restore
    r"|^INFO:\s+(?P<saved>\d+)%"  # vzdump
    r"|\s(?P<loaded>\d+)%\s"  # wget
)
# The memory of a VM that migrates. More than all of it may be sent, because it changes meanwhile.
_TRANSFERRED = re.compile(
    r" migration active, transferred (?P<sent>[\d.]+) (?P<of>[KMGTP]?i?B)"
    r" of (?P<size>[\d.]+) (?P<unit>[KMGTP]?i?B)\b"
)
_UNITS = {"B": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


# A message has this many lines of a log, the result has all requested ones.
_SHOWN_LINES = 3


@dataclass(frozen=True)
class Task:
    """A task as currently known.

    ``exitstatus`` is Proxmox VE's own text, None while the task runs or if it cannot be determined.
    ``ended`` is in epoch seconds, None while unknown. ``log`` holds the last lines, ``note`` says
    why a task is lost or timed out. ``details`` are further facts about what it did.
    """

    upid: Upid
    outcome: Outcome = Outcome.RUNNING
    exitstatus: str | None = None
    ended: int | None = None
    log: tuple[str, ...] = field(default=())
    note: str | None = None
    details: t.Mapping[str, t.Any] = field(default_factory=dict, hash=False)

    @property
    def title(self) -> str:
        """The title of the task, as in the web interface."""
        return task_title(self.upid.type, self.upid.id)

    @property
    def progress(self) -> float | None:
        """The progress in percent, by the last line that reports it."""
        return 100.0 if self.outcome in (Outcome.OK, Outcome.WARNINGS) else progress_in(self.log)

    def as_result(self) -> dict[str, t.Any]:
        """The task as a dictionary of plain values for a module's result."""
        return {
            "upid": str(self.upid),
            "node": self.upid.node,
            "type": self.upid.type,
            "id": self.upid.id,
            "user": self.upid.user,
            "title": self.title,
            "outcome": self.outcome.value,
            "exitstatus": self.exitstatus,
            "started": iso(self.upid.starttime),
            "ended": None if self.ended is None else iso(self.ended),
            "duration": None if self.ended is None else max(0, self.ended - self.upid.starttime),
            "progress": self.progress,
            "log": list(self.log),
        }

    def in_words(self) -> str:
        """One paragraph for an error message: title, outcome, last lines, UPID."""
        reason = self.note or self.exitstatus
        text = f"{self.title} on {self.upid.node}: {self.outcome.value}"
        text += f": {reason}{advice_on(reason)}" if reason else ""
        lines = "".join(f"\n    {line}" for line in _telling(self.log))
        return f"{text} [{self.upid}]{lines}"


def _telling(log: t.Sequence[str]) -> t.Sequence[str]:
    """The lines for a message: errors from the middle take precedence over the end."""
    end = log[-_SHOWN_LINES:]
    errors = [line for line in log[:-_SHOWN_LINES] if line.lstrip().startswith("ERROR")]
    return [*errors[: _SHOWN_LINES - 1], *end[-1:]] if errors else end


def outcome_of(exitstatus: str) -> Outcome:
    """Interpret an exit status (``PVE::UPID::upid_read_status``)."""
    if exitstatus == "OK":
        return Outcome.OK
    if _WARNINGS.match(exitstatus):
        return Outcome.WARNINGS
    if classify(exitstatus) is Cause.STOPPED:
        return Outcome.CANCELLED
    return Outcome.FAILED


def closing_status(last_line: str) -> str | None:
    """The exit status at the end of a log's last line, or None."""
    match = _CLOSING.search(last_line)
    return None if match is None else match.group("status") or match.group("error")


def progress_in(log: t.Sequence[str]) -> float | None:
    """The newest percentage in the lines of a log, 0 to 100, or None."""
    for line in reversed(log):
        found = _PERCENT.search(line[-_LONGEST:])
        if found:
            return min(100.0, float(next(filter(None, found.groups()))))
        sent = _TRANSFERRED.search(line[-_LONGEST:])
        if sent and _bytes(sent["size"], sent["unit"]):
            part = _bytes(sent["sent"], sent["of"]) / _bytes(sent["size"], sent["unit"])
            return min(99.0, round(100 * part, 2))
    return None


def _bytes(number: str, unit: str) -> float:
    try:
        return float(number) * 1024.0 ** _UNITS[unit[0]]
    except ValueError:  # dots alone
        return 0.0


def iso(seconds: float) -> str:
    """Epoch seconds as ISO 8601 in UTC."""
    moment = datetime.fromtimestamp(int(seconds), timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
