# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes with the memory of VMs: of a snapshot, or of a VM that was suspended to disk."""

from __future__ import annotations

from .drives import disks
from .entities import Guest, Storage
from .volumes import allocate, free, state_name, storage_of
from .worker import Worker
from .world import World

OVERHEAD = 500 << 20
"""Bytes of a volume for the memory beside twice the memory."""


def state_storage(world: World, guest: Guest) -> Storage:
    """Where the memory goes: where the config says, else to the storage of the first disk."""
    disk = next(disks("qemu", guest.config), None)
    wanted = guest.config.get("vmstatestorage") or (disk.storage if disk else "local")
    return storage_of(world, f"{wanted}:")


async def make_state(worker: Worker, guest: Guest, name: str) -> str:
    """A volume for the memory as it is now, its id."""
    storage = state_storage(worker.world, guest)
    volid = state_name(storage, guest.vmid, name)
    room = 2 * (int(guest.config.get("memory", 512)) << 20) + OVERHEAD
    await allocate(worker, storage, "images", guest.vmid, room, "raw", name=volid)
    return volid


def drop_state(world: World, guest: Guest) -> None:
    """The memory of a suspended VM is not needed any more."""
    volid = guest.config.pop("vmstate", None)
    if volid is not None:
        free(world, str(volid), guest.node)
