# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disks of nodes, and what is made of them."""

from __future__ import annotations

from ..states import created
from .entry import Call, Operation

CATEGORY = "node disks"
MODIFY = "Sys.Modify on /"
_DISKS = "/nodes/{node}/disks"


def _both(
    what: str, title: str, path: str, task: str, there: created.Reader, removed: str = "{name}"
) -> tuple[Operation, Operation]:
    """Its creation, which formats a disk that Proxmox VE knows to be unused, and its removal."""
    made_by = Call(
        "POST", f"{_DISKS}/{path}", f"{task}create", task_id="{name}", requires=("name",)
    )
    removed_by = Call("DELETE", f"{_DISKS}/{path}/{{name}}", f"{task}remove", task_id=removed)
    return (
        Operation(
            f"create_{what}",
            f"create {title}",
            CATEGORY,
            {"node": made_by},
            MODIFY,
            destructive=True,
            done=created.is_made(there),
        ),
        Operation(
            f"remove_{what}",
            f"remove {title}",
            CATEGORY,
            {"node": removed_by},
            MODIFY,
            destructive=True,
            done=created.is_removed(there),
        ),
    )


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
    *_both("directory", "a directory storage", "directory", "dir", created.directory),
    *_both("lvm", "a volume group", "lvm", "lvm", created.volume_group),
    *_both(
        "lvm_thin", "a thin pool", "lvmthin", "lvmthin", created.thin_pool, "{volume-group}-{name}"
    ),
    *_both("zfs", "a ZFS pool", "zfs", "zfs", created.zfs_pool),
)
