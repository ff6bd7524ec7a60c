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

CLOUDINIT = "ciuser|cipassword|citype|ciupgrade|nameserver|searchdomain|sshkeys|ipconfig[0-9]+"
HARDWARE = (
    "acpi|hotplug|kvm|machine|scsihw|smbios1|tablet|vga|watchdog|audio0|rng0|keyboard|localtime"
    "|tdf|vmgenid|ivshmem|serial[0-9]+"
)
COMMON = (
    ("cores|sockets|cpu|cpulimit|cpuunits|vcpus|numa|affinity", ("VM.Config.CPU",)),
    ("memory|balloon|shares|swap", ("VM.Config.Memory",)),
)
NEEDED = {
    "qemu": (
        *COMMON,
        (CLOUDINIT, ("VM.Config.Cloudinit", "VM.Config.Network")),
        (NET.pattern, ("VM.Config.Network",)),
        (HARDWARE, ("VM.Config.HWType",)),
    ),
    "lxc": (
        *COMMON,
        (LXC_DRIVE.pattern, ("VM.Config.Disk",)),
        (f"{NET.pattern}|nameserver|searchdomain|hostname", ("VM.Config.Network",)),
        ("features", ("VM.Allocate",)),
    ),
}
"""By kind: names of options, and the privileges of which one is needed to set them."""
OTHERS = ("VM.Config.Options",)


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
    if kind == "qemu" and QEMU_DRIVE.fullmatch(option):
        drive = Drive.parse(option, value)
        if drive.cloudinit:
            return ("VM.Config.Cloudinit", "VM.Config.CDROM")
        return ("VM.Config.CDROM",) if drive.cdrom else ("VM.Config.Disk",)
    for names, wanted in NEEDED[kind]:
        if re.fullmatch(names, option):
            return wanted
    return OTHERS


def check_bridge(call: Call, value: str) -> None:
    """Refuse a bridge that the caller may not use."""
    options = Drive.parse("net", value).options
    if "bridge" in options:
        tag = f"/{options['tag']}" if "tag" in options else ""
        check_allowed(call, f"/sdn/zones/localnetwork/{options['bridge']}{tag}", "SDN.Use")
