# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration of guests."""

from __future__ import annotations

from ..rules.guests import unless_managed_by_ha, unless_on_target
from ..states import guests as states
from .entry import TRUE, Operation, both

CATEGORY = "migration"

OPERATIONS = (
    Operation(
        "migrate",
        "migrate",
        CATEGORY,
        both("POST", "migrate", "qmigrate", "vzmigrate"),
        "VM.Migrate on /vms/{vmid}",
        expensive=True,
        moves_to="target",
        rule=unless_on_target,
        done=states.is_on_target,
        effect={"node": "{target}"},
    ),
    Operation(
        "remote_migrate",
        "migrate to another cluster",
        CATEGORY,
        both("POST", "remote_migrate", "qmigrate", "vzmigrate"),
        "VM.Migrate on /vms/{vmid}",
        destructive_when={"delete": TRUE},
        expensive=True,
        rule=unless_managed_by_ha,
        varies=True,
    ),
)
