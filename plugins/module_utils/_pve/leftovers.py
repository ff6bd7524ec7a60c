# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks that died leave behind: a guest with a lock that nobody holds any more."""

from __future__ import annotations

import typing as t

from .operations.job import Job, Target, common_lanes
from .reconcile import find_dead
from .task_types import default_wait_timeout

if t.TYPE_CHECKING:
    from .client import Api
    from .guests import Guest
    from .upid import Upid


async def find_dead_task(api: Api, job: Job) -> Upid | None:
    """The ended task of the same user that was to make this guest, or None."""
    return await find_dead(api, job)


def explain(guest: Guest, dead: Upid | None, node: str) -> str:
    """Why a locked guest is neither whole nor on its way, and what to do about it."""
    tool = "qm" if guest.kind == "qemu" else "pct"
    if dead is None:
        return (
            f"{guest.title} is locked ({guest.lock}), and no task of yours that makes it is seen on"
            f" {node}. It may be somebody else's, or the user or token lacks Sys.Audit on"
            f" /nodes/{node}, without which Proxmox VE hides the running tasks of API tokens."
            " Run again when the lock is gone"
        )
    return (
        f"{guest.title} is locked ({guest.lock}), but the task that was to make it is dead: {dead}."
        f" Remove what it left on {guest.node}: {tool} unlock {guest.vmid} &&"
        f" {tool} destroy {guest.vmid}; disks named after VMID {guest.vmid} and a copying process"
        " may be left as well. Or set replace_leftovers and log in as root@pam with a password"
    )


def removal(guest: Guest) -> Job:
    """The job that removes a locked VM; only a ticket of root@pam may ignore the lock."""
    return Job(
        title=f"removal of the left-over {guest.title}",
        target=Target(guest.vmid, guest.name, guest.node, guest.kind),
        node=guest.node,
        method="DELETE",
        path=("nodes", guest.node, guest.kind, guest.vmid),
        params={"skiplock": 1},
        task_type="qmdestroy",
        task_id=str(guest.vmid),
        timeout=default_wait_timeout("qmdestroy"),
        lanes=common_lanes(guest.node, None),
    )
