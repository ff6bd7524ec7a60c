# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving volumes of containers to other storages or containers (`PVE/API2/LXC.pm`, move_volume).

The call itself puts `lock: disk` into the config, which the task takes away at its end.
"""

from __future__ import annotations

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.containers import make_volume, rsync_report
from pvesim.drives import LXC_DRIVE, QEMU_UNUSED, Drive
from pvesim.entities import Guest, Storage, Volume
from pvesim.guests import (
    api_lock,
    as_death,
    check_allowed,
    check_digest,
    check_lock,
    check_writable,
    find,
    guest_of,
    reload,
)
from pvesim.reassign import free_unused, take_over
from pvesim.volumes import find_storage, find_volume, free
from pvesim.worker import Died, Worker
from pvesim.world import World


@call("POST", "/nodes/{node}/lxc/{vmid}/move_volume")
async def move_volume(world: World, call: Call) -> str:
    """Copy a volume to another storage, or give it to another container of the node."""
    guest = guest_of(world, call)
    if ("target-vmid" in call.params) == ("storage" in call.params):
        raise CallError(400, "either set storage or target-vmid, but not both\n")
    if "target-vmid" in call.params:
        return _reassign(world, call, guest)
    return await _to_storage(world, call, guest)


def _drive(call: Call, guest: Guest) -> Drive:
    key = str(call.params["volume"])
    check_lock(guest)
    check_digest(call, guest.config)
    if key not in guest.config:
        missing = "property is missing and it is not optional"
        raise CallError(500, "format error", {"mp": missing, "volume": missing})
    drive = Drive.parse(key, str(guest.config[key]))
    if drive.storage is None:
        kind = "device" if drive.volume.startswith("/dev") else "bind"
        raise CallError(500, f"cannot move {kind} mounts")
    return drive


def _movable(call: Call, guest: Guest, storage: Storage) -> Drive:
    """The volume to copy; raises CallError for what cannot be copied there."""
    drive = _drive(call, guest)
    if guest.running:
        raise CallError(500, "cannot move volumes of a running container")
    if drive.storage == storage.id:
        raise CallError(500, "source and destination storage are the same")
    if call.params.get("delete") and guest.snapshots:
        raise CallError(500, "you can't move a volume with snapshots and delete the source")
    return drive


async def _to_storage(world: World, call: Call, guest: Guest) -> str:
    name = str(call.params["storage"])
    check_allowed(call, f"/storage/{name}", "Datastore.AllocateSpace")
    if name not in world.storages:

        async def fail(_worker: Worker) -> None:
            raise Died(f"storage '{name}' does not exist")

        return world.tasks.start(call.node, call.caller.authid, "move_volume", guest.vmid, fail)
    storage = find_storage(world, name, call.node)
    if "rootdir" not in storage.content:
        text = f"storage '{storage.id}' does not support container directories"
        raise parameter_error(storage=text)
    async with api_lock(world, "lxc", guest.node, guest.vmid):
        drive = _movable(call, guest, storage)
        check_writable(world, None, guest)
        guest.config["lock"] = "disk"

    async def work(worker: Worker) -> None:
        made: list[Volume] = []
        try:
            new = await _copy(worker, guest, drive, storage, made)
        except Died as exc:
            for volume in made:
                free(world, volume.volid, worker.node)
            guest.config.pop("lock", None)
            raise exc.prefixed("volume move failed: ") from exc
        guest.config.pop("lock", None)
        guest.config[drive.key] = str(new)
        if call.params.get("delete"):
            free(world, drive.volume, guest.node)
        else:
            guest.config[free_unused(guest)] = drive.volume

    return world.tasks.start(call.node, call.caller.authid, "move_volume", guest.vmid, work)


async def _copy(
    worker: Worker, guest: Guest, drive: Drive, storage: Storage, made: list[Volume]
) -> Drive:
    new = await make_volume(worker, guest.vmid, drive, storage.id, drive.size, made)
    await worker.work()
    origin = find_volume(worker.world, drive.volume, guest.node)
    made[-1].used = origin.used if origin is not None else None
    rsync_report(worker, drive.size, made[-1].used)
    return new


def _reassign(world: World, call: Call, guest: Guest) -> str:
    """Give a volume to another container: it gets another name, nothing is copied."""
    drive = _drive(call, guest)
    vmid = int(call.params["target-vmid"])
    if vmid == guest.vmid:
        text = "must be different than source VMID to move volume to another container"
        raise parameter_error(**{"target-vmid": text})
    target = find(world, "lxc", call.node, vmid)
    check_allowed(call, f"/vms/{vmid}", "VM.Config.Disk")
    wanted = str(call.params.get("target-volume", drive.key))
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
    return world.tasks.start(call.node, call.caller.authid, "move_volume", ident, work)


def _check_reassign(guest: Guest, target: Guest, drive: Drive, wanted: str) -> None:
    if drive.key == "rootfs" or wanted == "rootfs":
        raise CallError(500, "Can't move to/from 'rootfs'")
    if guest.template or target.template:
        raise CallError(500, "Can't move volumes from or to template CT")
    if guest.running and not QEMU_UNUSED.fullmatch(drive.key):
        raise CallError(500, f"Can't move volume '{drive.key}' while container is running")
    if not LXC_DRIVE.fullmatch(wanted) and not QEMU_UNUSED.fullmatch(wanted):
        raise parameter_error(**{"target-volume": "invalid volume name"})
    if wanted in target.config:
        text = f"Target volume key '{wanted}' is already in use for container '{target.vmid}'"
        raise CallError(500, text)
