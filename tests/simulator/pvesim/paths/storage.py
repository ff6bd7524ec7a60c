# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storages and their content (`PVE/API2/Storage/Status.pm`, `PVE/API2/Storage/Content.pm`)."""

from __future__ import annotations

import re
from typing import Any

from pvesim.archives import Archive
from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.entities import Storage, Volume
from pvesim.guests import check_allowed
from pvesim.nested import ended_within, is_error
from pvesim.volumes import (
    FILE_TYPES,
    check_file_name,
    content_path,
    file_path,
    find_storage,
    find_volume,
    linked_children,
)
from pvesim.worker import Died, Worker
from pvesim.world import World

BLOCK = 4096
"""What a file takes on a disk is a multiple of it."""


def may_see_storage(call: Call, storage: Storage) -> bool:
    """Whether lists show the storage to this caller."""
    path = f"/storage/{storage.id}"
    return call.caller.may(path, "Datastore.Audit") or call.caller.may(
        path, "Datastore.AllocateSpace"
    )


def _check_seen(call: Call, storage: Storage) -> None:
    if not may_see_storage(call, storage):
        path = f"/storage/{storage.id}"
        wanted = "Datastore.Audit|Datastore.AllocateSpace"
        raise CallError(403, f"Permission check failed ({path}, {wanted})")


@call("GET", "/nodes/{node}/storage")
async def node_storages(world: World, call: Call) -> list[dict[str, Any]]:
    """The storages of a node with what they hold."""
    params = call.params
    content = set(re.split(r"[,; ]+", params.get("content", ""))) - {""}
    node = params.get("target") or call.node
    return [
        _status(storage, call.node)
        for storage in world.storages.values()
        if may_see_storage(call, storage)
        and (storage.nodes is None or (call.node in storage.nodes and node in storage.nodes))
        and params.get("storage", storage.id) == storage.id
        and (not content or content & set(storage.content))
        and not (params.get("enabled") and storage.disable)
        and not (params.get("target") and not storage.shared and node != call.node)
    ]


def _status(storage: Storage, node: str) -> dict[str, Any]:
    used = sum(v.used or v.size for v in storage.volumes if v.node in (None, node))
    used = min(used, storage.total)
    return {
        "storage": storage.id,
        "type": storage.type,
        "content": ",".join(storage.content),
        "shared": int(storage.shared),
        "active": int(not storage.disable),
        "enabled": int(not storage.disable),
        "total": storage.total,
        "used": used,
        "avail": storage.total - used,
        "used_fraction": used / storage.total,
    }


@call("GET", "/nodes/{node}/storage/{storage}/status")
async def storage_status(world: World, call: Call) -> dict[str, Any]:
    """What a storage holds, on one node."""
    if call.params["storage"] not in world.storages:
        raise parameter_error(storage="No such storage.")
    storage = find_storage(world, call.params["storage"], call.node)
    _check_seen(call, storage)
    entry = _status(storage, call.node)
    return {k: v for k, v in entry.items() if k not in ("storage", "used_fraction")}


@call("GET", "/nodes/{node}/storage/{storage}/content")
async def content(world: World, call: Call) -> list[dict[str, Any]]:
    """The volumes of a storage that the caller may see."""
    storage = find_storage(world, call.params["storage"], call.node)
    _check_seen(call, storage)
    wanted, vmid = call.params.get("content"), call.params.get("vmid")
    return [
        _volume(storage, volume)
        for volume in sorted(storage.volumes, key=lambda v: v.volid)
        if volume.node in (None, call.node)
        and wanted in (None, volume.content)
        and vmid in (None, volume.vmid)
        and _may_list(call, storage, volume)
    ]


def _may_list(call: Call, storage: Storage, volume: Volume) -> bool:
    """A guest's volumes are seen by who may see the guest, or manage the storage."""
    if volume.vmid is None:
        return True
    return call.caller.may(f"/storage/{storage.id}", "Datastore.Allocate") or call.caller.may(
        f"/vms/{volume.vmid}", "VM.Audit"
    )


def _volume(storage: Storage, volume: Volume) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "volid": volume.volid,
        "content": volume.content,
        "format": volume.format,
        "size": volume.size,
        "ctime": volume.ctime,
    }
    if volume.vmid is not None:
        entry["vmid"] = volume.vmid
    if storage.type in FILE_TYPES and volume.content in ("images", "rootdir"):
        # qemu-img says so, with the path from the directory of the image.
        parent = volume.parent and f"../{volume.parent.partition(':')[2]}"
        entry |= {"parent": parent, "used": volume.size if volume.used is None else volume.used}
    elif volume.parent is not None:
        entry["parent"] = volume.parent.partition(":")[2]
    archive = Archive.of(volume)
    if archive is not None:
        entry["subtype"] = archive.type
        entry |= {"notes": volume.notes} if volume.notes else {}
        entry |= {"protected": 1} if volume.protected else {}
    return entry


