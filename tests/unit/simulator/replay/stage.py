# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator whose time stands still unless everybody waits for it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from pvesim.certificates import Authority
from pvesim.clock import Clock
from pvesim.listener import Address
from pvesim.server import Server
from pvesim.task import Task
from pvesim.world import World

from .client import Reply, exchange

T = TypeVar("T")
TURNS = 60
"""Turns of the loop after which everything that can go on has gone on."""
LONGEST = 4 * 3600.0
"""Seconds of the cluster that anything may take."""


class Threads(ThreadPoolExecutor):
    """The threads of the loop, which knows whether one of them still works."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: list[Future[Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Let a thread work."""
        future = super().submit(fn, *args, **kwargs)
        self._begun.append(future)
        return future

    @property
    def busy(self) -> bool:
        """Whether a thread still works."""
        self._begun = [future for future in self._begun if not future.done()]
        return bool(self._begun)


class Stage:
    """A world served over HTTPS, in the same loop as its client."""

    def __init__(self, file: Path, start: float, directory: Path) -> None:
        self._threads = Threads()
        self.clock = Clock(1.0, start)
        self.clock.pause()
        self.world = World.load(file, 1.0, 1, self.clock)
        self._authority = Authority(directory)
        self._server = Server(self.world, self._authority, self._addresses())
        self._trust = ssl.create_default_context(cafile=str(self._authority.file))

    def _addresses(self) -> list[Address]:
        """The first two nodes can be asked."""
        return [Address("127.0.0.1", 0)] * min(2, len(self.world.nodes))

    async def open(self) -> None:
        """Serve."""
        asyncio.get_running_loop().set_default_executor(self._threads)
        await self._server.start()

    async def close(self) -> None:
        """End everything."""
        for task in self.world.tasks.every():
            self.world.tasks.kill(task)
        await self._server.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes = b"", *, at: str = "vm"
    ) -> tuple[Reply, float]:
        """Send a request to a node; its answer and the seconds of the cluster that it took."""
        begun = self.clock.now()
        url = self._server.addresses[list(self.world.nodes).index(at)].url
        reply = await exchange(url, self._trust, method, path, headers, body)
        return reply, self.clock.now() - begun

    async def played(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of something, for which time goes on as far as it has to."""
        task, begun = asyncio.ensure_future(work), self.clock.now()
        while not task.done():
            for _unused in range(TURNS):
                await asyncio.sleep(0)
                if task.done():
                    break
            else:
                if self._threads.busy:
                    await asyncio.sleep(0.001)  # what really takes time takes none of the cluster
                else:
                    await self._go_on(begun, task)
        return task.result()

    async def _go_on(self, begun: float, task: asyncio.Task[Any]) -> None:
        """Jump to the end of the nearest wait; gives a task up that nothing goes on for."""
        due = self.clock.next_due()
        if due is None or due > begun + LONGEST:
            task.cancel()
            raise TimeoutError(f"nothing happens any more after {self.clock.now() - begun} s")
        self.clock.advance(max(0.0, due - self.clock.now()))

    async def ended(self, task: Task) -> None:
        """Let time pass until a task is over."""

        await self.reached(task, 0, True)

    async def reached(self, task: Task, lines: int, end: bool) -> None:
        """Let time pass until a task has written so many lines, or has ended."""

        async def wait() -> None:
            while task.running and (end or len(task.lines) < lines):
                await self.clock.sleep(0.05)

        await self.played(wait())

    async def rest(self) -> None:
        """Let time pass until no task runs."""
        for node in self.world.nodes:
            for task in list(self.world.tasks.running(node)):
                await self.ended(task)

    async def passed(self, seconds: float) -> None:
        """Let time pass, wait by wait."""
        await self.played(self.clock.sleep(seconds))
