# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Power: operations that change the state of a guest."""

from __future__ import annotations

from ..rules.power import (
    if_running,
    unless_awake,
    unless_hibernated,
    unless_in_state,
    unless_paused,
)
from ..states import guests as states
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
        effect={"status": "running"},
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
        effect={"status": "stopped"},
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
        effect={"status": "stopped"},
    ),
    Operation(
        "reboot",
        "reboot",
        CATEGORY,
        both("POST", "status/reboot", "qmreboot", "vzreboot"),
        POWER,
        rule=if_running,
    ),
    Operation(
        "reset",
        "reset",
        CATEGORY,
        {"qemu": guest_call("qemu", "POST", "status/reset", "qmreset")},
        POWER,
        destructive=True,
        rule=if_running,
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
        reads=("status",),
        rule=unless_paused,
        done=states.is_paused,
        idempotent=True,
        effect={"status": "suspended"},
    ),
    Operation(
        "hibernate",
        "hibernate",
        CATEGORY,
        {"qemu": guest_call("qemu", "POST", "status/suspend", "qmsuspend", fixed={"todisk": 1})},
        # For the volume of its memory (PVE::API2::Qemu, vm_suspend).
        f"{POWER}; VM.Config.Disk on /vms/{{vmid}};"
        " Datastore.AllocateSpace on /storage/{storage}",
        rule=unless_hibernated,
        done=states.is_hibernated,
        idempotent=True,
        only="what comes next to it is suspend",
        effect={"status": "stopped"},
    ),
    Operation(
        "resume",
        "resume",
        CATEGORY,
        both("POST", "status/resume", "qmresume", "vzresume"),
        POWER,
        reads=("status",),
        rule=unless_awake,
        done=states.is_awake,
        idempotent=True,
        effect={"status": "running"},
    ),
)
