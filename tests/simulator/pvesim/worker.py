# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task runs with: its log, its work, its locks, and how it dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from .locks import GUEST_PATIENCE, LockTimeout, guest_lock_file
from .task import UNEXPECTED, Task

if TYPE_CHECKING:
    from .entities import Guest, Storage, TaskFault
    from .world import World

T = TypeVar("T")
WHOLE = 0.999


class Died(Exception):
    """The worker ends with `TASK ERROR` and this text."""

    def prefixed(self, prefix: str) -> Died:
        """The same end with a prefix, unless a task fault ordered the text."""
        return self if isinstance(self, Ordered) else Died(f"{prefix}{self}")


class Interrupted(Died):
    """The worker got SIGTERM."""


class Ordered(Died):
    """The end that a task fault ordered; its text stays as it is."""


class Killed(Exception):
    """The process is gone without a word (SIGKILL): nothing is cleaned up."""


class Worker:
    """The inside of a running task."""

    def __init__(self, world: World, task: Task, duration: float, fault: TaskFault | None) -> None:
        self.world = world
        self.task = task
        self.duration = duration
        """Seconds of work at speed 1."""
        self.warnings = 0
        self._fault = fault
        self._done = 0.0
        self._judged = False

    @property
    def node(self) -> str:
        """The node that it runs on."""
        return self.task.upid.node

    @property
    def authid(self) -> str:
        """Who started it."""
        return self.task.upid.user

    def now(self) -> float:
        """The clock of the node."""
        return self.world.time_at(self.node)

    def log(self, line: str) -> None:
        """Print a line."""
        self.task.write(line + "\n")

    def warn(self, text: str) -> None:
        """Print a warning that counts for the exit status."""
        self.log(f"WARN: {text}")
        self.warnings += 1

    def stretch(self, times: int) -> None:
        """Work so many times as long, unless a task fault says how long."""
        if self._fault is None or self._fault.seconds is None:
            self.duration *= times

    async def work(self, share: float = 1.0) -> None:
        """Do `share` of the work; a task fault strikes when all of it is done."""
        await self._wait(self.world.clock.work(self.duration * share))
        await self._wait(self._thawed())
        self._done += share
        if self._done >= WHOLE:
            self.judge()

    async def _thawed(self) -> None:
        """Nothing is written as long as the corosync of the node stands still."""
        while self.world.nodes[self.node].state == "frozen":
            await self.world.clock.sleep(1.0)

    async def sleep(self, seconds: float) -> None:
        """Wait as Proxmox VE waits, whatever the speed."""
        await self._wait(self.world.clock.sleep(seconds))

    async def outside(self, awaitable: Awaitable[T]) -> T:
        """Wait for something outside of the cluster, which takes the time that it takes."""
        return await self._wait(awaitable)

    async def boot(self, seconds: float) -> None:
        """Wait for something that a guest does, at the speed of the work."""
        await self._wait(self.world.clock.work(seconds))

    def judge(self) -> None:
        """Let the task fault strike, once."""
        if self._judged:
            return
        self._judged = True
        wanted = self._fault.exitstatus if self._fault else None
        if wanted is None or wanted == "OK":
            return
        if wanted == UNEXPECTED:
            self.task.killed = True
            raise Killed
        if wanted == f"{UNEXPECTED} TASK OK":
            self.task.write("progress 100%")
        elif wanted.startswith("WARNINGS: "):
            for number in range(int(wanted.removeprefix("WARNINGS: "))):
                self.warn(f"simulated warning {number + 1}")
        else:
            raise Ordered(wanted)

    @asynccontextmanager
    async def flock(
        self, path: str, *, shared: bool = False, patience: float = GUEST_PATIENCE
    ) -> AsyncIterator[None]:
        """Hold a lock file of the node."""
        lock = self.world.locks.flock(
            self.node, path, shared=shared, patience=patience, say=self.task.write
        )
        async with self._held(lock, f"can't lock file '{path}' - received interrupt"):
            yield

    def guest_lock(self, guest: Guest) -> AbstractAsyncContextManager[None]:
        """Hold the lock file of a guest, exclusively, with 10 s of patience."""
        return self.flock(guest_lock_file(guest.type, guest.vmid))

    @asynccontextmanager
    async def storage_lock(self, storage: Storage) -> AsyncIterator[None]:
        """Hold the lock of a storage while something is allocated or freed there."""
        lock = self.world.locks.storage(self.node, storage.id, storage.shared, say=self.task.write)
        async with self._held(lock, "received interrupt"):
            yield

    @asynccontextmanager
    async def _held(
        self, lock: AbstractAsyncContextManager[None], interrupted: str
    ) -> AsyncIterator[None]:
        """Enter `lock` as a worker does: what goes wrong is how the task dies."""
        try:
            await self._wait(lock.__aenter__(), interrupted)
        except LockTimeout as exc:
            raise Died(str(exc)) from exc
        try:
            yield
        finally:
            await lock.__aexit__(None, None, None)

    async def _wait(self, awaitable: Awaitable[T], interrupted: str = "received interrupt") -> T:
        """Await something that SIGTERM interrupts and SIGKILL ends."""
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self.task.killed:
                raise
            raise Interrupted(interrupted) from None
