# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of guests."""

from __future__ import annotations

from .entry import Operation, both

CATEGORY = "snapshots"
SNAPSHOT = "VM.Snapshot on /vms/{vmid}"

OPERATIONS = (
    Operation(
        "snapshot",
        "take a snapshot of",
        CATEGORY,
        both("POST", "snapshot", "qmsnapshot", "vzsnapshot", requires=("snapname",)),
        SNAPSHOT,
    ),
    Operation(
        "rollback",
        "roll back",
        CATEGORY,
        both("POST", "snapshot/{snapname}/rollback", "qmrollback", "vzrollback"),
        "VM.Snapshot.Rollback on /vms/{vmid}",
        destructive=True,
    ),
    Operation(
        "delete_snapshot",
        "delete a snapshot of",
        CATEGORY,
        both("DELETE", "snapshot/{snapname}", "qmdelsnapshot", "vzdelsnapshot"),
        SNAPSHOT,
        destructive=True,
    ),
)
