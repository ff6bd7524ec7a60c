# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of a task, as `PVE/UPID.pm` writes and reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass

PATTERN = re.compile(
    r"UPID:([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):"
    r"([0-9A-Fa-f]{8}):([^:\s/]+):([^:\s/]*):([^:\s/]+):\n?"
)


@dataclass(frozen=True)
class Upid:
    """The parts of a UPID; `user` is the whole authid, `user@realm!token` for a token."""

    node: str
    pid: int
    pstart: int
    starttime: int
    type: str
    id: str
    user: str

    def __str__(self) -> str:
        return (
            f"UPID:{self.node}:{self.pid:08X}:{self.pstart:08X}:{self.starttime:08X}:"
            f"{self.type}:{self.id}:{self.user}:"
        )

    @classmethod
    def parse(cls, text: str) -> Upid | None:
        """The parts of `text`, or None when it is no UPID."""
        match = PATTERN.fullmatch(text)
        if match is None:
            return None
        node, _whole, pid, pstart, starttime, task_type, ident, user = match.groups()
        return cls(node, int(pid, 16), int(pstart, 16), int(starttime, 16), task_type, ident, user)

    @property
    def userid(self) -> str:
        """The user without the token."""
        return self.user.partition("!")[0]

    @property
    def tokenid(self) -> str | None:
        """The name of the token, None for a ticket."""
        return self.user.partition("!")[2] or None
