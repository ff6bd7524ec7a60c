# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of storages: what they can hold, hold by default, and need (`PVE/Storage/*.pm`)."""

from __future__ import annotations

from dataclasses import dataclass

DISKS = ("images", "rootdir")
FILES = (*DISKS, "vztmpl", "iso", "backup", "snippets", "import", "none")


@dataclass(frozen=True)
class StorageType:
    """`content` is what it can hold, `default` what it holds by default."""

    content: tuple[str, ...]
    default: tuple[str, ...]
    required: tuple[str, ...] = ()
    """Options that such a storage requires."""
    shared: bool = False
    """Whether it is always seen by all nodes."""


TYPES = {
    "dir": StorageType(FILES, DISKS, ("path",)),
    "btrfs": StorageType(FILES, DISKS, ("path",)),
    "nfs": StorageType(FILES, ("images",), ("server", "export"), shared=True),
    "cifs": StorageType(FILES, ("images",), ("server", "share"), shared=True),
    "cephfs": StorageType(
        ("vztmpl", "iso", "backup", "snippets", "import"), ("backup",), shared=True
    ),
    "lvm": StorageType((*DISKS, "none"), ("images",), ("vgname",)),
    "lvmthin": StorageType((*DISKS, "none"), DISKS, ("vgname", "thinpool")),
    "zfspool": StorageType((*DISKS, "none"), DISKS, ("pool",)),
    "zfs": StorageType(
        ("images", "none"), ("images",), ("pool", "portal", "target", "iscsiprovider"), shared=True
    ),
    "rbd": StorageType((*DISKS, "none"), ("images",), shared=True),
    "iscsi": StorageType(("images", "none"), ("images",), ("portal", "target"), shared=True),
    "iscsidirect": StorageType(("images", "none"), ("images",), ("portal", "target"), shared=True),
    "pbs": StorageType(("backup", "none"), ("backup",), ("server", "datastore"), shared=True),
    "esxi": StorageType(("import",), ("import",), ("server", "username", "password"), shared=True),
}
