# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one type of guest is created."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .plan import GuestRequest

if t.TYPE_CHECKING:
    from ...guests.cluster import Guest
    from ...operations.job import Job

Vetoes = t.Callable[[t.Sequence[GuestRequest]], t.Awaitable[t.Sequence[str]]]


class MakeJob(t.Protocol):
    """Makes the job for a wanted guest with this VMID; ``movable`` allows another one later."""

    def __call__(self, one: GuestRequest, vmid: int, *, movable: bool) -> Job:
        """The job."""


async def no_vetoes(wanted: t.Sequence[GuestRequest]) -> t.Sequence[str]:
    """Nothing is against any guest."""
    return [""] * len(wanted)


@dataclass(frozen=True)
class Recipe:
    """How one type of guest is created.

    ``job`` makes the job of a guest. ``avoid`` are VMIDs that can never be meant. ``verb`` says in
    a plan what happens. ``moves`` says that the task runs elsewhere than the guest will live.
    ``vetoes`` says of guests that are about to be created why each cannot be, empty where it can.
    """

    type: str
    verb: str
    job: MakeJob
    avoid: frozenset[int] = frozenset()
    moves: bool = False
    vetoes: Vetoes = no_vetoes

    def job_begun(self, one: GuestRequest, guest: Guest) -> Job:
        """The job that somebody has begun, where the guest is and not where it would go now."""
        wanted = one if self.moves else replace(one, node=guest.node)
        return self.job(wanted, guest.vmid, movable=False)

    def may_create(self, upid: t.Any, guest: Guest) -> bool:
        """Whether a running task does the same as this recipe's job of that guest would."""
        job = self.job_begun(GuestRequest(guest.vmid, None), guest)
        return (upid.type, upid.id) == (job.task_type, job.task_id)
