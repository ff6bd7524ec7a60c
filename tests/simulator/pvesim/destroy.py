# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a guest: its volumes first, its config last."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .drives import disks
from .entities import Guest
from .volumes import free, linked_children, storage_of
from .worker import Died, Worker
from .world import World


def own_volumes(guest: Guest) -> Iterator[str]:
    """The volumes that the config names, unused and snapshots' ones and saved memory too."""
    seen: set[str] = set()
    for config in (guest.config, *(s.config for s in guest.snapshots.values())):
        for drive in disks(guest.type, config):
            seen.add(drive.volume)
        seen |= {str(v) for k, v in config.items() if re.fullmatch(r"unused\d+|vmstate", k)}
    yield from sorted(seen)


def check_not_base(worker: Worker, guest: Guest) -> None:
    """Refuse to remove a base volume that linked clones rest on."""
    for volid in own_volumes(guest):
        if linked_children(worker.world, volid):
            raise Died(f"base volume '{volid}' is still in use by linked cloned")


def remove_volumes(worker: Worker, guest: Guest, *, unreferenced: bool = False) -> None:
    """Remove the volumes, with what the tools of the storage print.

    `unreferenced`: those too that no config names and that are named after the guest.
    """
    volids = list(own_volumes(guest))
    if unreferenced:
        content = "images" if guest.type == "qemu" else "rootdir"
        volids += [v for v in _named_after(worker.world, guest, content) if v not in volids]
    for volid in volids:
        storage = storage_of(worker.world, volid)
        free(worker.world, volid, guest.node)
        if storage.type in ("lvm", "lvmthin"):
            name = volid.rpartition(":")[2]
            worker.log(f'  Logical volume "{name}" successfully removed.')
        elif storage.type == "rbd":
            worker.log("Removing image: 100% complete...done.")


def _named_after(world: World, guest: Guest, content: str) -> Iterator[str]:
    """The disks of a guest on every storage of its node that is enabled and holds such disks."""
    for storage in world.storages.values():
        there = storage.nodes is None or guest.node in storage.nodes
        if there and not storage.disable and content in storage.content:
            for volume in storage.volumes:
                disk = volume.content in ("images", "rootdir")
                if disk and volume.vmid == guest.vmid and volume.node in (None, guest.node):
                    yield volume.volid
