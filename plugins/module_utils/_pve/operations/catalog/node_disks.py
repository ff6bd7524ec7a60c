# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disks of nodes, and what is made of them."""

from __future__ import annotations

from .entry import Call, Operation

CATEGORY = "node disks"
MODIFY = "Sys.Modify on /"
_DISKS = "/nodes/{node}/disks"


def _create(name: str, title: str, path: str, task_type: str) -> Operation:
    """It formats a disk; one that is in use is refused by Proxmox VE."""
    call = Call("POST", f"{_DISKS}/{path}", task_type, task_id="{name}", requires=("name",))
    return Operation(name, f"create {title}", CATEGORY, {"node": call}, MODIFY, destructive=True)


def _remove(name: str, title: str, path: str, task_type: str, task_id: str = "{name}") -> Operation:
    call = Call("DELETE", f"{_DISKS}/{path}/{{name}}", task_type, task_id=task_id)
    return Operation(name, f"remove {title}", CATEGORY, {"node": call}, MODIFY, destructive=True)


OPERATIONS = (
    Operation(
        "initialize_gpt",
        "initialize a disk",
        CATEGORY,
        {"node": Call("POST", f"{_DISKS}/initgpt", "diskinit", task_id="{disk:base}")},
        MODIFY,
        destructive=True,
    ),
    Operation(
        "wipe_disk",
        "wipe a disk",
        CATEGORY,
        {"node": Call("PUT", f"{_DISKS}/wipedisk", "wipedisk", task_id="{disk:base}")},
        "root@pam with a password",
        destructive=True,
    ),
    _create("create_directory", "a directory storage", "directory", "dircreate"),
    _remove("remove_directory", "a directory storage", "directory", "dirremove"),
    _create("create_lvm", "a volume group", "lvm", "lvmcreate"),
    _remove("remove_lvm", "a volume group", "lvm", "lvmremove"),
    _create("create_lvm_thin", "a thin pool", "lvmthin", "lvmthincreate"),
    _remove("remove_lvm_thin", "a thin pool", "lvmthin", "lvmthinremove", "{volume-group}-{name}"),
    _create("create_zfs", "a ZFS pool", "zfs", "zfscreate"),
    _remove("remove_zfs", "a ZFS pool", "zfs", "zfsremove"),
)
