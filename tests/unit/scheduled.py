# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scheduler with all that it needs, and jobs and chains for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import NoAnswerError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.chains import (
    Chain,
    ChainResult,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.lanes import Lanes
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.progress import Progress
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.scheduler import (
    Policy,
    Result,
    Scheduler,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.vmids import Vmids
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.clone import (
    CloneSource,
    clone_job,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.guest import guest_job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.watcher import Watcher
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi

T = TypeVar("T")
NAMES = ("all", "node pve1", "source 100", "storage ceph", "storage nfs")
LOCK = "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout"
STORAGE_LOCK = "clone failed: cfs-lock 'storage-ceph' error: got lock request timeout"
NO_WORKER = "got no worker upid - start worker failed"
TAKEN = "close (rename) atomic file '/etc/pve/nodes/pve1/qemu-server/200.conf' failed: File exists"
LOST = NoAnswerError("POST /clone", "596 Connection timed out", sent=True)
CLONE = "POST .*/clone"
PARAMS = {"configure": {"memory": "512"}, "resize": {"disk": "scsi0", "size": "8G"}, "start": {}}


class Run:
    """A scheduler with all that it needs, on a cluster of one template and some VMs."""

    def __init__(self, limits: Mapping[str, int] | None = None, **policy: Any) -> None:
        self.api = FakeApi()
        self.api.cluster.add(9000, name="tpl", template=1, scsi0="ceph:base-9000-disk-0")
        self.stop = asyncio.Event()
        self.watcher = Watcher(self.api, node_timeout=600)
        self.lanes = Lanes(limits or {})
        self.policy = Policy(**policy)
        self.progress = Progress(self.api)

    async def __call__(self, *jobs: Job) -> list[Result]:
        return await self._scheduled(lambda scheduler: scheduler.run(jobs, self.progress))

    async def chains(self, *chains: Chain) -> list[ChainResult]:
        """The results of chains."""
        return await self._scheduled(lambda scheduler: scheduler.run_chains(chains, self.progress))

    async def _scheduled(self, work: Callable[[Scheduler], Awaitable[T]]) -> T:
        vmids = Vmids(self.api, self.api.cluster.guests, None)
        scheduler = Scheduler(self.api, self.watcher, self.lanes, self.policy, self.stop, vmids)
        try:
            return await work(scheduler)
        finally:
            await self.watcher.close()

    async def one(self, job: Job) -> Result:
        """The result of a single job."""
        [result] = await self(job)
        return result

    @property
    def posted(self) -> int:
        """How many calls were made that change something."""
        return len([call for call in self.api.calls if call.method != "GET"])


def clone(vmid: int = 201, *, movable: bool = False, timeout: float = 7200) -> Job:
    """The clone of the template to this VMID."""
    guest = Guest(9000, "qemu", "pve1", "tpl", "stopped", template=True)
    target = Guest(vmid, "qemu", "pve1", f"web{vmid}")
    return clone_job(CloneSource(guest, ("ceph",)), target, {}, timeout, movable=movable)


def power(
    run: Run, vmid: int, operation: str = "start", guest_type: str = "qemu", **changes: Any
) -> Job:
    """The start of a guest, which is put there."""
    node = changes.pop("node", "pve1")
    run.api.cluster.add(vmid, guest_type, node, name=f"app{vmid}")
    guest = Guest(vmid, guest_type, node, f"app{vmid}", "stopped")
    return replace(guest_job(OPERATIONS[operation], guest, {}, 300), **changes)


def job_of(target: Guest, operation: str) -> Job:
    guest = Guest(target.vmid, target.type, target.node, target.name, "stopped")
    return guest_job(OPERATIONS[operation], guest, PARAMS[operation], 300)


def step_outcomes(result: ChainResult) -> list[tuple[str, str]]:
    return [(one.name, one.outcome.value) for one in result.steps]
