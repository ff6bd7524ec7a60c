# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating a VM (`PVE/API2/Qemu.pm`, create_vm)."""

from __future__ import annotations

from typing import Any

from pvesim.autostart import autostart
from pvesim.calls import Call, CallError, call
from pvesim.drives import NET, Drive, drives
from pvesim.entities import CONFIG_VALUE, Guest, Volume
from pvesim.guests import (
    api_lock,
    as_death,
    check_pool,
    check_quorum,
    check_unused,
    check_writable,
    forget,
    new_uuid,
    writable,
)
from pvesim.options import NOT_OPTIONS, check_drives, drive_pattern, make_drive, plain_value
from pvesim.rights import check_options, check_paths
from pvesim.volumes import free
from pvesim.worker import Died, Worker
from pvesim.world import World

from .qemu_restore import restore_vm

NEVER_BOOTED = ("efidisk0", "tpmstate0")
NOT_CONFIG = NOT_OPTIONS | {
    "pool",
    "start",
    "storage",
    "unique",
    "archive",
    "force",
    "bwlimit",
    "live-restore",
    "ha-managed",
}


@call("POST", "/nodes/{node}/qemu")
async def create(world: World, call: Call) -> str:
    """Create a VM: the config exists, locked, when the answer comes."""
    vmid = int(call.params["vmid"])
    if call.params.get("archive"):
        return await restore_vm(world, call)
    check_quorum(world)
    check_pool(world, call.params.get("pool"))
    if not call.caller.may(f"/vms/{vmid}", "VM.Allocate") and not (
        call.params.get("pool") and call.caller.may(f"/pool/{call.params['pool']}", "VM.Allocate")
    ):
        raise CallError(403, "Permission check failed")
    options = {k: v for k, v in call.params.items() if k not in NOT_CONFIG}
    check_options(call, "qemu", vmid, options)
    check_paths(call, "qemu", options)
    check_drives(world, call, "qemu", options)
    guest = Guest(vmid, "qemu", call.node, {"lock": "create"})
    async with api_lock(world, "qemu", call.node, vmid, patience=5.0):
        check_unused(world, vmid, prefix=f"unable to create VM {vmid} - ")
        world.guests[vmid] = guest

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            await _create(world, call, worker, guest, options)
        await autostart(worker, call, guest)

    return world.tasks.start(call.node, call.caller.authid, "qmcreate", vmid, work, target=vmid)


async def _create(
    world: World, call: Call, worker: Worker, guest: Guest, options: dict[str, Any]
) -> None:
    """Make the disks and write the config; on failure nothing is left."""
    made: list[Volume] = []
    try:
        config = await _config(world, worker, guest.vmid, options, made)
        await worker.work()
        async with as_death():
            check_writable(world, worker, guest)
    except Died as exc:
        for volume in made:
            free(world, volume.volid, worker.node)
        if writable(world, worker.node):
            forget(world, guest)
        raise exc.prefixed(f"unable to create VM {guest.vmid} - ") from exc
    guest.config = config
    if call.params.get("pool"):
        world.pools[call.params["pool"]].members.add(guest.vmid)


def _boot_order(config: dict[str, CONFIG_VALUE]) -> list[str]:
    """The first disk, the first CD and the first network, where there are any."""
    found = [drive for drive in drives("qemu", config) if drive.key not in NEVER_BOOTED]
    kinds = (
        [drive.key for drive in found if not drive.cdrom],
        [drive.key for drive in found if drive.cdrom and not drive.cloudinit],
        sorted(key for key in config if NET.fullmatch(key)),
    )
    return [keys[0] for keys in kinds if keys]


async def _config(
    world: World, worker: Worker, vmid: int, options: dict[str, Any], made: list[Volume]
) -> dict[str, CONFIG_VALUE]:
    """The config of the new VM, its disks made."""
    config: dict[str, CONFIG_VALUE] = {}
    for key, value in options.items():
        if drive_pattern("qemu").fullmatch(key):
            drive = Drive.parse(key, str(value))
            config[key] = await make_drive(worker, "qemu", vmid, drive, made)
        else:
            config[key] = plain_value(world, key, value)
    if boot := _boot_order(config):
        config.setdefault("boot", f"order={';'.join(boot)}")
    config["meta"] = f"creation-qemu=10.1.2,ctime={int(worker.now())}"
    config.setdefault("smbios1", f"uuid={new_uuid(world)}")
    config.setdefault("vmgenid", new_uuid(world))
    return config
