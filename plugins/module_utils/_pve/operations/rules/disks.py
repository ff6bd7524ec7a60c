# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about the disks of guests."""

from __future__ import annotations

import re
import typing as t

from ...api.errors import UsageError
from ...guests.volumes import DRIVE, format_of_volume, size_in_bytes, storage_of, volume_of
from .situation import NOTHING, Need, missing

if t.TYPE_CHECKING:
    from .situation import Situation

_UNUSED = re.compile(r"unused\d+\Z")


def unless_as_large(there: Situation) -> Need:
    """A disk grows and never shrinks."""
    params, current = there.params, there.current
    disk, size = str(params.get("disk") or ""), str(params.get("size") or "")
    if not disk or not size:
        raise UsageError("params: resize needs disk and size, such as scsi0 and 32G or +8G")
    if disk not in current.values:
        raise UsageError(f"params: {there.guest.title} has no disk {disk!r}")
    wanted, have = size_in_bytes(size.lstrip("+")), current.disk_size(disk)
    if wanted is None:
        raise UsageError(f"params: size {size!r} is not a number with K, M, G or T")
    if size.startswith("+"):
        return Need(params)
    if have is not None and wanted < have:
        raise UsageError(
            f"params: disk {disk} of {there.guest.title} is larger than {size}; it cannot be shrunk"
        )
    return Need(None if wanted == have else params)


def unless_on_storage(there: Situation) -> Need:
    """A disk moves to another storage, or gets another format."""
    disk, volume = _disk(there)
    storage = there.params.get("storage")
    if not storage:
        raise missing("storage", there.params)
    if volume is None:
        raise UsageError(f"params: {there.guest.title} has no disk {disk!r}")
    if storage_of(volume) is None:
        raise UsageError(
            f"params: {disk} of {there.guest.title} is {volume}, which cannot be moved"
        )
    wanted = there.params.get("format")
    moved = storage_of(volume) == storage and wanted in (None, format_of_volume(volume))
    return NOTHING if moved else Need(there.params)


def if_target_is_there(there: Situation) -> Need:
    """A disk goes to a guest of the same type on the same node (``PVE::API2::Qemu``)."""
    guest, vmid = there.guest, int(there.params.get("target-vmid") or 0)
    disk, volume = _disk(there)
    other = there.cluster.guests.get(vmid)
    if other is None:
        raise UsageError(f"params: there is no guest {vmid} to give the disk to")
    if (other.type, other.node) != (guest.type, guest.node):
        raise UsageError(
            f"params: {other.title} does not get a disk of {guest.title}: both have to be VMs, or"
            " containers, on the same node"
        )
    if volume is None:
        raise UsageError(f"params: {guest.title} has no disk {disk!r}")
    return Need(there.params)


def unless_detached(there: Situation) -> Need:
    """A disk that is attached becomes an unused one, whose volume is kept."""
    guest = there.guest
    disk, volume = _disk(there)
    if disk == "rootfs":
        raise UsageError(f"params: {guest.title} cannot be without its rootfs")
    if _UNUSED.match(disk) or not DRIVE.match(disk):
        raise UsageError(f"params: {disk} is no disk that could be detached; see configure")
    if volume is None:
        return NOTHING
    if disk in there.current.pending and there.current.pending[disk] is None:
        return Need(None, (disk,))
    return Need(there.params)


def _disk(there: Situation) -> tuple[str, str | None]:
    """The disk that is meant, and its volume, None where there is none in its slot."""
    params = there.params
    disk = str(params.get("disk") or params.get("volume") or params.get("delete") or "")
    if not disk:
        raise missing("disk", params)
    value = there.current.values.get(disk)
    return disk, None if value is None else volume_of(str(value))
