# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Allocating a volume for a guest without a task (`PVE/API2/Storage/Content.pm`, create)."""

from __future__ import annotations

import re

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.entities import Storage, Volume
from pvesim.guests import check_allowed
from pvesim.sizes import parse_size
from pvesim.volumes import FILE_TYPES, find_storage, find_volume, volume_path
from pvesim.world import World

SUFFIX = re.compile(r"\.(raw|qcow2|vmdk)$")


@call("POST", "/nodes/{node}/storage/{storage}/content")
async def allocate(world: World, call: Call) -> str:
    """Make a volume; the answer is its id."""
    storage = find_storage(world, call.params["storage"], call.node)
    name, vmid = str(call.params["filename"]), int(call.params["vmid"])
    form = _format(call, name)
    check_allowed(call, f"/storage/{storage.id}", "Datastore.AllocateSpace")
    volid = _volume_id(storage, name, vmid)
    if (there := find_volume(world, volid, call.node)) is not None:
        shown = volume_path(storage, there) if storage.type in FILE_TYPES else volid
        raise CallError(500, f"disk image '{shown}' already exists")
    size = str(call.params["size"])
    volume = Volume(volid, "images", form, _bytes(size), vmid, int(world.clock.now()))
    volume.node, volume.used = None if storage.shared else call.node, 0
    storage.volumes.append(volume)
    return volid


def _format(call: Call, name: str) -> str:
    """The requested format, which a suffix of the name must not contradict."""
    suffix, wanted = SUFFIX.search(name), call.params.get("format")
    if suffix and wanted and suffix[1] != wanted:
        raise parameter_error(format=f"different storage formats ({wanted} != {suffix[1]})")
    return str(wanted or (suffix[1] if suffix else "raw"))


def _volume_id(storage: Storage, name: str, vmid: int) -> str:
    """Names begin with the guest's; files lie in its directory."""
    if not name.startswith((f"vm-{vmid}-", f"subvol-{vmid}-")):
        if storage.type not in FILE_TYPES:
            raise CallError(500, f"illegal name '{name}' - should be 'vm-{vmid}-*'")
        if "/" in name:
            raise CallError(500, f"illegal name '{name}'")
    return f"{storage.id}:{vmid}/{name}" if storage.type in FILE_TYPES else f"{storage.id}:{name}"


def _bytes(size: str) -> int:
    """The call takes KiB where no unit is given."""
    return int(size) << 10 if size.isdigit() else parse_size(size)
