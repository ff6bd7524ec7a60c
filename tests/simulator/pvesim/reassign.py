# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume changes its owner: it is renamed, and moves from one config to another."""

from __future__ import annotations

from .drives import Drive
from .entities import Guest
from .volumes import disk_name, find_volume, storage_of
from .worker import Died, Worker


def free_unused(guest: Guest) -> str:
    """The first free `unused` key of a config."""
    return next(key for n in range(256) if (key := f"unused{n}") not in guest.config)


def take_over(worker: Worker, guest: Guest, target: Guest, drive: Drive, key: str) -> None:
    """Rename the volume of `drive` and put it under `key` into the config of the target."""
    volume = find_volume(worker.world, drive.volume, guest.node)
    if volume is None:
        raise Died(f"volume '{drive.volume}' does not exist")
    storage = storage_of(worker.world, drive.volume)
    vm = guest.type == "qemu"
    owner = f"{'disk' if vm else 'volume'} '{drive.key}' from {'VM' if vm else 'container'}"
    if vm:
        worker.log(f"reassign {owner} '{guest.vmid}' as '{key}' to VM '{target.vmid}'")
    else:
        worker.log(f"moving volume '{drive.key}' from container '{guest.vmid}' to '{target.vmid}'")
    volume.volid = disk_name(storage, target.vmid, volume.format)
    volume.vmid = target.vmid
    del guest.config[drive.key]
    worker.log(f"removing {owner} '{guest.vmid}' config")
    target.config[key] = str(Drive(key, volume.volid, drive.options))
    if vm:
        worker.log(f"update VM {target.vmid}: -{key} {target.config[key]}")
    else:
        worker.log(f"target container '{target.vmid}' updated with '{key}'")
