# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running guest takes at once, and what is pending until its next start.

The rules are those of `PVE/QemuServer.pm` and `PVE/LXC/Config.pm` (vmconfig_hotplug_pending).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .drives import LXC_DRIVE, NET, QEMU_DRIVE, QEMU_UNUSED, Drive
from .rights import CLOUDINIT
from .sdn import bridges

if TYPE_CHECKING:
    from .entities import CONFIG_VALUE, Guest
    from .world import World

QEMU_AT_ONCE = re.compile(
    "name|description|tags|onboot|protection|startup|shares|hookscript|lock|cpulimit|cpuunits"
    f"|affinity|cicustom|{CLOUDINIT}|{QEMU_UNUSED.pattern}"
)
LXC_AT_ONCE = re.compile(
    "hostname|description|tags|onboot|protection|startup|hookscript|lock|cpulimit|cpuunits|cores"
    f"|memory|swap|nameserver|searchdomain|{NET.pattern}|{QEMU_UNUSED.pattern}"
)
PLUGGABLE_DISK = re.compile(r"(?:scsi|virtio)\d+")
DEFAULT_HOTPLUG = "network,disk,usb"


def _features(guest: Guest) -> set[str]:
    """What may be plugged into a running VM."""
    wanted = str(guest.config.get("hotplug", DEFAULT_HOTPLUG))
    return {"0": set[str](), "1": set(DEFAULT_HOTPLUG.split(","))}.get(
        wanted, set(re.split(r"[,; ]+", wanted))
    )


def waits(guest: Guest, key: str, value: object) -> bool:
    """Whether an option gets this value (None: is removed) only at the next start."""
    if not guest.running:
        return False
    if guest.type == "lxc":
        return not LXC_AT_ONCE.fullmatch(key) and (
            not LXC_DRIVE.fullmatch(key) or value is None or key in guest.config
        )
    if NET.fullmatch(key):
        return "network" not in _features(guest)
    if QEMU_DRIVE.fullmatch(key):
        return _disk_waits(guest, key, value)
    return not QEMU_AT_ONCE.fullmatch(key)


def _disk_waits(guest: Guest, key: str, value: object) -> bool:
    old = Drive.parse(key, str(guest.config.get(key, "")))
    new = Drive.parse(key, "" if value is None else str(value))
    if old.volume and new.volume and (old.volume == new.volume or old.cdrom):
        return False
    return not PLUGGABLE_DISK.fullmatch(key) or "disk" not in _features(guest)


def boot_disk(guest: Guest) -> str | None:
    """The first disk of the boot order."""
    order = re.search(r"order=([^,]*)", str(guest.config.get("boot", "")))
    keys = order.group(1).split(";") if order else []
    return next((key for key in keys if QEMU_DRIVE.fullmatch(key)), None)


def problem(world: World, guest: Guest, key: str, value: CONFIG_VALUE | None) -> str | None:
    """Why a running guest refuses a change that it should take at once; it is pending then."""
    if not guest.running:
        return None
    if guest.type == "lxc" and NET.fullmatch(key) and value is not None:
        bridge = Drive.parse(key, str(value)).options.get("bridge")
        if bridge is not None and bridge not in bridges(world, guest.node):
            return f"unable to hotplug {key}: bridge '{bridge}' does not exist\n"
    if guest.type == "qemu" and key == boot_disk(guest) and key in guest.config:
        volume = Drive.parse(key, str(guest.config[key])).volume
        if value is None or Drive.parse(key, str(value)).volume != volume:
            return f"hotplug problem - can't unplug bootdisk '{key}'\n"
    return None
