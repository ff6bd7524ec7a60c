# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks of guests."""

from __future__ import annotations

from .. import states
from ..rules import unless_as_large
from .entry import Operation, both

CATEGORY = "disks"

OPERATIONS = (
    Operation(
        "resize",
        "resize",
        CATEGORY,
        both("PUT", "resize", "resize", "resize"),
        "VM.Config.Disk on /vms/{vmid}",
        rule=unless_as_large,
        done=states.has_size,
        compares=True,
        idempotent=True,
    ),
)
