# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Growing disks: a task for both types of guests."""

from __future__ import annotations

from pvesim.absent import failing, is_absent, no_config
from pvesim.calls import Call, call
from pvesim.drives import Drive
from pvesim.entities import Guest
from pvesim.guests import (
    as_death,
    check_digest,
    check_lock,
    check_writable,
    guest_of,
    reload,
    skiplock,
)
from pvesim.sizes import parse_size
from pvesim.volumes import FILE_TYPES, find_volume, storage_of
from pvesim.worker import Died, Worker
from pvesim.world import World


@call("PUT", "/nodes/{node}/qemu/{vmid}/resize")
@call("PUT", "/nodes/{node}/lxc/{vmid}/resize")
async def resize(world: World, call: Call) -> str:
    """Grow a disk; that it is not there or would shrink is found in the task."""
    if is_absent(world, call):
        return failing(world, call, "resize", no_config(call))
    guest = guest_of(world, call)
    ignore_lock = guest.type == "qemu" and skiplock(call)

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            reload(worker, guest)
            check_digest(call, guest.config)
            if not ignore_lock:
                check_lock(guest)
            check_writable(world, worker, guest)
            await _grow(worker, guest, call)

    return world.tasks.start(call.node, call.caller.authid, "resize", guest.vmid, work)


async def _grow(worker: Worker, guest: Guest, call: Call) -> None:
    """Grow one disk, in the config and on its storage."""
    disk, size = call.params["disk"], str(call.params["size"])
    if disk not in guest.config:
        raise Died(f"disk '{disk}' does not exist")
    drive = Drive.parse(disk, str(guest.config[disk]))
    if drive.cdrom:
        raise Died("you can't resize a cdrom")
    volume = find_volume(worker.world, drive.volume, guest.node)
    if not call.caller.may(f"/storage/{drive.storage}", "Datastore.AllocateSpace"):
        raise Died(
            f"403 Permission check failed (/storage/{drive.storage}, Datastore.AllocateSpace)"
        )
    old = volume.size if volume else drive.size
    new = parse_size(size.removeprefix("+")) + (old if size.startswith("+") else 0)
    if new < old:
        raise Died(
            "shrinking disks is not supported"
            if guest.type == "qemu"
            else "unable to shrink disk size"
        )
    await worker.work()
    if new == old:
        return
    if volume is not None:
        volume.size = new
    drive.resize(new)
    guest.config[disk] = str(drive)
    file = storage_of(worker.world, drive.volume).type in FILE_TYPES
    if guest.type == "qemu" and guest.running:
        return  # QEMU does it, and says nothing.
    worker.log("Image resized." if file else "Resizing image: 100% complete...done.")
