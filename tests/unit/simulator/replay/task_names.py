# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which task of the simulator stands for which recorded one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pvesim.task import Task

UPID = re.compile(
    r"UPID:[^:/\s]+:(?P<process>[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8})"
    r":(?P<type>[^:/\s]+):(?P<id>[^:/\s]*):(?P<user>[^:/\s]+):"
)


class TaskNames:
    """Translates the process part of UPIDs (pid, pstart, starttime), however they are spelled."""

    def __init__(self) -> None:
        self._processes: dict[str, str] = {}

    def learn(self, recorded: Any, seen: Any) -> None:
        """Note that the task that was started here is the one that was started there."""
        told, made = (UPID.fullmatch(upid) for upid in (str(recorded), str(seen)))
        if told and made:
            self._processes[told["process"]] = made["process"]

    def find(self, recorded: str, tasks: Iterable[Task]) -> None:
        """Let the last task alike that stands for none yet stand for a recorded one."""
        told = UPID.fullmatch(recorded)
        if told is None or told["process"] in self._processes:
            return
        taken = set(self._processes.values())
        wanted = tuple(told[key] for key in ("type", "id", "user"))
        for task in reversed(list(tasks)):
            upid = task.upid
            made = UPID.fullmatch(str(upid))
            if (upid.type, upid.id, upid.user) == wanted and made and made["process"] not in taken:
                self._processes[told["process"]] = made["process"]
                return

    def translated(self, text: str) -> str:
        """A text in which every known UPID, also in lower case, is the simulator's own."""
        for told, made in self._processes.items():
            for colon in (":", "%3A"):
                old, new = told.replace(":", colon), made.replace(":", colon)
                text = text.replace(old, new)
                if old != old.lower():
                    text = text.replace(_lower(told, colon), _lower(made, colon))
        return text


def _lower(process: str, colon: str) -> str:
    return process.lower().replace(":", colon)