@call("GET", "/nodes/{node}/storage/{storage}/content/{volume}")
async def volume_attributes(world: World, call: Call) -> dict[str, Any]:
    """Path, size and format of one volume."""
    storage, volid = _named(world, call)
    _check_seen(call, storage)
    volume = find_volume(world, volid, call.node)
    if volume is None and storage.type in FILE_TYPES:
        raise CallError(500, f"volume_size_info on '{volid}' failed - no format")
    if volume is None:
        raise CallError(500, f"volume '{volid}' does not exist")
    image = volume.content in ("images", "rootdir")
    entry: dict[str, Any] = {"path": content_path(storage, volume), "size": volume.size}
    entry["used"] = (volume.used or volume.size) if image else -(-volume.size // BLOCK) * BLOCK
    entry["format"] = volume.format if image else "raw"
    if volume.content == "backup":
        entry |= {"notes": volume.notes, "protected": int(volume.protected)}
    return entry


def _named(world: World, call: Call) -> tuple[Storage, str]:
    """The storage of the path, and the volume id, which may leave the storage out."""
    name = str(call.params["volume"])
    volid = name if ":" in name else f"{call.params['storage']}:{name}"
    owner = volid.partition(":")[0]
    if owner != call.params["storage"]:
        text = f"storage ID mismatch ({owner} != {call.params['storage']})\n"
        raise parameter_error(volume=text)
    storage = find_storage(world, owner, call.node)
    if storage.type in FILE_TYPES:
        check_file_name(volid)
    return storage, volid


@call("GET", "/nodes/{node}/storage/{storage}/file-restore/list")
async def backed_up_files(world: World, call: Call) -> None:
    """What is inside a backup: only a Proxmox Backup Server can list it, and none is simulated."""
    find_storage(world, call.params["storage"], call.node)
    raise parameter_error(storage="Only PBS storages supported for file-restore.")


def owner_of(volid: str) -> int | None:
    """The VMID in the name of a volume, which need not be there."""
    match = re.search(r"vzdump-\w+-(\d+)-|(?:vm|base|subvol)-(\d+)-", volid)
    return int(match[1] or match[2]) if match else None


def _check_missing(worker: Worker, storage: Storage, volid: str) -> None:
    """A file that is not there is as good as removed, with a warning that does not count."""
    if storage.type not in FILE_TYPES:
        raise Died(f"volume '{volid}' does not exist")
    worker.log(f"disk image '{file_path(storage, volid)}' does not exist")
    worker.log(f"Removed volume '{volid}'")


@call("DELETE", "/nodes/{node}/storage/{storage}/content/{volume}")
async def delete_volume(world: World, call: Call) -> str | None:
    """Remove a volume in a task, which is waited for as long as `delay` says."""
    storage, volid = _named(world, call)
    volume = find_volume(world, volid, call.node)
    vmid = volume.vmid if volume else owner_of(volid)
    backup = volume is not None and volume.content == "backup"
    if backup and call.caller.may(f"/vms/{vmid}", "VM.Backup"):
        check_allowed(call, f"/storage/{storage.id}", "Datastore.AllocateSpace")
    else:
        check_allowed(call, f"/storage/{storage.id}", "Datastore.Allocate")

    async def work(worker: Worker) -> None:
        async with worker.storage_lock(storage):
            volume = find_volume(world, volid, worker.node)
            if volume is None:
                _check_missing(worker, storage, volid)
                return
            if volume.protected:
                name = volid.partition(":")[2]
                raise Died(f"cannot remove protected volume '{name}' on '{storage.id}'")
            if linked_children(world, volid):
                raise Died(f"base volume '{volid}' is still in use by linked cloned")
            await worker.work()
            storage.volumes.remove(volume)
        worker.log(f"Removed volume '{volid}'")

    ident = f"{vmid}@{storage.id}" if vmid is not None else storage.id
    upid = world.tasks.start(call.node, call.caller.authid, "imgdel", ident, work)
    task = await ended_within(world, upid, int(call.params.get("delay") or 0))
    if task is None:
        return upid
    if is_error(task.exitstatus):
        raise CallError(500, task.exitstatus)
    return None


@call("PUT", "/nodes/{node}/storage/{storage}/content/{volume}")
async def change_volume(world: World, call: Call) -> None:
    """Change the notes of a backup, or protect it."""
    storage, volid = _named(world, call)
    volume = find_volume(world, volid, call.node)
    if volume is None:
        raise CallError(500, f"volume '{volid}' does not exist")
    check_allowed(call, f"/storage/{storage.id}", "Datastore.Allocate")
    volume.notes = str(call.params.get("notes", volume.notes))
    volume.protected = bool(call.params.get("protected", volume.protected))
