# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks and networks in the config of a guest."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .sizes import format_size, parse_size

QEMU_DRIVE = re.compile(r"(?:scsi|virtio|ide|sata)\d+|efidisk0|tpmstate0")
QEMU_UNUSED = re.compile(r"unused\d+")
LXC_DRIVE = re.compile(r"rootfs|mp\d+")
NET = re.compile(r"net\d+")
NEW_DISK = re.compile(r"(?:([^:\s]+):)?(\d+(?:\.\d+)?)")
MAC = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
MODELS = ("virtio", "e1000", "e1000e", "rtl8139", "vmxnet3", "pcnet", "ne2k_pci", "ne2k_isa")


@dataclass
class Drive:
    """One disk entry: `volume`, and its options in their order."""

    key: str
    volume: str
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, key: str, text: str) -> Drive:
        """The entry of a config line, `volume,size=8G` or `file=volume,size=8G`."""
        volume, options = "", {}
        for part in text.split(","):
            name, equals, value = part.partition("=")
            if not equals or name in ("file", "volume"):
                volume = value if equals else name
            else:
                options[name] = value
        return cls(key, volume, options)

    def __str__(self) -> str:
        return ",".join([self.volume, *(f"{k}={v}" for k, v in self.options.items())])

    @property
    def storage(self) -> str | None:
        """The storage of the volume; None for `none`, `cdrom` and paths."""
        name, colon, _rest = self.volume.partition(":")
        return name if colon and not name.startswith("/") else None

    @property
    def cdrom(self) -> bool:
        """Whether it is a CD, cloud-init drives included."""
        return self.options.get("media") == "cdrom"

    @property
    def cloudinit(self) -> bool:
        """Whether it is a cloud-init drive, made or still to be made."""
        return re.search(r"(?:^|[:/])(?:vm-\d+-)?cloudinit", self.volume) is not None

    @property
    def new_size(self) -> int | None:
        """Bytes to allocate when the entry says `storage:8`, else None."""
        match = NEW_DISK.fullmatch(self.volume)
        return math.ceil(float(match.group(2)) * (1 << 20)) << 10 if match else None

    @property
    def size(self) -> int:
        """Bytes, as the config says."""
        return parse_size(self.options.get("size", "0"))

    def resize(self, size: int) -> None:
        """Note a new size."""
        self.options["size"] = format_size(size)


def drives(guest_type: str, config: Mapping[str, object]) -> Iterator[Drive]:
    """The disks of a guest: CDs too, unused ones not."""
    pattern = QEMU_DRIVE if guest_type == "qemu" else LXC_DRIVE
    for key in sorted(config):
        if pattern.fullmatch(key):
            yield Drive.parse(key, str(config[key]))


def disks(guest_type: str, config: Mapping[str, object]) -> Iterator[Drive]:
    """The disks that hold volumes of the guest's own: no CD, unless cloud-init."""
    for drive in drives(guest_type, config):
        if drive.storage is not None and (not drive.cdrom or drive.cloudinit):
            yield drive


def boot_disks(config: Mapping[str, object]) -> Iterator[Drive]:
    """The disks of a VM in the order in which it boots from them: none without an order."""
    order = re.search(r"order=([^,]*)", str(config.get("boot", "")))
    keys = order.group(1).split(";") if order else [str(config.get("bootdisk", ""))]
    for key in keys:
        if QEMU_DRIVE.fullmatch(key) and key in config:
            drive = Drive.parse(key, str(config[key]))
            if not drive.cdrom:
                yield drive


def with_mac(text: str, mac: str) -> str:
    """A net entry with this MAC address, in the place where it belongs."""
    parts = text.split(",")
    for number, part in enumerate(parts):
        name = part.partition("=")[0]
        if name in MODELS or name == "hwaddr":
            parts[number] = f"{name}={mac}"
            return ",".join(parts)
    return ",".join([*parts, f"hwaddr={mac}"])


def has_mac(text: str) -> bool:
    """Whether a net entry names a MAC address."""
    return MAC.search(text) is not None


def mac_of(text: str) -> str:
    """The MAC address of a net entry, upper case; zeros when it has none."""
    match = MAC.search(text)
    return match.group(0).upper() if match else "00:00:00:00:00:00"
