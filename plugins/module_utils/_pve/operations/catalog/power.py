# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Power: operations that change the state of a guest."""

from __future__ import annotations

from .. import states
from ..rules import unless_in_state
from .entry import TRUE, Operation, both, guest_call

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
    Operation(
        "reset",
        "reset",
        CATEGORY,
        {"qemu": guest_call("qemu", "POST", "status/reset", "qmreset")},
        POWER,
        destructive=True,
        only="what comes next to it is stop and start",
    ),
    Operation(
        "suspend",
        "suspend",
        CATEGORY,
        {
            "qemu": guest_call("qemu", "POST", "status/suspend", "qmpause", fixed={"todisk": 0}),
            # It is written to the disk of the node by CRIU, which few containers survive.
            "lxc": guest_call("lxc", "POST", "status/suspend", "vzsuspend"),
        },
        POWER,
    ),
    Operation(
        "hibernate",
        "hibernate",
        CATEGORY,
        {"qemu": guest_call("qemu", "POST", "status/suspend", "qmsuspend", fixed={"todisk": 1})},
        # For the volume of its memory (PVE::API2::Qemu, vm_suspend).
        f"{POWER}; VM.Config.Disk on /vms/{{vmid}};"
        " Datastore.AllocateSpace on /storage/{storage}",
        only="what comes next to it is suspend",
    ),
    Operation(
        "resume",
        "resume",
        CATEGORY,
        both("POST", "status/resume", "qmresume", "vzresume"),
        POWER,
    ),
)
