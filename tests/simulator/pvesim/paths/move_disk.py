# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving disks of VMs to other storages or other VMs (`PVE/API2/Qemu.pm`, move_vm_disk)."""

from __future__ import annotations

from dataclasses import replace

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.copying import copy_disk
from pvesim.drives import QEMU_UNUSED, Drive
from pvesim.entities import Guest, Storage, Volume
from pvesim.guests import (
    as_death,
    check_allowed,
    check_digest,
    check_lock,
    check_writable,
    find,
    guest_of,
    reload,
)
from pvesim.options import drive_pattern
from pvesim.reassign import free_unused, take_over
from pvesim.volumes import FILE_TYPES, find_storage, find_volume, free
from pvesim.worker import Died, Worker
from pvesim.world import World

from .config import put_config


@call("POST", "/nodes/{node}/qemu/{vmid}/move_disk")
async def move_disk(world: World, call: Call) -> str:
    """Copy a disk to another storage, or give it to another VM of the node."""
    guest = guest_of(world, call)
    if ("target-vmid" in call.params) == ("storage" in call.params):
        text = "either set storage or target-vmid, but not both"
        raise CallError(400, f"{text}\n")
    if "target-vmid" in call.params:
        return _reassign(world, call, guest)
    return _to_storage(world, call, guest)


def _drive(call: Call, guest: Guest) -> Drive:
    """The disk to move; raises CallError for what cannot be moved."""
    key = str(call.params["disk"])
    check_lock(guest)
    check_digest(call, guest.config)
    if key not in guest.config:
        raise CallError(500, f"disk '{key}' does not exist")
    drive = Drive.parse(key, str(guest.config[key]))
    if drive.storage is None:
        raise CallError(500, f"disk '{key}' has no associated volume")
    if drive.cdrom and not drive.cloudinit:
        raise CallError(500, "you can't move a cdrom")
    return drive


def _to_storage(world: World, call: Call, guest: Guest) -> str:
    storage = find_storage(world, call.params["storage"], call.node)
    check_allowed(call, f"/storage/{storage.id}", "Datastore.AllocateSpace")
    origin, form = _check_copy(world, call, guest, storage)

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            drive = _drive(call, reload(worker, guest))
            _check_copy(world, call, guest, storage)
            worker.log(
                f"copying volume '{drive.volume}' from current storage '{drive.storage}' "
                f"to target storage '{storage.id}'"
            )
            worker.log(f"create full clone of drive {drive.key} ({drive.volume})")
            params = {**call.params, "newid": guest.vmid}
            try:
                copy = await copy_disk(worker, origin, drive, storage, form, 1.0, params)
            except Died as exc:
                raise exc.prefixed("storage migration failed: ") from exc
            _use(worker, guest, drive, copy, delete=bool(call.params.get("delete")))

    return world.tasks.start(call.node, call.caller.authid, "qmmove", guest.vmid, work)


def _check_copy(world: World, call: Call, guest: Guest, storage: Storage) -> tuple[Volume, str]:
    """The volume to copy and its new format."""
    drive = _drive(call, guest)
    if "images" not in storage.content:
        raise parameter_error(storage=f"storage '{storage.id}' does not support vm images")
    origin = find_volume(world, drive.volume, guest.node)
    if origin is None:
        raise CallError(500, f"volume '{drive.volume}' does not exist")
    form = call.params.get("format", origin.format) if storage.type in FILE_TYPES else "raw"
    if storage.id == drive.storage and form == origin.format:
        raise CallError(500, "you can't move to the same storage with same format")
    if call.params.get("delete") and guest.snapshots:
        raise CallError(500, "you can't move a disk with snapshots and delete the source")
    return origin, form


def _use(worker: Worker, guest: Guest, drive: Drive, copy: Volume, *, delete: bool) -> None:
    """The config names the copy; the source is removed, or stays as an unused disk."""
    try:
        check_writable(worker.world, worker, guest)
    except CallError as exc:
        free(worker.world, copy.volid, guest.node)
        raise Died(f"storage migration failed: {exc.message}") from exc
    old, drive.volume = drive.volume, copy.volid
    drive.options.pop("format", None)
    guest.config[drive.key] = str(drive)
    if delete:
        worker.log(f"removing source volume '{old}' after successful copy")
        free(worker.world, old, guest.node)
    else:
        unused = free_unused(guest)
        worker.log(f"adding source volume '{old}' as '{unused}' to config")
        guest.config[unused] = old


def _reassign(world: World, call: Call, guest: Guest) -> str:
    """Give a disk to another VM: the volume gets another name, nothing is copied."""
    drive = _drive(call, guest)
    vmid = int(call.params["target-vmid"])
    if vmid == guest.vmid:
        raise parameter_error(**{"target-vmid": "must be different than source VMID to reassign"})
    target = find(world, "qemu", call.node, vmid)
    check_allowed(call, f"/vms/{vmid}", "VM.Config.Disk")
    wanted = str(call.params.get("target-disk", drive.key))
    _check_reassign(guest, target, drive, wanted)

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), worker.guest_lock(target), as_death():
            check_lock(reload(worker, guest))
            check_lock(reload(worker, target))
            check_writable(world, worker, guest)
            again = _drive(call, guest)
            _check_reassign(guest, target, again, wanted)
            await worker.work()
            take_over(worker, guest, target, again, wanted)

    ident = f"{guest.vmid}-{drive.key}>{vmid}-{wanted}"
    return world.tasks.start(call.node, call.caller.authid, "qmmove", ident, work)


def _check_reassign(guest: Guest, target: Guest, drive: Drive, wanted: str) -> None:
    if guest.template or target.template:
        raise CallError(500, "Can't move disks from or to template VMs")
    if guest.running and not QEMU_UNUSED.fullmatch(drive.key):
        raise CallError(500, f"Can't move disk '{drive.key}' while VM is running")
    if not drive_pattern("qemu").fullmatch(wanted) and not QEMU_UNUSED.fullmatch(wanted):
        raise parameter_error(**{"target-disk": "invalid disk name"})
    if wanted in target.config:
        text = f"Target disk key '{wanted}' is already in use for VM '{target.vmid}'"
        raise CallError(500, text)


@call("PUT", "/nodes/{node}/qemu/{vmid}/unlink")
async def unlink(world: World, call: Call) -> None:
    """Detach disks, or with force remove their volumes: a change of the config."""
    params = {key: value for key, value in call.params.items() if key != "idlist"}
    await put_config(world, replace(call, params={**params, "delete": call.params["idlist"]}))
