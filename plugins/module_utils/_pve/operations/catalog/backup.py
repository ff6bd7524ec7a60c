# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups of guests."""

from __future__ import annotations

from ..backups import backup_is_whole, what_was_saved
from ..recent_backups import recent_backups
from .entry import Call, Operation

CATEGORY = "backup"
_VZDUMP = Call(
    "POST",
    "/nodes/{node}/vzdump",
    "vzdump",
    "upid_or_OK",
    excludes=("all", "exclude", "pool", "stop"),
    vmid="vmid",
)

OPERATIONS = (
    Operation(
        "backup",
        "back up",
        CATEGORY,
        {"qemu": _VZDUMP, "lxc": _VZDUMP},
        "VM.Backup on /vms/{vmid}; Datastore.AllocateSpace on /storage/{storage}",
        # What the storage itself says about older backups was decided by its owner.
        destructive_when={"prune-backups": r"keep-(?!all)"},
        expensive=True,
        varies=True,
        details=what_was_saved,
        check=backup_is_whole,
        recent=recent_backups,
        effect={"new backup": "on {storage}"},
    ),
)
