# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that are made out of an image or of another guest's disk (`import-from`)."""

from __future__ import annotations

from .copying import convert
from .drives import Drive
from .entities import Volume
from .volumes import FILE_TYPES, allocate, find_volume, volume_format
from .worker import Died, Worker

FORMATS = ("raw", "qcow2", "vmdk")
SHARE = 0.5
PATH_SIZE = 2 << 30
"""How large the image at a path is, of which nothing else is known."""


async def import_drive(
    worker: Worker, vmid: int, drive: Drive, source: str, made: list[Volume]
) -> str:
    """Copy an image into a new disk; the entry as the config holds it."""
    storage = worker.world.storages[str(drive.storage)]
    origin = _origin(worker, source)
    size = origin.size if origin.disk_size is None else origin.disk_size
    form = origin.format if storage.type in FILE_TYPES and origin.format in FORMATS else "raw"
    form = drive.options.pop("format", form)
    worker.log(f"create full clone of drive {drive.key} ({source})")
    volume = await allocate(worker, storage, "images", vmid, size, form)
    made.append(volume)
    volume.used = min(size, origin.size) if origin.content == "import" else origin.used
    worker.log(f"allocated target volume '{volume.volid}'")
    await convert(worker, size, SHARE, empty=False)
    result = Drive(drive.key, volume.volid, drive.options)
    result.resize(size)
    worker.log(f"{drive.key}: successfully created disk '{result}'")
    return str(result)


def _origin(worker: Worker, source: str) -> Volume:
    """What is imported; a path is only known to root."""
    if source.startswith("/"):
        return Volume(source, "import", volume_format(source), PATH_SIZE)
    found = find_volume(worker.world, source, worker.node)
    if found is None:
        raise Died(f"volume '{source}' does not exist")
    return found
