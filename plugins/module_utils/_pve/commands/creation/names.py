# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps names unique as far as a client can: reads them again before each start and at the end.

Proxmox VE does not keep names unique, so two runs at once can create the same name. Of two guests
with the same name, both runs take the one with the higher VMID for the later one.
"""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import replace

from ...api import clock
from ...api.errors import PveError
from ...engine.creators import Creators
from ...guests.by_name import GuestsByName, read_by_name
from ...guests.cluster import CREATION_LOCKS
from ...operations.job import Unneeded

if t.TYPE_CHECKING:
    from ...engine.creators import Running
    from ...guests.cluster import Guest
    from ...operations.job import Job
    from ..machine import Engine
    from .recipe import Recipe
    from .resolve import Resolved

# How old a reading of the names may be when a creation is started, in seconds.
_WINDOW = 2.0
# The minimum time between two readings, in seconds per listed guest: however large a cluster is,
# reading it takes the same small share of the time.
_EACH = 0.0005
# How long to wait for the list of a node, which waits for containers that start, in seconds.
_PATIENCE = 15.0


class Names:
    """The current names; ``taken`` are guests that others created in the meantime, by name."""

    def __init__(self, machine: Engine, resolved: Resolved, recipe: Recipe) -> None:
        self._api = machine.context.api
        self._recipe = recipe
        # The names of a node that went silent are already known; it must not delay the others.
        self._nodes = {node.name for node in resolved.cluster.nodes.values() if node.online}
        self._creators = Creators(self._api, recipe.type)
        self._ignored = set(resolved.abandoned)
        self._own: set[int] = set()
        self._guests = GuestsByName.of(recipe.type, resolved.cluster.guests.values())
        self._read_at = resolved.read
        self._lock = asyncio.Lock()
        self.taken: dict[str, Guest] = {}

    def owned(self, job: Job) -> Job:
        """The job of a guest of this call."""
        self._own.add(job.target.vmid)
        return job

    def checked(self, job: Job) -> Job:
        """The job, which checks its name right before each start."""
        move = None if job.readdress is None else lambda vmid: self._moved(job, vmid)
        return replace(self.owned(job), recheck=lambda _api: self._check(job), readdress=move)

    def _moved(self, job: Job, vmid: int) -> Job:
        """The job with another VMID: the guest with the earlier one may belong to another run."""
        self._own.discard(job.target.vmid)
        return self.checked(t.cast("t.Callable[[int], Job]", job.readdress)(vmid))

    async def others(self, name: str, vmid: int, patience: float, since: float) -> list[Guest]:
        """All other guests with this name, once no guest is being created that may get it.

        The names are read at ``since`` (seconds of the clock) or later.
        """
        until = clock.now() + patience
        while True:
            guests = await self._read(since)
            named = [
                guest
                for guest in guests.named(name)
                if guest.vmid != vmid and guest.vmid not in self._ignored
            ]
            whole = [guest for guest in named if guest.lock not in CREATION_LOCKS]
            unfinished = named or guests.begun
            unclear = [] if whole else await self._may_become(unfinished)
            if not unclear:
                return whole
            if clock.now() >= until:
                raise PveError(
                    f"cannot determine whether {name!r} is being created by another run at the same"
                    f" time: {unclear[0].title} is still being created"
                )
            await clock.sleep(_WINDOW)
            since = clock.now() - _WINDOW / 2

    async def _check(self, job: Job) -> None:
        """Raise Unneeded if another run has created the guest in the meantime."""
        name = str(job.target.name)
        window = max(_WINDOW, self._pause)
        others = await self.others(name, job.target.vmid, job.timeout, clock.now() - window)
        if others:
            self.taken[name] = others[0]
            raise Unneeded(f"{others[0].title} was created in the meantime, not by this call")

    async def _may_become(self, unfinished: t.Sequence[Guest]) -> list[Guest]:
        """Those that an overlapping run of the same play may be creating.

        Leftovers of the caller's own dead tasks do not count.
        """
        foreign = [g for g in unfinished if g.vmid not in self._own and g.vmid not in self._ignored]
        if not foreign:
            return []
        running = await self._creators.poll(sorted({guest.node for guest in foreign}))
        unclear = []
        for guest in foreign:
            if await self._cannot_become(guest, running):
                self._ignored.add(guest.vmid)
            else:
                unclear.append(guest)
        return unclear

    async def _cannot_become(self, guest: Guest, running: Running) -> bool:
        upid = running.by_vmid.get(guest.vmid)
        if upid is not None:
            return not self._recipe.may_create(upid, guest)
        if guest.node in running.unclear or not await self._creators.sees_everything(guest.node):
            return False
        return await self._creators.find_dead(guest) is not None

    async def _read(self, since: float) -> GuestsByName:
        """A reading that began at ``since`` or later, shared by all who wait for one."""
        if self._is_older_than(since):
            async with self._lock:
                if self._is_older_than(since):
                    await clock.sleep(self._read_at.now + self._pause - clock.now())
                    await self._read_again()
        return self._guests

    def _is_older_than(self, since: float) -> bool:
        return self._read_at.now < since or self._read_at.slept > _WINDOW

    async def _read_again(self) -> None:
        read_at = clock.moment()
        self._guests, silent = await read_by_name(
            self._api, sorted(self._nodes), self._recipe.type, _PATIENCE
        )
        self._nodes -= silent
        self._read_at = read_at

    @property
    def _pause(self) -> float:
        """The seconds between two readings, which cost more the more guests there are."""
        return _EACH * self._guests.count
