# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of guests."""

from __future__ import annotations

from ..checks import runs_if_asked
from ..rules.snapshots import if_there, unless_deleted, unless_taken
from ..states import guests as states
from .entry import Operation, both

CATEGORY = "snapshots"
SNAPSHOT = "VM.Snapshot on /vms/{vmid}"

OPERATIONS = (
    Operation(
        "snapshot",
        "take a snapshot",
        CATEGORY,
        both("POST", "snapshot", "qmsnapshot", "vzsnapshot", requires=("snapname",)),
        SNAPSHOT,
        reads=("snapshots",),
        rule=unless_taken,
        done=states.has_snapshot,
        varies=True,
        idempotent=True,
        effect={"snapshot {snapname}": "there"},
    ),
    Operation(
        "rollback",
        "roll back",
        CATEGORY,
        both("POST", "snapshot/{snapname}/rollback", "qmrollback", "vzrollback"),
        "VM.Snapshot.Rollback on /vms/{vmid}",
        destructive=True,
        reads=("snapshots", "configuration", "storages"),
        rule=if_there,
        varies=True,
        check=runs_if_asked,
        effect={"state": "as in snapshot {snapname}"},
    ),
    Operation(
        "delete_snapshot",
        "delete a snapshot",
        CATEGORY,
        both("DELETE", "snapshot/{snapname}", "qmdelsnapshot", "vzdelsnapshot"),
        SNAPSHOT,
        destructive=True,
        reads=("snapshots",),
        rule=unless_deleted,
        done=states.has_no_snapshot,
        varies=True,
        idempotent=True,
        effect={"snapshot {snapname}": ""},
    ),
)
