# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts that fail when many tasks start at a time: `got no worker upid - start worker failed`.

The server reads the UPID of a new worker from a pipe; the end of another task interrupts that
read, and it kills the worker before it ran anything (fork_worker of `PVE/RESTEnvironment.pm`).
Off unless the world file gives `start_failures`, the share of starts that fail at 57 a second.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .durations import fraction

if TYPE_CHECKING:
    from .world import World

RATE = 57.0
"""Starts a second at which the share was measured; at other rates it is in proportion."""
WINDOW = 1.0
LEAVES_LOG = 5 / 13
"""Share of the failures that leave an empty log, and so an entry `unexpected status`."""


class Bursts:
    """The starts of the last second on each node."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._starts: dict[str, deque[float]] = {}

    def strike(self, node: str, *start: object) -> bool:
        """Whether this start fails; `start` identifies it, so that each has its own chance."""
        now = self._world.clock.now()
        recent = self._starts.setdefault(node, deque())
        while recent and recent[0] <= now - WINDOW:
            recent.popleft()
        recent.append(now)
        if len(recent) < 2:
            return False
        chance = self._world.start_failures * len(recent) / RATE
        return fraction(self._world.seed, "burst", node, *start) < chance

    def leaves_log(self, node: str, *start: object) -> bool:
        """Whether a start that failed leaves an empty log."""
        return fraction(self._world.seed, "empty log", node, *start) < LEAVES_LOG
