# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks of Proxmox VE: flocks on files of one node, and cluster-wide storage locks.

A flock gives up with `got timeout` after its patience (`PVE/Tools.pm`, lock_file_full); a
storage lock is asked for once a second, ten times (`PVE/Cluster.pm`, cfs_lock).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from .clock import Clock

GUEST_PATIENCE = 10.0
CLONE_PATIENCE = 1.0
CFS_ATTEMPTS = 10
CFS_INTERVAL = 1.0


class LockTimeout(Exception):
    """The lock could not be had in time; the text is the message of Proxmox VE."""


@dataclass
class _Flock:
    """One lock file: who holds it, and who waits."""

    shared: int = 0
    exclusive: bool = False
    waiters: list[tuple[bool, asyncio.Future[None]]] = field(default_factory=list)

    def free_for(self, shared: bool) -> bool:
        """Whether it can be taken now."""
        return not self.exclusive and (shared or self.shared == 0)

    def take(self, shared: bool) -> None:
        """Hold it."""
        if shared:
            self.shared += 1
        else:
            self.exclusive = True

    def release(self, shared: bool) -> None:
        """Let go of it and hand it to those who wait, in their order."""
        if shared:
            self.shared -= 1
        else:
            self.exclusive = False
        while self.waiters and self.free_for(self.waiters[0][0]):
            wanted, future = self.waiters.pop(0)
            if not future.done():
                self.take(wanted)
                future.set_result(None)


def ignore(_text: str) -> None:
    """Nowhere to print to: an API call has no log."""


def guest_lock_file(guest_type: str, vmid: int) -> str:
    """The lock file of a guest."""
    if guest_type == "qemu":
        return f"/var/lock/qemu-server/lock-{vmid}.conf"
    return f"/run/lock/lxc/pve-config-{vmid}.lock"


class Locks:
    """All lock files of all nodes, and the locks in the cluster's own file system."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._flocks: dict[tuple[str, str], _Flock] = {}
        self._cfs: set[str] = set()

    @asynccontextmanager
    async def flock(
        self,
        node: str,
        path: str,
        *,
        shared: bool = False,
        patience: float = GUEST_PATIENCE,
        say: Callable[[str], None] = ignore,
    ) -> AsyncIterator[None]:
        """Hold the lock file `path` of a node; `say` gets what a worker would print."""
        lock = self._flocks.setdefault((node, path), _Flock())
        if lock.free_for(shared):
            lock.take(shared)
        else:
            say("trying to acquire lock...\n")
            await self._wait(lock, path, shared, patience)
            say(" OK\n")
        try:
            yield
        finally:
            lock.release(shared)

    def is_free(self, node: str, path: str) -> bool:
        """Whether nobody holds the lock file `path` of a node."""
        lock = self._flocks.get((node, path))
        return lock is None or lock.free_for(shared=False)

    async def _wait(self, lock: _Flock, path: str, shared: bool, patience: float) -> None:
        """Wait until the lock is ours, at most `patience` seconds."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lock.waiters.append((shared, granted))
        bell = asyncio.ensure_future(self._clock.sleep(patience))
        try:
            await asyncio.wait({granted, bell}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if granted.done():
                lock.release(shared)
            granted.cancel()
            raise
        finally:
            bell.cancel()
        if not granted.done():
            granted.cancel()
            raise LockTimeout(f"can't lock file '{path}' - got timeout")

    def drop_node(self, node: str) -> None:
        """The node lost power: nobody holds its lock files any more."""
        for key in [key for key in self._flocks if key[0] == node]:
            del self._flocks[key]

    @asynccontextmanager
    async def storage(
        self, node: str, storage: str, shared: bool, say: Callable[[str], None] = ignore
    ) -> AsyncIterator[None]:
        """Hold the lock of a storage: cluster-wide for a shared one, else of the node."""
        if not shared:
            path = f"/var/lock/pve-manager/pve-storage-{storage}"
            async with self.flock(node, path, say=say):
                yield
            return
        name = f"storage-{storage}"
        for attempt in range(1, CFS_ATTEMPTS + 1):
            if name not in self._cfs:
                break
            if attempt < CFS_ATTEMPTS:
                say(f"trying to acquire cfs lock '{name}' ...\n")
            await self._clock.sleep(CFS_INTERVAL)
        else:
            raise LockTimeout(f"cfs-lock '{name}' error: got lock request timeout")
        self._cfs.add(name)
        try:
            yield
        finally:
            self._cfs.discard(name)
