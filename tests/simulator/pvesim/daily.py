# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daily job of each node that removes old task logs (`bin/pveupdate`).

It runs between 01:00 and 06:00 and removes the logs of tasks that ended before the oldest one
that the archive still lists. Such a task is unknown from then on: `no such task`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .durations import fraction

if TYPE_CHECKING:
    from .world import World

DAY = 86400.0
FIRST = 3600.0
SPREAD = 5 * 3600.0


class DailyUpdate:
    """When each node runs the job next."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._next: dict[str, float] = {}

    def run_due(self) -> None:
        """Run the job on every node where its time has come."""
        now = self._world.clock.now()
        for name, node in self._world.nodes.items():
            due = self._next.setdefault(name, self._after(name, self._world.born))
            if now >= due and node.state != "down":
                self._world.tasks.remove_old_logs(name)
                self._next[name] = self._after(name, now)

    def _after(self, node: str, moment: float) -> float:
        """The first time of a node after a moment, in epoch seconds."""
        time_of_day = FIRST + SPREAD * fraction(self._world.seed, "daily", node)
        first = moment // DAY * DAY + time_of_day
        return first if first > moment else first + DAY
