# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of the cluster: every wait goes through it, so that time can stand still or jump."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time


class Clock:
    """Wall-clock time that can be paused and advanced, and the waits that follow it."""

    def __init__(self, speed: float = 1.0, start: float | None = None) -> None:
        """`speed` divides the work of tasks; `start` is the epoch second to begin at."""
        self.speed = speed
        self._base = time.time() if start is None else start
        self._mark = time.monotonic()
        self._paused = False
        self._waiters: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """The time of the cluster in seconds since the epoch."""
        return self._base if self._paused else self._base + time.monotonic() - self._mark

    @property
    def paused(self) -> bool:
        """Whether time stands still."""
        return self._paused

    def pause(self) -> None:
        """Let time stand still; waits wait on."""
        self._base = self.now()
        self._paused = True
        self._wake()

    def resume(self) -> None:
        """Let time go on from where it stands."""
        if self._paused:
            self._mark = time.monotonic()
            self._paused = False
            self._wake()

    def advance(self, seconds: float) -> None:
        """Jump ahead; every wait that is over by then ends, in the order of their ends."""
        self._base += seconds
        self._wake()

    def next_due(self) -> float | None:
        """When the next wait ends, None when nobody waits."""
        while self._waiters and self._waiters[0][2].done():
            heapq.heappop(self._waiters)
        return self._waiters[0][0] if self._waiters else None

    async def sleep(self, seconds: float) -> None:
        """Wait as the server itself waits (locks, patience, cycles): never scaled."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (self.now() + seconds, next(self._order), future))
        self._wake()
        await future

    async def work(self, seconds: float) -> None:
        """Work of a task: `seconds` divided by the speed."""
        await self.sleep(seconds / self.speed)

    def _wake(self) -> None:
        """End the waits that are over and set the timer for the next one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.next_due()
        while due is not None and due <= self.now():
            heapq.heappop(self._waiters)[2].set_result(None)
            due = self.next_due()
        if due is not None and not self._paused:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(due - self.now(), self._wake)
