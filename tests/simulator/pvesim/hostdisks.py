# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of a node and what lies on them (`PVE/Diskmanage.pm`).

Only the structure is simulated: which device holds what, and that it is in use then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from .calls import CallError
from .worker import Died

if TYPE_CHECKING:
    from .entities import Node
    from .worker import Worker

Disk = dict[str, Any]
SYSTEM, SPARE = "/dev/sda", ("/dev/sdb", "/dev/sdc", "/dev/sdd")
SYSTEM_SIZE, SPARE_SIZE = 512 << 30, 1 << 40
NOT_THINPOOL = 140 << 30
"""What the system takes of its volume group."""
LOCK = "/run/lock/pve-diskmanage.lck"
WIPED_MIB = 200
"""How much of a disk is overwritten."""


def disks_of(node: Node) -> list[Disk]:
    """The disks and partitions of a node: as in the world file, else the usual ones."""
    if node.disks is None:
        system = a_disk(node, SYSTEM, max(node.maxdisk, SYSTEM_SIZE)) | {"gpt": 1, "used": "LVM"}
        node.disks = [system, *(a_disk(node, path, SPARE_SIZE) for path in SPARE)]
        pools = {"data": system["size"] - NOT_THINPOOL}
        node.volume_groups.setdefault("pve", {"devices": [SYSTEM], "thinpools": pools})
    return node.disks


def a_disk(node: Node, path: str, size: int) -> Disk:
    """A disk with nothing on it, as `/disks/list` gives it; what is in use has `used`, too."""
    named = f"disk {node.name}" + (f" {path}" if path != SYSTEM else "")
    serial = hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()[:16]
    return {
        "devpath": path,
        "by_id_link": f"/dev/disk/by-id/ata-SIM_{serial}",
        "size": size,
        "type": "ssd",
        "vendor": "ATA",
        "model": "SIMDISK",
        "serial": serial,
        "rpm": 0,
        "gpt": 0,
        "health": "PASSED",
        "wearout": 100,
        "osdid": -1,
        "osdid-list": None,
        "wwn": "unknown",
    }


def block_device(node: Node, path: str) -> Disk:
    """The disk or partition that a path names (verify_blockdev_path)."""
    if not path.startswith("/dev/"):
        raise CallError(500, f"got unusual device path '{path}'")
    for disk in disks_of(node):
        if path in (disk["devpath"], disk.get("by_id_link")):
            return disk
    raise CallError(500, "not a valid block device")


def check_unused(disk: Disk) -> None:
    """Refuse a disk that holds something (assert_disk_unused)."""
    if disk.get("used"):
        raise CallError(500, f"device '{disk['devpath']}' is already in use")


def partitions(node: Node, disk: Disk) -> Iterator[Disk]:
    """The partitions of a disk."""
    return (part for part in disks_of(node) if part.get("parent") == disk["devpath"])


def add_partition(node: Node, disk: Disk, used: str, *, mounted: bool) -> Disk:
    """One partition over all of a disk."""
    part = {k: v for k, v in disk.items() if k in ("type", "size", "gpt", "wearout", "osdid")}
    part |= {"devpath": f"{disk['devpath']}1", "parent": disk["devpath"], "gpt": 1, "used": used}
    part |= {"mounted": 1} if mounted else {}
    listed = disks_of(node)
    listed.insert(listed.index(disk) + 1, part)
    disk |= {"gpt": 1, "used": "partitions"}
    return part


def holding(node: Node, disk: Disk) -> str | None:
    """The device, this one or a partition of it, that a volume group keeps."""
    names = [disk["devpath"], *(part["devpath"] for part in partitions(node, disk))]
    kept = {path for group in node.volume_groups.values() for path in group["devices"]}
    return next((name for name in names if name in kept), None)


def in_zpool(node: Node, disk: Disk) -> bool:
    """Whether ZFS has the device open."""
    return any(disk["devpath"] in pool["devices"] for pool in node.zpools.values())


def disk_lock(worker: Worker) -> AbstractAsyncContextManager[None]:
    """Whoever changes disks of a node is alone (locked_disk_action)."""
    return worker.flock(LOCK)


def wipe(worker: Worker, node: Node, disk: Disk) -> None:
    """Overwrite the beginning of a device, with what the tools print (wipe_blockdev)."""
    path = disk["devpath"]
    below = [part["devpath"] for part in partitions(node, disk)]
    if below:
        worker.log(f"found child partitions to wipe: {', '.join([*below, path])}")
    worker.log(f"wiping block device {path}")
    if in_zpool(node, disk):
        reason = "probing initialization failed: Device or resource busy"
        worker.log(f"wipefs: error: {path}: {reason}")
        raise Died(f"error wiping '{path}': wipefs: error: {path}: {reason}")
    worker.log(f"{WIPED_MIB}+0 records in")
    worker.log(f"{WIPED_MIB}+0 records out")
    size = WIPED_MIB << 20
    worker.log(f"{size} bytes ({size // 1000**2} MB, {WIPED_MIB} MiB) copied, 1 s, 210 MB/s")
    for part in list(partitions(node, disk)):
        disks_of(node).remove(part)
    for key in ("used", "mounted"):
        disk.pop(key, None)
    disk |= {"gpt": 0 if "parent" not in disk else disk["gpt"]}
    disk |= {"osdid": -1, "osdid-list": None}


def wipe_all(worker: Worker, node: Node, paths: Iterable[str]) -> None:
    """Wipe what has become free, whole disks where a partition was all there is on one."""
    for path in paths:
        disk = block_device(node, path)
        parent = disk.get("parent")
        wipe(worker, node, block_device(node, parent) if parent else disk)
