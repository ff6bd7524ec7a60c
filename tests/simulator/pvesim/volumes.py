# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes: their names on each type of storage, their allocation and removal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .calls import CallError
from .entities import Storage, Volume
from .worker import Died

if TYPE_CHECKING:
    from .worker import Worker
    from .world import World

FILE_TYPES = ("dir", "nfs", "cifs", "btrfs", "cephfs")
TEMPLATE_SUFFIXES = (".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar")
FOLDERS = {"vztmpl": "template/cache", "iso": "template/iso", "backup": "dump"}
FILE_NAME = re.compile(
    r"(?:vztmpl|iso|backup|snippets|import)/[^/]+"
    r"|(?:\d+/[^/]+/)?\d+/[^/]+\.(?:raw|qcow2|vmdk|subvol)"
)
CLEANUP = 1.05
"""Seconds that a failed clone waits until storages have let go, and removes its volumes."""
QCOW2_LINKED = (
    "cluster_size=131072 extended_l2=on preallocation=metadata compression_type=zlib size={size} "
    "backing_file=../{base} backing_fmt={format} lazy_refcounts=off refcount_bits=16"
)
QCOW2 = "cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib"


def volume_format(volid: str) -> str:
    """The format that a volume id shows, raw where it shows none."""
    for suffix in TEMPLATE_SUFFIXES:
        if volid.endswith(suffix):
            return {".tar.gz": "tgz", ".tar.xz": "txz", ".tar.zst": "tzst"}.get(suffix, "tar")
    match = re.search(r"\.(qcow2|vmdk|raw|iso|subvol)$", volid)
    return match.group(1) if match else "raw"


def find_storage(world: World, name: str, node: str) -> Storage:
    """An enabled storage of a node, with the errors of `PVE/Storage.pm`."""
    storage = world.storages.get(name)
    if storage is None:
        raise CallError(500, f"storage '{name}' does not exist")
    if storage.disable:
        raise CallError(500, f"storage '{name}' is disabled")
    if storage.nodes is not None and node not in storage.nodes:
        raise CallError(500, f"storage '{name}' is not available on node '{node}'")
    return storage


def storage_of(world: World, volid: str | None) -> Storage:
    """The storage that a volume id names."""
    name = str(volid).partition(":")[0]
    storage = world.storages.get(name)
    if storage is None:
        raise CallError(500, f"storage '{name}' does not exist")
    return storage


def find_volume(world: World, volid: str, node: str) -> Volume | None:
    """The volume as a node sees it."""
    storage = world.storages.get(volid.partition(":")[0])
    if storage is None:
        return None
    for volume in storage.volumes:
        if volume.volid == volid and volume.node in (None, node):
            return volume
    return None


def default_format(storage: Storage) -> str:
    """The format of a new disk that asks for none; the web interface asks for qcow2 on files."""
    return str(storage.options.get("format", "raw"))


def disk_name(storage: Storage, vmid: int, form: str, *, base: str | None = None) -> str:
    """The name of the next free disk of a guest; `base` is the volume a linked clone rests on."""
    taken = {volume.volid for volume in storage.volumes}
    number = 0
    while True:
        name = f"vm-{vmid}-disk-{number}"
        if storage.type in FILE_TYPES:
            name = f"{vmid}/{name}.{form}"
        known = any(re.search(rf"(?:vm|base)-{vmid}-disk-{number}(?:\D|$)", v) for v in taken)
        if not known:
            parent = base.partition(":")[2] if base else ""
            linked = parent and storage.type != "lvmthin"
            return f"{storage.id}:{parent}/{name}" if linked else f"{storage.id}:{name}"
        number += 1


def cloudinit_name(storage: Storage, vmid: int) -> str:
    """The name of a guest's cloud-init drive."""
    if storage.type in FILE_TYPES:
        return f"{storage.id}:{vmid}/vm-{vmid}-cloudinit.qcow2"
    return f"{storage.id}:vm-{vmid}-cloudinit"


def state_name(storage: Storage, vmid: int, snapshot: str) -> str:
    """The name of the volume that holds the memory of a VM with a snapshot."""
    name = f"vm-{vmid}-state-{snapshot}"
    return (
        f"{storage.id}:{vmid}/{name}.raw" if storage.type in FILE_TYPES else f"{storage.id}:{name}"
    )


