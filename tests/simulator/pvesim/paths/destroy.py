# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting guests (`PVE/API2/Qemu.pm`, `PVE/API2/LXC.pm`)."""

from __future__ import annotations

from pvesim.calls import Call, CallError, call
from pvesim.destroy import check_not_base, remove_volumes
from pvesim.entities import Guest
from pvesim.guests import (
    as_death,
    check_lock,
    check_writable,
    forget,
    guest_of,
    reload,
    skiplock,
)
from pvesim.worker import Died, Worker
from pvesim.world import World


def _check_unmanaged(world: World, call: Call, guest: Guest) -> None:
    """Refuse a guest that is protected, or managed by HA unless it is purged there."""
    label, kind = guest.label, "vm" if guest.type == "qemu" else "ct"
    if guest.config.get("protection"):
        raise CallError(500, f"can't remove {label} {guest.vmid} - protection mode enabled")
    if f"{kind}:{guest.vmid}" in world.ha and not call.params.get("purge"):
        text = f"unable to remove {label} {guest.vmid} - used in HA resources and purge parameter"
        raise CallError(500, f"{text} not set.")


def _purge(world: World, call: Call, worker: Worker, guest: Guest) -> None:
    """Remove what other configurations say about the guest."""
    if call.params.get("purge"):
        worker.log(f"purging {guest.label} {guest.vmid} from related configurations..")
        world.ha.pop(f"{'vm' if guest.type == 'qemu' else 'ct'}:{guest.vmid}", None)


def _unreferenced(call: Call) -> bool:
    """Whether disks go too that are named after the guest and that its config does not name."""
    return bool(call.params.get("destroy-unreferenced-disks"))


@call("DELETE", "/nodes/{node}/qemu/{vmid}")
async def destroy_vm(world: World, call: Call) -> str:
    """Remove a stopped VM; a lock in its config is found in the task only."""
    guest = guest_of(world, call)
    ignore_lock = skiplock(call)
    _check_unmanaged(world, call, guest)
    if guest.running:
        raise CallError(500, f"VM {guest.vmid} is running - destroy failed")

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            current = reload(worker, guest)
            if not ignore_lock:
                check_lock(current)
            if current.running:
                raise Died(f"VM {guest.vmid} is running - destroy failed")
            check_not_base(worker, current)
            await worker.work()
            # The config is written after the volumes are gone, which may fail.
            remove_volumes(worker, current, unreferenced=_unreferenced(call))
            check_writable(world, worker, current)
            _purge(world, call, worker, current)
            forget(world, current)

    return world.tasks.start(call.node, call.caller.authid, "qmdestroy", guest.vmid, work)


@call("DELETE", "/nodes/{node}/lxc/{vmid}")
async def destroy_ct(world: World, call: Call) -> str:
    """Remove a container, with force=1 a running one too."""
    guest = guest_of(world, call)
    check_lock(guest)
    _check_unmanaged(world, call, guest)
    force = bool(call.params.get("force"))
    if guest.running and not force:
        raise CallError(500, f"unable to destroy CT {guest.vmid} - container is running")

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            current = reload(worker, guest)
            check_lock(current)
            if current.running:
                worker.log(f"forced to stop CT {guest.vmid} before destroying!")
                current.status, current.started = "stopped", None
            check_not_base(worker, current)
            await worker.work()
            remove_volumes(worker, current, unreferenced=_unreferenced(call))
            check_writable(world, worker, current)
            if force or call.params.get("purge"):
                worker.log(f"purging CT {guest.vmid} from related configurations..")
                world.ha.pop(f"ct:{guest.vmid}", None)
            forget(world, current)

    return world.tasks.start(call.node, call.caller.authid, "vzdestroy", guest.vmid, work)
