# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which privilege each config option needs (`PVE/API2/Qemu.pm`, `PVE/LXC.pm`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .calls import Call, CallError
from .drives import LXC_DRIVE, NET, QEMU_DRIVE, Drive
from .guests import check_allowed

CLOUDINIT = (
    "cicustom|ciuser|cipassword|citype|ciupgrade|nameserver|searchdomain|sshkeys|ipconfig[0-9]+"
)
HARDWARE = (
    "acpi|hotplug|kvm|machine|scsihw|smbios1|tablet|vga|watchdog|audio0|rng0|vmgenid"
    "|serial[0-9]+|usb[0-9]+|hostpci[0-9]+|virtiofs[0-9]+"
)
GENERAL = (
    "agent|autostart|bios|description|keyboard|localtime|migrate_downtime|migrate_speed|name|onboot"
    "|ostype|protection|reboot|startdate|startup|tdf|template|tags|unused[0-9]+"
)
OTHERS = ("VM.Config.Options",)
COMMON = (
    ("cores|sockets|cpu|cpulimit|cpuunits|vcpus|smp|affinity|numa[0-9]*", ("VM.Config.CPU",)),
    ("memory|balloon|shares|swap|allow-ksm", ("VM.Config.Memory",)),
)
NEEDED = {
    "qemu": (
        *COMMON,
        (CLOUDINIT, ("VM.Config.Cloudinit", "VM.Config.Network")),
        (NET.pattern, ("VM.Config.Network",)),
        (HARDWARE, ("VM.Config.HWType",)),
        ("boot|bootdisk|vmstatestorage", ("VM.Config.Disk",)),
        ("freeze", ("VM.PowerMgmt",)),
        (GENERAL, OTHERS),
    ),
    "lxc": (
        *COMMON,
        (LXC_DRIVE.pattern, ("VM.Config.Disk",)),
        (f"{NET.pattern}|nameserver|searchdomain|hostname", ("VM.Config.Network",)),
        ("features", ("VM.Allocate",)),
    ),
}
"""By type of guest: names of options, and the privileges of which one is needed to set them."""
PASSTHROUGH = (
    (r"hostpci\d+", r"(^|,)mapping=", "non-mapped"),
    (r"usb\d+", r"(^|,)(mapping=|host=spice|spice$|spice,)", "real"),
)
"""Devices of the host: the options, the values that others may set, what root alone may give."""
ROOT = "root@pam"
"""Only with a ticket; a token of root is not root."""
ONLY_ROOT = (
    "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651."
)
NO_VOLUME = ("", "none", "cloudinit")
"""What the drive of a VM can say in place of a volume or a path."""
NOT_FOR_TOKENS = {
    "hookscript": "changing the hookscript is only allowed for root@pam",
    "dev": "configuring device passthrough is only allowed for root@pam",
    "features": "changing feature flags (except nesting) is only allowed for root@pam",
}
"""Options of a container that only root may set, and what others get as an answer."""


def check_options(call: Call, guest_type: str, vmid: int, options: Iterable[str]) -> None:
    """Refuse a caller who may not set one of the options."""
    path = f"/vms/{vmid}"
    if call.caller.authid == ROOT:
        return
    for option in options:
        _check_for_all(call, guest_type, option)
        wanted = privileges(guest_type, option, str(call.params.get(option, "")))
        if not any(call.caller.may(path, privilege) for privilege in wanted):
            raise CallError(403, f"Permission check failed ({path}, {'|'.join(wanted)})")
        if NET.fullmatch(option) and option in call.params:
            check_bridge(call, str(call.params[option]))


def _check_for_all(call: Call, guest_type: str, option: str) -> None:
    """Refuse what only root may set, whatever the privileges of the caller."""
    if guest_type == "qemu":
        value = str(call.params.get(option, ""))
        for names, mapped, devices in PASSTHROUGH:
            if re.fullmatch(names, option) and value and not re.search(mapped, value):
                raise CallError(500, f"only root can set '{option}' config for {devices} devices")
        known = (names for names, _unused in NEEDED["qemu"])
        if not QEMU_DRIVE.fullmatch(option) and not any(re.fullmatch(n, option) for n in known):
            raise CallError(500, f"only root can set '{option}' config")
        return
    reason = NOT_FOR_TOKENS.get(option.rstrip("0123456789"))
    value = str(call.params.get(option, ""))
    if reason and not (option == "features" and re.fullmatch(r"(nesting=[01])?", value)):
        raise CallError(403, f"Permission check failed ({reason})")


def privileges(guest_type: str, option: str, value: str) -> tuple[str, ...]:
    """The privileges of which one is needed to set an option."""
    if guest_type == "qemu" and QEMU_DRIVE.fullmatch(option):
        drive = Drive.parse(option, value)
        # The drive of cloud-init is a CD like any other; its settings are something else.
        return ("VM.Config.CDROM",) if drive.cdrom or drive.cloudinit else ("VM.Config.Disk",)
    for names, wanted in NEEDED[guest_type]:
        if re.fullmatch(names, option):
            return wanted
    return OTHERS


def check_paths(call: Call, guest_type: str, options: Mapping[str, Any]) -> None:
    """Refuse paths of the node to all but root; the bare size of a volume of a container is one."""
    if call.caller.authid == ROOT:
        return
    pattern = QEMU_DRIVE if guest_type == "qemu" else LXC_DRIVE
    for key, value in options.items():
        drive = Drive.parse(key, str(value))
        if not pattern.fullmatch(key) or drive.storage is not None:
            continue
        if guest_type == "lxc" and drive.volume.startswith("/"):
            of = "device" if drive.volume.startswith("/dev/") else "bind"
            reason = f"mount point type {of} is only allowed for root@pam"
            raise CallError(403, f"Permission check failed ({reason})")
        if guest_type == "qemu" and drive.volume == "cdrom":
            check_allowed(call, "/", "Sys.Console")
        elif guest_type == "lxc" or (drive.volume not in NO_VOLUME and drive.new_size is None):
            raise CallError(500, ONLY_ROOT)


def check_bridge(call: Call, value: str) -> None:
    """Refuse a bridge that the caller may not use."""
    options = Drive.parse("net", value).options
    if "bridge" in options:
        tag = f"/{options['tag']}" if "tag" in options else ""
        check_allowed(call, f"/sdn/zones/localnetwork/{options['bridge']}{tag}", "SDN.Use")
