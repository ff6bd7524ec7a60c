# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turning guests into templates (`PVE/API2/Qemu.pm`, `PVE/API2/LXC.pm`)."""

from __future__ import annotations

from pvesim.calls import Call, CallError, call
from pvesim.drives import disks
from pvesim.entities import Guest
from pvesim.guests import as_death, check_lock, check_quorum, guest_of, reload
from pvesim.volumes import find_volume
from pvesim.worker import Worker
from pvesim.world import World


def convert(world: World, guest: Guest) -> None:
    """The disks become base volumes."""
    for drive in disks(guest.type, guest.config):
        if drive.cloudinit:
            continue
        volume = find_volume(world, drive.volume, guest.node)
        head, slash, name = drive.volume.rpartition("/")
        if not slash:
            head, slash, name = drive.volume.rpartition(":")
        drive.volume = head + slash + name.replace("vm-", "base-", 1)
        if volume is not None:
            volume.volid = drive.volume
        guest.config[drive.key] = str(drive)
    guest.config["template"] = 1


@call("POST", "/nodes/{node}/qemu/{vmid}/template")
async def template_vm(world: World, call: Call) -> str:
    """Make a template of a stopped VM."""
    guest = guest_of(world, call)
    _check(world, guest)

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            check_lock(reload(worker, guest))
            await worker.work()
            convert(world, guest)

    return world.tasks.start(call.node, call.caller.authid, "qmtemplate", guest.vmid, work)


@call("POST", "/nodes/{node}/lxc/{vmid}/template")
async def template_ct(world: World, call: Call) -> None:
    """Make a template of a stopped container: a task runs, the answer does not name it."""
    guest = guest_of(world, call)
    _check(world, guest)

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            check_lock(reload(worker, guest))
            await worker.work()
            convert(world, guest)

    world.tasks.start(call.node, call.caller.authid, "vztemplate", guest.vmid, work)


def _check(world: World, guest: Guest) -> None:
    """What is refused before a task starts."""
    check_lock(guest)
    check_quorum(world)
    label = guest.label
    if guest.snapshots:
        raise CallError(500, f"unable to create template, because {label} contains snapshots")
    if guest.template:
        raise CallError(500, "you can't convert a template to a template")
    if guest.running:
        which = "VM" if guest.type == "qemu" else "the CT"
        text = f"you can't convert a {label} to template if {which} is running"
        raise CallError(500, text)
