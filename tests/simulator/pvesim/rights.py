# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which privilege each config option needs (`PVE/API2/Qemu.pm`, `PVE/LXC.pm`)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .calls import Call, CallError
from .drives import LXC_DRIVE, NET, QEMU_DRIVE, Drive
from .guests import check_allowed

CPU = {"cores", "sockets", "cpu", "cpulimit", "cpuunits", "vcpus", "numa", "affinity"}
MEMORY = {"memory", "balloon", "shares", "swap"}
HARDWARE = {"acpi", "hotplug", "kvm", "machine", "scsihw", "smbios1", "tablet", "vga", "watchdog",
            "audio0", "rng0", "keyboard", "localtime", "tdf", "vmgenid", "ivshmem"}
CLOUDINIT = {"ciuser", "cipassword", "citype", "ciupgrade", "nameserver", "searchdomain", "sshkeys"}
IPCONFIG = re.compile(r"ipconfig\d+")
SERIAL = re.compile(r"serial\d+")


def check_options(call: Call, kind: str, vmid: int, options: Iterable[str]) -> None:
    """Refuse a caller who may not set one of the options."""
    path = f"/vms/{vmid}"
    for option in options:
        wanted = privileges(kind, option, str(call.params.get(option, "")))
        if not any(call.caller.may(path, privilege) for privilege in wanted):
            raise CallError(403, f"Permission check failed ({path}, {'|'.join(wanted)})")
        if NET.fullmatch(option) and option in call.params:
            check_bridge(call, str(call.params[option]))


def privileges(kind: str, option: str, value: str) -> tuple[str, ...]:
    """The privileges of which one is needed to set an option."""
    if option in CPU:
        return ("VM.Config.CPU",)
    if option in MEMORY:
        return ("VM.Config.Memory",)
    if kind == "lxc":
        return _container(option)
    if option in CLOUDINIT or IPCONFIG.fullmatch(option):
        return ("VM.Config.Cloudinit", "VM.Config.Network")
    if QEMU_DRIVE.fullmatch(option):
        drive = Drive.parse(option, value)
        if drive.cloudinit:
            return ("VM.Config.Cloudinit", "VM.Config.CDROM")
        return ("VM.Config.CDROM",) if drive.cdrom else ("VM.Config.Disk",)
    if NET.fullmatch(option):
        return ("VM.Config.Network",)
    if option in HARDWARE or SERIAL.fullmatch(option):
        return ("VM.Config.HWType",)
    return ("VM.Config.Options",)


def _container(option: str) -> tuple[str, ...]:
    if LXC_DRIVE.fullmatch(option):
        return ("VM.Config.Disk",)
    if NET.fullmatch(option) or option in ("nameserver", "searchdomain", "hostname"):
        return ("VM.Config.Network",)
    return ("VM.Allocate",) if option == "features" else ("VM.Config.Options",)


def check_bridge(call: Call, value: str) -> None:
    """Refuse a bridge that the caller may not use."""
    options = Drive.parse("net", value).options
    if "bridge" in options:
        tag = f"/{options['tag']}" if "tag" in options else ""
        check_allowed(call, f"/sdn/zones/localnetwork/{options['bridge']}{tag}", "SDN.Use")
