# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults of backup jobs, and the config in an archive (`PVE/API2/VZDump.pm`)."""

from __future__ import annotations

from typing import Any

from pvesim.archives import directory
from pvesim.calls import Call, CallError, call
from pvesim.drives import disks
from pvesim.entities import Volume
from pvesim.volumes import find_storage, find_volume, storage_of
from pvesim.world import World

DEFAULTS = {
    "all": 0,
    "bwlimit": 0,
    "compress": "0",
    "fleecing": {"enabled": 0},
    "ionice": 7,
    "lockwait": 180,
    "mailnotification": "always",
    "mode": "snapshot",
    "notification-mode": "auto",
    "performance": {"max-workers": 16, "pbs-entries-max": 1048576},
    "pigz": 0,
    "prune-backups": "keep-all=1",
    "quiet": 0,
    "remove": 1,
    "stdexcludes": 1,
    "stop": 0,
    "stopwait": 10,
    "zstd": 1,
}
"""What `/etc/vzdump.conf` leaves as it is."""


@call("GET", "/nodes/{node}/vzdump/defaults")
async def defaults(world: World, call: Call) -> dict[str, Any]:
    """The defaults of a backup to a storage."""
    storage = find_storage(world, call.params.get("storage", "local"), call.node)
    kept = storage.options.get("prune-backups", DEFAULTS["prune-backups"])
    return {
        **DEFAULTS,
        "dumpdir": directory(storage),
        "prune-backups": kept,
        "storage": storage.id,
    }


@call("GET", "/nodes/{node}/vzdump/extractconfig")
async def extract_config(world: World, call: Call) -> str:
    """The config of the guest as the archive holds it."""
    volid = str(call.params["volume"])
    volume = find_volume(world, volid, call.node)
    if volume is None or volume.config is None:
        raise CallError(500, f"volume '{volid}' does not exist")
    return _text(volume, "qemu" if "/vzdump-qemu-" in volid else "lxc", world)


def _text(volume: Volume, guest_type: str, world: World) -> str:
    config = dict(volume.config or {})
    lines = [f"#{line}" for line in str(config.pop("description", "")).splitlines()]
    lines += [f"{key}: {config[key]}" for key in sorted(config)]
    if guest_type == "qemu":
        for drive in disks(guest_type, config):
            storage = storage_of(world, drive.volume)
            form = drive.volume.rpartition(".")[2] if "." in drive.volume else ""
            lines.append(f"#qmdump#map:{drive.key}:drive-{drive.key}:{storage.id}:{form}:")
    return "\n".join([*lines, ""])
