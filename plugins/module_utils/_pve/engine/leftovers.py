# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leftovers of dead tasks: a guest with a lock that no task holds any more."""

from __future__ import annotations

import typing as t

from ..api.answers import read_mapping
from ..guests.cluster import Guest
from ..guests.labels import label_of, shell_command
from ..operations.guest import removal_job
from ..tasks.listing import list_tasks
from ..tasks.task import outcome_of
from .recovery import find_at_work, read_target

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..operations.job import Job
    from ..tasks.upid import Upid

# The description of a VM while it is cloned (PVE::API2::Qemu, clone_vm).
_TEMPORARY = "qmclone temporary file"


def explain(guest: Guest, dead: Upid | None, node: str) -> str:
    """Why a locked guest is neither complete nor being created, and what to do about it."""
    if dead is None:
        return (
            f"{guest.title} is locked ({guest.lock}), and no task of yours is seen creating it"
            f" on {node}. Another user may be creating it, or the user or token lacks Sys.Audit on"
            f" /nodes/{node}, without which Proxmox VE hides the running tasks of API tokens."
            " Retry when the lock is gone"
        )
    unlock, destroy = (
        shell_command(guest.type, verb, guest.vmid) for verb in ("unlock", "destroy")
    )
    text = (
        f"{guest.title} is locked ({guest.lock}), but the task that was creating it is dead:"
        f" {dead}. Remove its remains on {guest.node}: {unlock} && {destroy}; disks named after"
        f" VMID {guest.vmid} and a copying process may remain as well"
    )
    if guest.type == "qemu":
        text += ". Or set replace_leftovers and log in as root@pam with a password"
    return text


async def may_be_removed(api: Api, guest: Guest, job: Job, nodes: t.Iterable[str]) -> bool:
    """Whether this is still the leftover of the clone ``job``, with no task working on it."""
    config = await read_mapping(api, ("nodes", guest.node, guest.type, guest.vmid, "config"))
    if config.get("lock") != "clone" or str(config.get("description")).strip() != _TEMPORARY:
        return False
    return await find_at_work(api, job, nodes) is None


async def find_dead_lock(api: Api, node: str, vmid: int) -> Upid | None:
    """The dead clone that left ``lock: disk`` on a container, None while any task works on it."""
    on_it = {"vmid": vmid}
    if await list_tasks(api, node, {"source": "active", **on_it}, retries=None):
        return None
    clones = {"source": "archive", "typefilter": "vzclone", **on_it}
    newest = await list_tasks(api, node, clones, most=1, retries=None)
    if not newest or newest[0].status is None or outcome_of(newest[0].status).succeeded:
        return None
    return newest[0].upid


def explain_dead_lock(node: str, vmid: int, dead: Upid) -> str:
    """What to do about the lock that a dead clone left on a container."""
    return (
        f"{label_of('lxc', vmid)} is locked (disk), but the clone that locked it is dead: {dead}."
        f" Unlock it on {node}: {shell_command('lxc', 'unlock', vmid)}"
    )


async def left_by(api: Api, job: Job, dead: Upid) -> Guest | None:
    """The locked guest that a dead task of ``job`` left, None if there is none.

    Nothing is ours while any task works on that VMID.
    """
    config = await read_target(api, job)
    if config is None or config.get("lock") not in ("clone", "create"):
        return None
    if await find_at_work(api, job, [dead.node]) is not None:
        return None
    target, lock = job.target, str(config["lock"])
    return Guest(target.vmid, target.type, job.node, None, lock=lock)


def removal(guest: Guest) -> Job:
    """The job that removes a locked VM; only a ticket of root@pam may ignore the lock."""
    return removal_job(guest, f"removal of the leftover {guest.title}", {"skiplock": 1})
