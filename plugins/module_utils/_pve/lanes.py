# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may not run side by side: Proxmox VE's own locks and the user's limits, written down."""

from __future__ import annotations

import asyncio
import contextlib
import typing as t
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Lane:
    """A resource that a job uses while it runs.

    ``name`` says which (``source lxc/100``, ``node pve1``, ``vmid 201``, ``storage ceph``).
    An ``exclusive`` lane is used by one job alone; a shared one by as many as its limit allows.
    """

    name: str
    exclusive: bool = False


@dataclass
class _Waiting:
    lanes: tuple[Lane, ...]
    granted: asyncio.Future[None]


@dataclass
class _Share:
    """A limit that gives way under pressure: halved when it was too much, one more when not."""

    limit: int
    most: int
    successes: int = field(default=0)


class Lanes:
    """Lets jobs start in their order, as soon as all their lanes are free.

    A job whose lanes are taken keeps none of the others from starting. ``limits`` maps a lane's
    name to how many may use it at once; a lane without limit is bounded by the others alone.
    """

    def __init__(self, limits: t.Mapping[str, int]) -> None:
        self._limits = dict(limits)
        self._used: Counter[str] = Counter()
        self._exclusive: set[str] = set()
        self._waiting: list[_Waiting] = []
        self._shares: dict[str, _Share] = {}

    @contextlib.asynccontextmanager
    async def hold(self, lanes: t.Iterable[Lane]) -> t.AsyncIterator[None]:
        """Wait for the lanes, keep them for the block."""
        wanted = tuple(lanes)
        waiting = _Waiting(wanted, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._grant()
        try:
            await waiting.granted
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            elif waiting.granted.done() and not waiting.granted.cancelled():
                self._leave(wanted)
            raise
        try:
            yield
        finally:
            self._leave(wanted)

    @contextlib.contextmanager
    def occupy(self, lanes: t.Iterable[Lane]) -> t.Iterator[None]:
        """Count a job that runs already, whatever the limits say."""
        wanted = tuple(lanes)
        self._enter(wanted)
        try:
            yield
        finally:
            self._leave(wanted)

    def narrow(self, name: str) -> bool:
        """Halve a lane that turned out too wide; False when it was as narrow as can be."""
        share = self._shares.get(name)
        if share is None:
            most = max(2, self._used[name])
            share = self._shares[name] = _Share(most, self._limits.get(name, 0) or most * 2)
        if share.limit <= 1:
            return False
        share.limit, share.successes = max(1, share.limit // 2), 0
        self._limits[name] = share.limit
        return True

    def widen(self, name: str) -> None:
        """Note a success on a lane that had been narrowed; it grows by one when all went well."""
        share = self._shares.get(name)
        if share is None:
            return
        share.successes += 1
        if share.successes >= share.limit and share.limit < share.most:
            share.limit, share.successes = share.limit + 1, 0
            self._limits[name] = share.limit
            self._grant()

    def _free(self, lanes: tuple[Lane, ...]) -> bool:
        for lane in lanes:
            used = self._used[lane.name]
            if lane.name in self._exclusive or (lane.exclusive and used):
                return False
            limit = self._limits.get(lane.name, 0)
            if limit and used >= limit:
                return False
        return True

    def _grant(self) -> None:
        still: list[_Waiting] = []
        for waiting in self._waiting:
            if waiting.granted.cancelled():
                continue
            if self._free(waiting.lanes):
                self._enter(waiting.lanes)
                waiting.granted.set_result(None)
            else:
                still.append(waiting)
        self._waiting = still

    def _enter(self, lanes: tuple[Lane, ...]) -> None:
        for lane in lanes:
            self._used[lane.name] += 1
            if lane.exclusive:
                self._exclusive.add(lane.name)

    def _leave(self, lanes: tuple[Lane, ...]) -> None:
        for lane in lanes:
            self._used[lane.name] -= 1
            if lane.exclusive:
                self._exclusive.discard(lane.name)
        self._grant()
