# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pveproxy and pvedaemon of each node: the way to them, and their few blocking workers.

A node has three workers of each daemon, each of which runs one call at a time
(`PVE/Service/pvedaemon.pm`). Calls queue for them in the order in which they came.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from .answer import bare
from .calls import CallError
from .world import Node, World

LOG = logging.getLogger(__name__)

WORKERS = 3
NO_ROUTE_DELAY = 3.06
"""Seconds until a node that is off is known to be unreachable."""
PROXY_TIMEOUT = 30.0
"""Seconds that pveproxy waits for pvedaemon or another node."""
MOMENT = 0.1
"""Seconds before that time when no call is begun any more; one that has begun has as many more."""
AT_ONCE = 4 * WORKERS
"""Calls that a pveproxy has under way to one daemon: four of each worker, the others wait there."""
ARP_FRESH = 30.0
"""Seconds for which a node that was cut off still has an address in the caches of the others."""
KEPT = 5.0
"""Seconds for which pveproxy keeps a connection to another node, for reads alone."""
RETRIED = 59.8
"""Seconds until a read is given up that began on a kept connection: the way is tried twice."""
STILL_ANSWERS = 10.0
"""Seconds for which a node still reads whose corosync stands still."""
LOST = ("down", "silent")
INIT_DELAY = 3.0
NO_PMXCFS = (
    "RPCEnvironment init request failed: Unable to load access control list: Connection refused"
)


class NodeDaemons:
    """The two daemons of one node."""

    def __init__(self, world: World, node: Node) -> None:
        self._world = world
        self._node = node
        self._proxy = asyncio.Semaphore(WORKERS)
        self._daemon = asyncio.Semaphore(WORKERS)
        self._changed = asyncio.Condition()
        self._running: set[asyncio.Task[Any]] = set()
        self._begun: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()

    @asynccontextmanager
    async def worker(self, protected: bool, writes: bool = False) -> AsyncIterator[None]:
        """Hold a worker; one of a blocked pvedaemon or of a frozen node hangs before it begins."""
        async with self._daemon if protected else self._proxy:
            if (task := asyncio.current_task()) is not None:
                self._begun.add(task)
            if self._hangs(protected, writes):
                async with self._changed:
                    await self._changed.wait_for(lambda: not self._hangs(protected, writes))
            yield

    def _hangs(self, protected: bool, writes: bool) -> bool:
        if self._node.state == "frozen":
            return writes or self._world.statd.lost_for(self._node.name) > STILL_ANSWERS
        return protected and self._node.pvedaemon == "blocked"

    async def init_request(self) -> None:
        """What every call needs first; without pmxcfs a worker tries for three seconds."""
        if self._node.pmxcfs == "up":
            return
        async with self._proxy:
            await self._world.clock.sleep(INIT_DELAY)
        raise bare(500, NO_PMXCFS)

    async def changed(self) -> None:
        """The state of the node was changed: blocked workers look again, a dead node's die."""
        if self._node.state == "down":
            for task in list(self._running):
                task.cancel()
        async with self._changed:
            self._changed.notify_all()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a call here, to its end even if no client waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def drop(self, task: asyncio.Task[Any]) -> None:
        """Forget a call that nobody waits for, if busy workers have kept it from beginning.

        A daemon that was stopped finds all that came meanwhile and carries it out.
        """
        if task not in self._begun and self._node.pvedaemon == "up":
            task.cancel()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """Forget a call; nobody may be there any more to hear of a mistake in it."""
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, CallError):
            LOG.error("a call failed", exc_info=error)


class Daemons:
    """The way from the node that was asked to the worker that runs a call."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[tuple[str, str], float] = {}
        self._under_way: defaultdict[tuple[str, str], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(AT_ONCE)
        )
        self._nodes: dict[str, NodeDaemons] = {}
        self.look()

    def look(self) -> None:
        """See which nodes there are now; calls that run already go on."""
        nodes = self._world.nodes.items()
        self._nodes = {name: NodeDaemons(self._world, node) for name, node in nodes}

    def __getitem__(self, name: str) -> NodeDaemons:
        return self._nodes[name]

    async def reach(self, asked: str, name: str, protected: bool, reads: bool) -> None:
        """Connect to the daemon that runs the call; raises HttpError 595 as AnyEvent does."""
        clock, node = self._world.clock, self._world.nodes[name]
        kept = clock.now() - self._kept.get((asked, name), 0.0) < KEPT
        lost = self._world.statd.lost_for(name)
        if name != asked and node.state == "down" and lost >= ARP_FRESH:
            await clock.sleep(NO_ROUTE_DELAY)
            raise bare(595, "No route to host")
        if name != asked and node.state in ("down", "silent"):
            await clock.sleep(RETRIED if kept and reads else PROXY_TIMEOUT)
            raise bare(595, "Connection timed out")
        if name != asked and node.state == "closed":
            raise bare(595, "Connection refused")
        if name != asked and node.state == "untrusted":
            raise bare(596, "error:0A000086:SSL routines::certificate verify failed")
        if name != asked and reads:
            self._kept[asked, name] = clock.now()
        if name != asked:
            await self._nodes[name].init_request()
        if protected and node.pvedaemon == "down":
            raise bare(595, "Connection refused")

    async def run(
        self, asked: str, name: str, work: Coroutine[Any, Any, Any], forwarded: bool
    ) -> Any:
        """Run a call on a node and wait for it, 30 s when it was forwarded.

        Raises HttpError 596 when the time is over or the node is lost; a call that has begun goes
        on. The time does not count before the pveproxy that was asked has passed the call on.
        """
        if not forwarded:
            return await asyncio.shield(self._nodes[name].start(work))
        async with self._under_way[asked, name]:
            daemons, clock = self._nodes[name], self._world.clock
            task = daemons.start(work)
            patience = asyncio.ensure_future(clock.sleep(PROXY_TIMEOUT - MOMENT))
            try:
                await asyncio.wait({task, patience}, return_when=asyncio.FIRST_COMPLETED)
                if not task.done():
                    daemons.drop(task)
                    patience = asyncio.ensure_future(clock.sleep(2 * MOMENT))
                    await asyncio.wait({task, patience}, return_when=asyncio.FIRST_COMPLETED)
                if self._world.nodes[name].state in LOST or task.cancelled():
                    await patience
                if patience.done() and (not task.done() or task.cancelled()):
                    raise bare(596, "Connection timed out")
                return task.result()
            finally:
                patience.cancel()