async def allocate(
    worker: Worker,
    storage: Storage,
    content: str,
    vmid: int,
    size: int,
    form: str,
    *,
    parent: str | None = None,
    name: str | None = None,
) -> Volume:
    """Allocate a volume under the lock of the storage and say so in the log."""
    async with worker.storage_lock(storage):
        if sum(v.size for v in storage.volumes if v.node in (None, worker.node)) > storage.total:
            raise Died(f"no space left on storage '{storage.id}'")
        if storage.alloc_seconds:
            await worker.sleep(storage.alloc_seconds)
        volid = name or disk_name(storage, vmid, form, base=parent)
        volume = Volume(volid, content, form, size, vmid, int(worker.now()))
        volume.node = None if storage.shared else worker.node
        volume.parent = parent
        storage.volumes.append(volume)
    if parent is None:
        _announce(worker, storage, volume)
    elif storage.type in FILE_TYPES:
        _announce_linked(worker, storage, volume)
    return volume


def _announce_linked(worker: Worker, storage: Storage, volume: Volume) -> None:
    """What a storage of files prints about a volume that rests on another one."""
    base = str(volume.parent).partition(":")[2]
    name = volume.volid.rpartition("/")[2]
    worker.log(f"clone {base}: images, {name}, {volume.vmid} to {name} (base=../{base})")
    how = QCOW2_LINKED.format(size=volume.size, base=base, format=volume_format(base))
    worker.log(f"Formatting '{volume_path(storage, volume)}', fmt=qcow2 {how}")


def formatting(storage: Storage, volume: Volume) -> str:
    """What qemu-img prints about a new volume on a storage of files."""
    how = f"{QCOW2} size={volume.size} lazy_refcounts=off refcount_bits=16"
    if volume.format != "qcow2":
        preallocation = storage.options.get("preallocation", "off")
        how = f"size={volume.size} preallocation={preallocation}"
    return f"Formatting '{volume_path(storage, volume)}', fmt={volume.format} {how}"


def _announce(worker: Worker, storage: Storage, volume: Volume) -> None:
    """What the tools of the storage print about a new volume."""
    if storage.type in FILE_TYPES:
        worker.log(formatting(storage, volume))
    elif storage.type in ("lvm", "lvmthin"):
        worker.log(f'  Logical volume "{volume.volid.rpartition(":")[2]}" created.')


def storage_path(storage: Storage) -> str:
    """Where a storage of files has its folders; `local` is what every installation begins with."""
    usual = "/var/lib/vz" if storage.id == "local" else f"/mnt/pve/{storage.id}"
    return str(storage.options.get("path", usual))


def volume_path(storage: Storage, volume: Volume) -> str:
    """Where the volume lies, as commands in logs and errors name it."""
    name = volume.volid.partition(":")[2].rpartition("/")[2]
    if storage.type in FILE_TYPES:
        path = storage_path(storage)
        return f"{path}/images/{volume.vmid}/{name}"
    if storage.type == "rbd":
        pool = storage.options.get("pool", storage.id)
        return f"rbd:{pool}/{name}:conf=/etc/pve/ceph.conf:id=admin"
    return f"/dev/{storage.options.get('vgname', storage.id)}/{name}"


def content_path(storage: Storage, volume: Volume) -> str:
    """Where a volume of any content lies."""
    if storage.type not in FILE_TYPES or volume.content in ("images", "rootdir"):
        return volume_path(storage, volume)
    folder, _unused, name = volume.volid.partition(":")[2].rpartition("/")
    where = FOLDERS.get(folder, folder)
    return f"{storage_path(storage)}/{where}/{name}"


def file_path(storage: Storage, volid: str) -> str:
    """Where a storage of files looks for a volume, whether it is there or not."""
    folder, _unused, name = volid.partition(":")[2].rpartition("/")
    where = FOLDERS.get(folder, f"images/{folder}" if folder.isdigit() else folder)
    return f"{storage_path(storage)}/{where}/{name}"


def check_file_name(volid: str) -> None:
    """Refuse an invalid name of a volume on file storage."""
    name = volid.partition(":")[2]
    if not FILE_NAME.fullmatch(name):
        raise CallError(500, f"unable to parse directory volume name '{name}'")


def free(world: World, volid: str, node: str) -> None:
    """Remove a volume."""
    volume = find_volume(world, volid, node)
    if volume is not None:
        storage_of(world, volid).volumes.remove(volume)


def linked_children(world: World, volid: str) -> list[Volume]:
    """The volumes that rest on a base volume."""
    return [v for v in storage_of(world, volid).volumes if v.parent == volid]
