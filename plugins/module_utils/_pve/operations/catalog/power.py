# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Power: what a guest's state is changed by."""

from __future__ import annotations

from .. import states
from ..rules import unless_in_state
from .entry import TRUE, Operation, both

CATEGORY = "power"
POWER = "VM.PowerMgmt on /vms/{vmid}"

OPERATIONS = (
    Operation(
        "start",
        "start",
        CATEGORY,
        both("POST", "status/start", "qmstart", "vzstart"),
        POWER,
        rule=unless_in_state("running"),
        done=states.has_state("running"),
        idempotent=True,
    ),
    Operation(
        "shutdown",
        "shut down",
        CATEGORY,
        both("POST", "status/shutdown", "qmshutdown", "vzshutdown"),
        POWER,
        destructive_when={"forceStop": TRUE},
        rule=unless_in_state("stopped"),
        done=states.has_state("stopped"),
        idempotent=True,
    ),
    Operation(
        "stop",
        "stop",
        CATEGORY,
        both("POST", "status/stop", "qmstop", "vzstop"),
        POWER,
        destructive=True,
        rule=unless_in_state("stopped"),
        done=states.has_state("stopped"),
        idempotent=True,
    ),
    Operation(
        "reboot",
        "reboot",
        CATEGORY,
        both("POST", "status/reboot", "qmreboot", "vzreboot"),
        POWER,
    ),
)
