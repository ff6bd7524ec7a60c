# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pvestatd broadcasts every ten seconds: names, states and sizes of guests.

Lists of the whole cluster (`/cluster/resources`) read this, so they are late by up to one
cycle, and a guest that is younger than the last one has no name there (`PVE/API2Tools.pm`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .daily import DailyUpdate
from .vmstatus import broadcast

if TYPE_CHECKING:
    from .world import World

CYCLE = 10.0


class Statd:
    """The broadcast of each guest as of the last cycle."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._table: dict[int, dict[str, Any]] = {}
        self.quorate = True
        """What `/cluster/status` says about quorum, which is late by up to one cycle too."""
        self._loop: asyncio.Task[None] | None = None
        self._daily = DailyUpdate(world)

    def begin(self) -> None:
        """Start the cycles; more calls do nothing."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop().create_task(self._cycle())

    def guest(self, vmid: int) -> dict[str, Any] | None:
        """What was last heard of a guest, None when it was not yet seen."""
        return self._table.get(vmid)

    def refresh(self) -> None:
        """One cycle: look at every guest of the nodes that are up, and at ended tasks."""
        up = {node.name for node in self._world.nodes.values() if node.state != "down"}
        guests = self._world.guests.values()
        self._table = {g.vmid: broadcast(self._world, g) for g in guests if g.node in up}
        for name in up:
            self._world.tasks.broadcast(name)
        self.quorate = self._world.quorate
        self._daily.run_due()

    async def _cycle(self) -> None:
        while True:
            self.refresh()
            await self._world.clock.sleep(CYCLE)
