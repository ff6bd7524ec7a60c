# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that says how far the events have been handed over."""

from __future__ import annotations

import typing as t

from ..state_file import StateFile
from .position import Position


class CursorFile(StateFile):
    """Positions by node."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "cursor")

    def load(self) -> dict[str, Position]:
        """The positions; none if there is no file yet."""
        return self.read(lambda value: positions_of(value["nodes"])) or {}

    def save(self, positions: t.Mapping[str, Position]) -> None:
        """Replace them."""
        self.write(
            {"nodes": {name: position.as_json() for name, position in sorted(positions.items())}}
        )


def positions_of(nodes: t.Mapping[str, t.Any]) -> dict[str, Position]:
    """The positions of a file; ValueError or TypeError for anything else."""
    return {name: Position.from_json(one) for name, one in nodes.items()}
