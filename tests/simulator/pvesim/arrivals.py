# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that come from another cluster: `POST /_sim/arrivals`, which that cluster calls.

A document has `vmid`, `type`, `node` (default: the first that is up), `running`, `config` and
`disks`: of each `key`, `storage`, `size`, `used` and `format`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .calls import CallError
from .drives import Drive
from .entities import Guest, Volume
from .volumes import FILE_TYPES, disk_name, find_storage

if TYPE_CHECKING:
    from .world import World


def arrive(world: World, document: Mapping[str, Any]) -> dict[str, Any]:
    """Let the guest be here, with new volumes; raises CallError when it cannot."""
    vmid, type_ = int(document["vmid"]), str(document["type"])
    if vmid in world.guests:
        raise CallError(500, f"VM {vmid} already exists on node '{world.guests[vmid].node}'")
    up = [node.name for node in world.members() if node.state == "up"]
    node = str(document.get("node") or up[0])
    guest = Guest(vmid, type_, node, dict(document["config"]))
    now = int(world.clock.now())
    for disk in document["disks"]:
        storage = find_storage(world, str(disk["storage"]), node)
        form = str(disk["format"]) if storage.type in FILE_TYPES else "raw"
        volid = disk_name(storage, vmid, form)
        content = "images" if type_ == "qemu" else "rootdir"
        volume = Volume(volid, content, form, int(disk["size"]), vmid, now, used=disk["used"])
        volume.node = None if storage.shared else node
        storage.volumes.append(volume)
        drive = Drive.parse(disk["key"], str(guest.config[disk["key"]]))
        guest.config[disk["key"]] = str(Drive(disk["key"], volid, drive.options))
    if document.get("running"):
        guest.status, guest.started = "running", world.clock.now()
    world.guests[vmid] = guest
    return {"vmid": vmid, "node": node, "config": guest.config}
