# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task: its UPID, its log, and what its end looks like (`PVE/UPID.pm`)."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

from .upid import Upid

UNEXPECTED = "unexpected status"
PIECES = re.compile(r"[^\n]*\n|[^\n]+")
END = re.compile(r"TASK (?:(OK)|(WARNINGS: \d+)|ERROR: (.+))")


@dataclass(eq=False)
class Task:
    """A worker process and what it leaves behind."""

    upid: Upid
    target: int | None = None
    """The guest that comes into being, where it is not the id of the UPID (clone)."""
    started: float = 0.0
    ended: float | None = None
    noticed: int | None = None
    """Epoch second at which the API server saw the end: the `endtime` of the lists."""
    killed: bool = False
    runner: asyncio.Task[None] | None = None
    daemon_deaths: int = 0
    """How often the node's pvedaemon had gone when the task started."""
    lines: list[str] = field(default_factory=list)
    open_line: bool = False
    """Whether the last line has no newline yet."""

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.ended is None

    def write(self, text: str) -> None:
        """Append output as it comes, newline or not."""
        for piece in PIECES.findall(text):
            line = piece.rstrip("\n")
            if self.open_line:
                self.lines[-1] += line
            else:
                self.lines.append(line)
            self.open_line = not piece.endswith("\n")

    def close_line(self) -> None:
        """End a line that has no newline yet."""
        self.open_line = False

    @property
    def exitstatus(self) -> str:
        """The exit status in the last line of the log."""
        match = END.fullmatch(self.lines[-1]) if self.lines else None
        if match is None:
            return UNEXPECTED
        return next(group for group in match.groups() if group is not None)

    def as_json(self) -> dict[str, Any]:
        """What tests look at."""
        return {
            "upid": str(self.upid),
            "node": self.upid.node,
            "type": self.upid.type,
            "id": self.upid.id,
            "user": self.upid.user,
            "target": self.target,
            "status": "running" if self.running else "stopped",
            "exitstatus": None if self.running else self.exitstatus,
            "started": self.started,
            "ended": self.ended,
            "log": list(self.lines),
        }


def status_kind(status: str | None) -> str:
    """ok, warning, error or unknown, as the task lists filter by (normalize_status_type)."""
    if not status or status == UNEXPECTED:
        return "unknown"
    if status == "OK":
        return "ok"
    return "warning" if re.fullmatch(r"WARNINGS: \d+", status) else "error"
