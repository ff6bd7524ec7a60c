# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one type of guest is created: as a clone, from an OS template, or from scratch."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ...guests.cluster import Guest
from ...operations.clone import clone_job
from ...operations.container import container_job
from ...operations.vm import vm_job
from .plan import GuestRequest
from .templates import missing_templates

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...operations.clone import CloneSource
    from ...operations.job import Job

Vetoes = t.Callable[[t.Sequence[GuestRequest]], t.Awaitable[t.Sequence[str]]]


class MakeJob(t.Protocol):
    """Makes the job for a requested guest with this VMID; ``movable`` allows another one later."""

    def __call__(self, one: GuestRequest, vmid: int, *, movable: bool) -> Job:
        """The job."""


async def no_vetoes(wanted: t.Sequence[GuestRequest]) -> t.Sequence[str]:
    """No guest is vetoed."""
    return [""] * len(wanted)


@dataclass(frozen=True)
class Recipe:
    """How one type of guest is created.

    ``job`` makes the job of a guest. ``avoid`` are VMIDs that are never valid. ``verb`` is that of
    a plan. ``moves`` says that the task runs on another node than the guest will be on. ``vetoes``
    returns for guests that are about to be created why each cannot be, empty if it can.
    """

    type: str
    verb: str
    job: MakeJob
    avoid: frozenset[int] = frozenset()
    moves: bool = False
    vetoes: Vetoes = no_vetoes

    @property
    def step(self) -> str:
        """The name of what it does: ``clone`` or ``create``."""
        return "clone" if self.verb.startswith("cloned") else "create"

    def node_of(self, one: GuestRequest) -> str:
        """Where a guest is or will be."""
        return one.lives_on or self.job(one, 0, movable=False).target.node

    def job_begun(self, one: GuestRequest, guest: Guest) -> Job:
        """The job for a creation that already runs, on the node that it was started for."""
        wanted = one if self.moves else replace(one, node=guest.node)
        return self.job(wanted, guest.vmid, movable=False)

    def may_create(self, upid: t.Any, guest: Guest) -> bool:
        """Whether a running task does the same as this recipe's job for that guest would."""
        job = self.job_begun(GuestRequest(guest.vmid, None), guest)
        return (upid.type, upid.id) == (job.task_type, job.task_id)


def by_cloning(source: CloneSource, timeout: float | None) -> Recipe:
    """Clones of this source."""

    def job(one: GuestRequest, vmid: int, *, movable: bool) -> Job:
        target = Guest(vmid, source.guest.type, one.node or source.guest.node, one.name)
        return clone_job(source, target, one.options, timeout, movable=movable)

    return Recipe(
        type=source.guest.type,
        verb=f"cloned from {source.guest.title}",
        job=job,
        avoid=frozenset({source.guest.vmid}),
        moves=True,
    )


def from_template(api: Api, timeout: float | None) -> Recipe:
    """Containers from OS templates, which have to exist on the node of the container."""

    def job(one: GuestRequest, vmid: int, *, movable: bool) -> Job:
        target = Guest(vmid, "lxc", str(one.node), one.name)
        return container_job(target, one.options, timeout, movable=movable)

    async def vetoes(to_create: t.Sequence[GuestRequest]) -> t.Sequence[str]:
        return await missing_templates(api, to_create)

    return Recipe(type="lxc", verb="created", job=job, vetoes=vetoes)


def from_scratch(storage: str | None, timeout: float | None) -> Recipe:
    """VMs from scratch; ``storage`` is the one of their disks, None if they have none."""

    def job(one: GuestRequest, vmid: int, *, movable: bool) -> Job:
        target = Guest(vmid, "qemu", str(one.node), one.name)
        return vm_job(target, one.options, storage, timeout, movable=movable)

    return Recipe(type="qemu", verb="created", job=job)
