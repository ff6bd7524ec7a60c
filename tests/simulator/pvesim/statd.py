# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pvestatd of each node broadcasts every ten seconds: names, states, sizes of guests.

`/cluster/resources` reads this (`PVE/API2Tools.pm`), so a change is seen there up to one cycle
late, at a moment that differs from node to node. What was reported of a VMID stays five minutes,
also when the node is gone or another guest has the VMID by then (`status.c` of pmxcfs).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .daily import DailyUpdate
from .durations import fraction
from .vmstatus import broadcast

if TYPE_CHECKING:
    from .world import World

CYCLE = 10.0
"""The server's own pace: no speed of the work changes it."""
REMEMBERED = 300.0
"""Seconds for which the cluster keeps what was reported."""
NOTICED = 6.6
"""Seconds until corosync gives a node up that is not heard any more."""
FROZEN_NOTICED = 10.0
"""Seconds until a node is given up whose corosync stands still."""
UNHEARD = ("down", "silent", "frozen")
"""States of a node in which the others hear nothing of it."""


class Statd:
    """What was last reported of each VMID, and when."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._told: dict[int, tuple[float, dict[str, Any]]] = {}
        self._nodes_told: dict[str, float] = {}
        self._lost: dict[str, float] = {}
        self._restarted: dict[str, float] = {}
        self.quorate = True
        """What `/cluster/status` says about quorum, which is late by up to one cycle too."""
        self._loops: list[asyncio.Task[None]] = []
        self._daily = DailyUpdate(world)

    def begin(self) -> None:
        """Start the cycles of the nodes; more calls do nothing."""
        if not self._loops:
            loop = asyncio.get_running_loop()
            self._loops = [loop.create_task(self._cycle(name)) for name in self._world.nodes]

    def end(self) -> None:
        """Stop the cycles."""
        for loop in self._loops:
            loop.cancel()
        self._loops = []

    def guest(self, vmid: int, at: str) -> dict[str, Any] | None:
        """What the node `at` knows of a VMID, None if nothing was reported for five minutes."""
        when, entry = self._told.get(vmid, (0.0, None))
        return entry if self._remembers(when, at) else None

    def told_at(self, name: str) -> float:
        """When a node last reported, 0 if never."""
        return self._nodes_told.get(name, 0.0)

    def knows(self, name: str, at: str) -> bool:
        """Whether the node `at` has the measurements of a node, as of its storages."""
        when = self._nodes_told.get(name)
        return when is not None and self._remembers(when, at)

    def _remembers(self, when: float, at: str) -> bool:
        """A node whose pmxcfs was restarted knows only what was reported since."""
        age = self._world.clock.now() - when
        return age <= REMEMBERED and when >= self._restarted.get(at, 0.0)

    def online(self, name: str) -> bool:
        """Whether the others take a node for a living member."""
        node = self._world.nodes[name]
        if node.pmxcfs == "down":
            return False
        if node.state not in UNHEARD:
            return True
        patience = FROZEN_NOTICED if node.state == "frozen" else NOTICED
        return self.lost_for(name) < patience

    def lost_for(self, name: str) -> float:
        """Seconds since a node was lost; those that were lost from the beginning: forever."""
        lost = self._lost.get(name)
        return float("inf") if lost is None else self._world.clock.now() - lost

    def lose(self, name: str) -> None:
        """From now on the others hear nothing of a node."""
        self._lost.setdefault(name, self._world.clock.now())

    def find_again(self, name: str) -> None:
        """The others hear a node again."""
        self._lost.pop(name, None)

    def forget(self, name: str) -> None:
        """The pmxcfs of a node has begun again, and knows no measurements."""
        self._restarted[name] = self._world.clock.now()

    def refresh(self) -> None:
        """Every node that is up looks at its guests and at ended tasks, now."""
        for name in self._world.nodes:
            self._refresh(name)

    def _refresh(self, name: str) -> None:
        """One cycle of one node."""
        world, now = self._world, self._world.clock.now()
        self.quorate = world.quorate
        if world.nodes[name].state in UNHEARD or world.nodes[name].pmxcfs == "down":
            return
        self._nodes_told[name] = now
        for guest in world.guests_on(name):
            self._told[guest.vmid] = (now, broadcast(world, guest))
        world.tasks.broadcast(name)
        self._daily.run_due()

    async def _cycle(self, name: str) -> None:
        await self._world.clock.sleep(CYCLE * fraction(self._world.seed, "pvestatd", name))
        while name in self._world.nodes:
            self._refresh(name)
            await self._world.clock.sleep(CYCLE)
