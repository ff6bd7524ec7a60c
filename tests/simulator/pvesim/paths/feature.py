# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the disks of a guest can do something (`PVE/AbstractConfig.pm`, has_feature)."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.drives import Drive, disks
from pvesim.entities import Guest
from pvesim.guests import guest_of
from pvesim.volumes import FILE_TYPES, storage_of, volume_format
from pvesim.world import World


@call("GET", "/nodes/{node}/qemu/{vmid}/feature")
@call("GET", "/nodes/{node}/lxc/{vmid}/feature")
async def feature(world: World, call: Call) -> dict[str, Any]:
    """Whether a guest can be snapshotted, cloned (linked) or copied; for a VM, on which nodes."""
    guest, name = guest_of(world, call), call.params.get("snapname")
    if name is not None and name not in guest.snapshots:
        raise CallError(500, f"snapshot '{name}' does not exist")
    config = guest.snapshots[name].config if name else guest.config
    every = [_can(world, guest, drive, call.params["feature"], name) for drive in disks(
        guest.type, config)]  # fmt: skip
    answer: dict[str, Any] = {"hasFeature": int(all(every))}
    if guest.type == "qemu":
        shared = all(storage_of(world, d.volume).shared for d in disks("qemu", config))
        answer["nodes"] = [n.name for n in world.members()] if shared else [guest.node]
    return answer


def _can(world: World, guest: Guest, drive: Drive, what: str, snapname: str | None) -> bool:
    storage, form = storage_of(world, drive.volume), volume_format(drive.volume)
    if what == "copy":
        return True
    if what == "snapshot":
        return storage.type != "lvm" and not (storage.type in FILE_TYPES and form == "raw")
    base = "base-" in drive.volume.rpartition("/")[2].rpartition(":")[2]
    return base and not snapname and not (guest.type == "lxc" and storage.type in FILE_TYPES)
