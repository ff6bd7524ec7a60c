# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lanes: what may not run side by side, by Proxmox VE's own locks and the user's limits."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import typing as t
from collections import Counter
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from ..operations.lane import Lane


@dataclass(frozen=True, order=True)
class _Waiting:
    """A job in the queue: by ``turn``, its place, and ``order``, where two have the same."""

    turn: int
    order: int
    lanes: tuple[Lane, ...] = field(compare=False)
    granted: asyncio.Future[None] = field(compare=False)


@dataclass
class _Share:
    """An adaptive limit: halved when it was too high, increased by one otherwise."""

    limit: int
    most: int
    successes: int = field(default=0)


class Lanes:
    """Lets jobs start in their order, as soon as all their lanes are free.

    A job whose lanes are taken does not keep others from starting. ``limits`` maps a lane's name,
    or the first word of the names of many (``node``), to how many may use it at once; a lane
    without a limit, or with 0, is limited only by the others.

    Jobs that wait for the same lanes wait in one queue, so the cost of a change depends on the
    number of different lanes (nodes, storages, sources), not on that of jobs.
    """

    def __init__(self, limits: t.Mapping[str, int]) -> None:
        self._limits = dict(limits)
        self._used: Counter[str] = Counter()
        self._exclusive: set[str] = set()
        self._queues: dict[tuple[Lane, ...], list[_Waiting]] = {}
        # The jobs that wait for a lane or use it: a job never waits for a lane that is only its
        # own.
        self._interested: Counter[str] = Counter()
        self._shares: dict[str, _Share] = {}
        self._turn = 0
        self._order = itertools.count()

    def turn(self) -> int:
        """A place behind all that were taken before."""
        self._turn += 1
        return self._turn

    @contextlib.asynccontextmanager
    async def hold(self, lanes: t.Iterable[Lane], turn: int | None = None) -> t.AsyncIterator[None]:
        """Wait for the lanes, keep them for the block; ``turn`` is a place taken before."""
        wanted = tuple(lanes)
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(
            self.turn() if turn is None else turn, next(self._order), wanted, granted
        )
        self._interested.update(lane.name for lane in wanted)
        self._queue(waiting, self._contended(wanted))
        self._grant()
        try:
            try:
                await waiting.granted
            except asyncio.CancelledError:
                if waiting.granted.done() and not waiting.granted.cancelled():
                    self._leave(wanted)
                raise
            try:
                yield
            finally:
                self._leave(wanted)
        finally:
            self._interested.subtract(lane.name for lane in wanted)

    @contextlib.contextmanager
    def occupy(self, lanes: t.Iterable[Lane]) -> t.Iterator[None]:
        """Count a job that already runs, whatever the limits."""
        wanted = tuple(lanes)
        self._interested.update(lane.name for lane in wanted)
        self._enter(wanted)
        try:
            yield
        finally:
            self._leave(wanted)
            self._interested.subtract(lane.name for lane in wanted)

    def narrow(self, name: str) -> bool:
        """Halve a lane that turned out too wide; False if it was already as narrow as possible."""
        share = self._shares.get(name)
        if share is None:
            most = max(2, self._used[name])
            share = self._shares[name] = _Share(most, self._limit(name) or most * 2)
        if share.limit <= 1:
            return False
        share.limit, share.successes = max(1, share.limit // 2), 0
        self._limits[name] = share.limit
        return True

    def widen(self, name: str) -> None:
        """Note a success on a lane that had been narrowed; enough of them widen it by one."""
        share = self._shares.get(name)
        if share is None:
            return
        share.successes += 1
        if share.successes >= share.limit and share.limit < share.most:
            share.limit, share.successes = share.limit + 1, 0
            self._limits[name] = share.limit
            self._grant()

    def _limit(self, name: str) -> int:
        """How many jobs may use a lane: its own limit, that of its kind, or 0 for no limit."""
        own = self._limits.get(name)
        return self._limits.get(name.split(" ", 1)[0], 0) if own is None else own

    def _contended(self, lanes: tuple[Lane, ...]) -> tuple[Lane, ...]:
        """The lanes that other jobs need as well, which determine the queue."""
        return tuple(
            lane for lane in lanes if not lane.exclusive or self._interested[lane.name] > 1
        )

    def _queue(self, waiting: _Waiting, lanes: tuple[Lane, ...]) -> None:
        heapq.heappush(self._queues.setdefault(lanes, []), waiting)

    def _free(self, lanes: tuple[Lane, ...]) -> bool:
        for lane in lanes:
            used = self._used[lane.name]
            if lane.name in self._exclusive or (lane.exclusive and used):
                return False
            limit = self._limit(lane.name)
            if limit and used >= limit:
                return False
        return True

    def _grant(self) -> None:
        """Admit, in order, all jobs that can start now."""
        while True:
            heads = [(self._head(lanes), lanes) for lanes in list(self._queues)]
            ready = [
                (head, lanes) for head, lanes in heads if head is not None and self._free(lanes)
            ]
            if not ready:
                return
            _head, lanes = min(ready, key=lambda one: one[0])
            self._admit(heapq.heappop(self._queues[lanes]))

    def _admit(self, waiting: _Waiting) -> None:
        if self._free(waiting.lanes):
            self._enter(waiting.lanes)
            waiting.granted.set_result(None)
        else:  # another job needs a lane that had been only its own: now it waits for that, too
            self._queue(waiting, waiting.lanes)

    def _head(self, lanes: tuple[Lane, ...]) -> _Waiting | None:
        """The first in the queue for these lanes that still waits."""
        queue = self._queues[lanes]
        while queue and queue[0].granted.cancelled():
            heapq.heappop(queue)
        if not queue:
            del self._queues[lanes]
            return None
        return queue[0]

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
