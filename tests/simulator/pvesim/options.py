# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting options into a config: new disks, MAC addresses, tags, passwords."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .calls import Call, CallError, parameter_error
from .drives import LXC_DRIVE, NET, NEW_DISK, QEMU_DRIVE, Drive, has_mac, with_mac
from .entities import CONFIG_VALUE, Guest, Volume
from .guests import check_allowed, new_mac
from .importing import import_drive
from .rights import ONLY_ROOT, ROOT
from .schema import Schema
from .volumes import (
    FOLDERS,
    allocate,
    cloudinit_name,
    default_format,
    find_storage,
    find_volume,
)
from .worker import Died, Worker
from .world import World

CLOUDINIT_SIZE = 4 << 20
NOT_OPTIONS = frozenset(
    {
        "node",
        "vmid",
        "digest",
        "delete",
        "revert",
        "skiplock",
        "force",
        "background_delay",
        "import-working-storage",
    }
)
"""Parameters of the calls that change a config which are no options of the config."""


def drive_pattern(guest_type: str) -> re.Pattern[str]:
    """The keys that are disks."""
    return QEMU_DRIVE if guest_type == "qemu" else LXC_DRIVE


def check_hookscript(world: World, call: Call) -> None:
    """Refuse a script that does not exist, for any user."""
    volid = str(call.params.get("hookscript", ""))
    if volid and find_volume(world, volid, call.node) is None:
        raise parameter_error(hookscript=f"script '{volid}' does not exist\n")


def check_drives(world: World, call: Call, guest_type: str, options: Mapping[str, Any]) -> None:
    """Refuse disks on storages that are not there, not fit, or not the caller's to use."""
    for key, value in options.items():
        if drive_pattern(guest_type).fullmatch(key):
            _check_drive(world, call, guest_type, Drive.parse(key, str(value)))


def _check_drive(world: World, call: Call, guest_type: str, drive: Drive) -> None:
    if source := drive.options.get("import-from", ""):
        _check_source(world, call, drive.key, source)
    if drive.storage is None:
        return
    storage = find_storage(world, drive.storage, call.node)
    if drive.new_size is None and not drive.volume.endswith(":cloudinit"):
        name = drive.volume.partition(":")[2]
        known = find_volume(world, drive.volume, call.node)
        if known is None and storage.type == "dir" and "/" not in name:
            raise CallError(500, f"unable to parse directory volume name '{name}'")
        return
    check_allowed(call, f"/storage/{storage.id}", "Datastore.AllocateSpace")
    if guest_type == "lxc" and "rootdir" not in storage.content:
        text = f"storage '{storage.id}' does not support container directories"
        raise parameter_error(**{drive.key: text})
    if guest_type == "qemu" and "images" not in storage.content:
        text = f"storage '{storage.id}' does not support vm images"
        raise parameter_error(**{drive.key: text})


def _check_source(world: World, call: Call, key: str, source: str) -> None:
    """Refuse to import a file that is not a disk image; a missing one fails in the task."""
    if source.startswith("/"):
        if call.caller.authid != ROOT:
            raise CallError(500, ONLY_ROOT)
        return
    find_storage(world, source.partition(":")[0], call.node)
    folder = source.partition(":")[2].partition("/")[0]
    if folder in FOLDERS or folder == "snippets":
        text = f"{source} has wrong type '{folder}' - needs to be 'images' or 'import'"
        raise parameter_error(**{key: text})


def plain_value(world: World, key: str, value: CONFIG_VALUE) -> CONFIG_VALUE:
    """An option as the config file holds it."""
    if NET.fullmatch(key):
        return _ordered(_with_mac(world, str(value)))
    if key == "tags":
        tags = {tag.lower() for tag in re.split(r"[;, ]+", str(value)) if tag}
        return ";".join(sorted(tags))
    if key == "cipassword":
        return "$5$simulated"
    return value


def same_volume(world: World, guest: Guest, key: str, value: CONFIG_VALUE) -> CONFIG_VALUE:
    """A disk entry with the size of its volume, which is read again at each change."""
    drive = Drive.parse(key, str(value))
    if not drive_pattern(guest.type).fullmatch(key) or drive.storage is None:
        return value
    volume = find_volume(world, drive.volume, guest.node)
    if drive.cdrom and volume is None:
        raise CallError(500, f"volume '{drive.volume}' does not exist")
    if drive.cdrom:
        return value
    if volume is None:
        raise CallError(500, f"volume {drive.volume} does not exist")
    drive.resize(volume.size)
    return str(drive)


def _ordered(text: str) -> str:
    """The network of a container as it is written: its name, the rest sorted, and its type."""
    options = Drive.parse("net", text).options
    if "name" not in options:
        return text
    options.setdefault("type", "veth")
    rest = (f"{key}={options[key]}" for key in sorted(options) if key != "name")
    return ",".join([f"name={options['name']}", *rest])


def _with_mac(world: World, text: str) -> str:
    """A net entry with a MAC address, a new one when it has none."""
    return text if has_mac(text) else with_mac(text, new_mac(world))


async def make_drive(
    worker: Worker, guest_type: str, vmid: int, drive: Drive, made: list[Volume]
) -> str:
    """Allocate what a disk entry asks for; the entry as the config holds it."""
    world = worker.world
    storage = world.storages.get(drive.storage or "")
    if storage is None:
        return str(drive)
    if drive.volume.endswith(":cloudinit"):
        name = cloudinit_name(storage, vmid)
        volume = await allocate(worker, storage, "images", vmid, CLOUDINIT_SIZE, "raw", name=name)
        made.append(volume)
        return f"{name},media=cdrom"
    size = drive.new_size
    if size is None:
        known = find_volume(world, drive.volume, worker.node)
        if known is None:
            raise Died(f"volume '{drive.volume}' does not exist")
        if not drive.cdrom:
            drive.resize(known.size)
        return str(drive)
    if source := drive.options.pop("import-from", ""):
        return await import_drive(worker, vmid, drive, source, made)
    size = fixed_size(drive) or size
    form = drive.options.pop("format", default_format(storage))
    content = "images" if guest_type == "qemu" else "rootdir"
    volume = await allocate(worker, storage, content, vmid, size, form)
    volume.used = 0
    made.append(volume)
    result = Drive(drive.key, volume.volid, drive.options)
    result.resize(size)
    if guest_type == "qemu":
        worker.log(f"{drive.key}: successfully created disk '{result}'")
    return str(result)


def fixed_size(drive: Drive) -> int | None:
    """The size of a drive that holds variables or the state of a TPM, whatever was requested."""
    if drive.key == "efidisk0":
        return 4 << 20 if drive.options.get("efitype") == "4m" else 128 << 10
    return 4 << 20 if drive.key == "tpmstate0" else None


def is_new(guest_type: str, key: str, value: object) -> bool:
    """Whether an option asks for a volume to be made."""
    if not drive_pattern(guest_type).fullmatch(key):
        return False
    volume = Drive.parse(key, str(value)).volume
    return bool(NEW_DISK.fullmatch(volume)) or volume.endswith(":cloudinit")


def known_option(guest_type: str, option: str) -> bool:
    """Whether the schema knows an option of this name."""
    found = Schema.load().find("PUT", f"/nodes/node/{guest_type}/100/config")
    if found is None or option in NOT_OPTIONS:
        return False
    return found.method.parameter(option) is not None
