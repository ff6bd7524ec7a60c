# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloning a VM (`PVE/API2/Qemu.pm`, clone_vm).

The source is locked shared when it is stopped and exclusively when it runs, the target always
exclusively, each with one second of patience; both are held for the whole copy.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

from pvesim.calls import Call, CallError, call
from pvesim.clone_checks import Request, check, source_config
from pvesim.copying import copy_disk
from pvesim.drives import NET, Drive, disks, with_mac
from pvesim.entities import CONFIG_VALUE, OF_STATE, Guest, Storage, Volume
from pvesim.guests import (
    as_death,
    check_writable,
    config_file,
    forget,
    new_mac,
    new_uuid,
    writable,
)
from pvesim.locks import CLONE_PATIENCE, guest_lock_file
from pvesim.volumes import (
    CLEANUP,
    FILE_TYPES,
    allocate,
    cloudinit_name,
    find_volume,
    free,
    storage_of,
)
from pvesim.worker import Died, Worker
from pvesim.world import World

TEMPORARY = " qmclone temporary file"
NOT_COPIED = ("lock", "template", "parent", "snaptime", "description", *OF_STATE)


@call("POST", "/nodes/{node}/qemu/{vmid}/clone")
async def clone(world: World, call: Call) -> str:
    """Start a clone; the UPID names the source only."""
    params = dict(call.params)
    request = Request(params["vmid"], params["newid"], call.node, params, call)
    source, full = check(world, request)
    running = source.running

    async def work(worker: Worker) -> None:
        async with AsyncExitStack() as locks:
            for vmid, shared in ((request.vmid, not running), (request.newid, False)):
                path = guest_lock_file("qemu", vmid)
                lock = worker.flock(path, shared=shared, patience=CLONE_PATIENCE)
                await locks.enter_async_context(lock)
            await _clone(world, worker, request, running)

    pace = "qmclone" if full else "qmclone.linked"
    return world.tasks.start(
        call.node,
        call.caller.authid,
        "qmclone",
        request.vmid,
        work,
        target=request.newid,
        pace=pace,
    )


async def _clone(world: World, worker: Worker, request: Request, running: bool) -> None:
    """The worker under its locks: the temporary config, the copies, the final config."""
    try:
        source, full = check(world, request)
    except CallError as exc:
        raise Died(exc.message) from exc
    if source.running != running:
        raise Died("unexpected state change")
    worker.log(f"creating a clone of VM {request.vmid} with ID {request.newid}")
    if request.newid in world.guests:
        name = config_file("qemu", request.node, request.newid)
        raise Died(f"close (rename) atomic file '/etc/pve/{name}' failed: File exists")
    target = Guest(request.newid, "qemu", request.node)
    target.config = {"lock": "clone", "description": TEMPORARY}
    world.guests[request.newid] = target
    config = source_config(source, request.params.get("snapname"))
    made: list[Volume] = []
    try:
        final = await _copy(world, worker, request, config, full, made)
        async with as_death():
            check_writable(world, worker, target)
    except Died as exc:
        await _undo(world, worker, target, made)
        raise exc.prefixed("clone failed: ") from exc
    target.config = final
    if request.target is not None:
        target.node = request.target
    if request.params.get("pool"):
        world.pools[request.params["pool"]].members.add(target.vmid)


async def _undo(world: World, worker: Worker, target: Guest, made: list[Volume]) -> None:
    """Remove what a clone has made so far; its config stays where /etc/pve takes nothing."""
    await worker.sleep(CLEANUP)
    for volume in made:
        free(world, volume.volid, worker.node)
    if writable(world, worker.node):
        forget(world, target)


async def _copy(
    world: World,
    worker: Worker,
    request: Request,
    config: dict[str, CONFIG_VALUE],
    full: bool,
    made: list[Volume],
) -> dict[str, CONFIG_VALUE]:
    """Copy every disk and return the config of the clone."""
    final = _new_config(world, request, config)
    drives = list(disks("qemu", config))
    total = sum(drive.size for drive in drives) or 1
    for drive in drives:
        storage = storage_of(world, request.params.get("storage", drive.storage))
        if drive.cloudinit:
            final[drive.key] = await _cloudinit(worker, storage, request.newid, made)
            continue
        share = drive.size / total
        if full:
            volume = await _full(world, worker, request, drive, storage, share)
        else:
            worker.log(f"create linked clone of drive {drive.key} ({drive.volume})")
            volume = await allocate(
                worker,
                storage,
                "images",
                request.newid,
                drive.size,
                _format(world, drive, worker),
                parent=drive.volume,
            )
            made.append(volume)
            await worker.work(share)
        if volume not in made:
            made.append(volume)
        final[drive.key] = str(Drive(drive.key, volume.volid, dict(drive.options)))
    worker.judge()
    return final


def _format(world: World, drive: Drive, worker: Worker) -> str:
    volume = find_volume(world, drive.volume, worker.node)
    return volume.format if volume else "raw"


async def _full(
    world: World, worker: Worker, request: Request, drive: Drive, storage: Storage, share: float
) -> Volume:
    """Copy one disk as a whole."""
    origin = find_volume(world, drive.volume, worker.node)
    if origin is None:
        raise Died(f"volume '{drive.volume}' does not exist")
    worker.log(f"create full clone of drive {drive.key} ({drive.volume})")
    form = request.params.get("format", origin.format)
    if storage.type not in FILE_TYPES:
        form = "raw"
    return await copy_disk(worker, origin, drive, storage, form, share, request.params)


async def _cloudinit(worker: Worker, storage: Storage, vmid: int, made: list[Volume]) -> str:
    """A new cloud-init drive: it is generated, not copied."""
    name = cloudinit_name(storage, vmid)
    made.append(await allocate(worker, storage, "images", vmid, 4 << 20, "raw", name=name))
    return f"{name},media=cdrom"


def _new_config(
    world: World, request: Request, config: dict[str, CONFIG_VALUE]
) -> dict[str, CONFIG_VALUE]:
    """The config of the source with another name, other MAC addresses and other ids."""
    final = {k: v for k, v in config.items() if k not in NOT_COPIED and "unused" not in k}
    for key, value in final.items():
        if NET.fullmatch(key):
            final[key] = with_mac(str(value), new_mac(world))
    if "smbios1" in final:
        final["smbios1"] = f"uuid={new_uuid(world)}"
    if "vmgenid" in final:
        final["vmgenid"] = new_uuid(world)
    name = request.params.get("name") or f"Copy-of-VM-{config.get('name', request.vmid)}"
    final["name"] = name
    if request.params.get("description"):
        final["description"] = request.params["description"]
    return final
