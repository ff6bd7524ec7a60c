# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far the tasks of a node have been reported."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ..upid import Upid

# The archive is in the order in which the ends were noticed, so the newest reported one says it
# all. More are kept because the caller may lose the privilege to see it.
KEPT = 25


@dataclass
class Position:
    """The end of what has been reported of a node.

    ``ended`` are the UPIDs of the last reported ends, in the order of the archive, the newest last,
    and ``endtime`` is when the newest one ended. ``running`` are the tasks whose start has been
    reported, but not their end. ``lost`` is since when the node does not answer, if that has been
    reported. ``begun`` is whether the node was read at all.
    """

    ended: list[str] = field(default_factory=list)
    endtime: int = 0
    running: dict[str, None] = field(default_factory=dict)
    lost: int | None = None
    begun: bool = False

    def start(self, upid: Upid) -> None:
        """The start of this task has been reported."""
        self.running[str(upid)] = None

    def end(self, upid: Upid, endtime: int | None) -> None:
        """The end of this task has been reported."""
        self.running.pop(str(upid), None)
        self.ended = [*self.ended[1 - KEPT :], str(upid)]
        self.endtime = self.endtime if endtime is None else endtime

    def rebase(self, ended: t.Sequence[str], endtime: int) -> None:
        """Everything up to here counts as reported; ``ended`` has the newest last."""
        self.ended = list(ended[-KEPT:])
        self.endtime = endtime
        self.begun = True

    def copy(self) -> Position:
        """A position that changes on its own."""
        return replace(self, running=dict(self.running))

    def as_json(self) -> dict[str, t.Any]:
        """The position in a file."""
        return {**vars(self), "running": list(self.running)}

    @classmethod
    def from_json(cls, value: t.Any) -> Position:
        """The position of a file; ValueError or TypeError for anything else."""
        one = cls(**value)
        for text in (*one.ended, *one.running):
            Upid.parse(text)
        if {type(one.endtime), type(one.lost or 0), type(one.begun)} - {int, bool}:
            raise TypeError("a time is not a number")
        return replace(one, ended=list(one.ended), running=dict.fromkeys(one.running))
