# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many guests by one call, which Proxmox VE goes through by itself."""

from __future__ import annotations

from .entry import Call, Operation

CATEGORY = "bulk"
POWER = "VM.PowerMgmt on /vms/{vmid}"
MIGRATE = "VM.Migrate on /vms/{vmid}"


def _node(path: str, task_type: str, requires: tuple[str, ...] = ()) -> dict[str, Call]:
    full = f"/nodes/{{node}}/{path}"
    return {"node": Call("POST", full, task_type, task_id="", requires=requires)}


def _cluster(path: str, task_type: str, requires: tuple[str, ...] = ()) -> dict[str, Call]:
    full = f"/cluster/bulk-action/guest/{path}"
    return {"cluster": Call("POST", full, task_type, task_id="", requires=requires)}


OPERATIONS = (
    Operation("start_all", "start the guests of", CATEGORY, _node("startall", "startall"), POWER),
    # Without force-stop=0 it ends hard what does not shut down in time.
    Operation(
        "stop_all",
        "stop the guests of",
        CATEGORY,
        _node("stopall", "stopall"),
        POWER,
        destructive=True,
    ),
    Operation(
        "suspend_all", "suspend the VMs of", CATEGORY, _node("suspendall", "suspendall"), POWER
    ),
    Operation(
        "migrate_all",
        "migrate the guests of",
        CATEGORY,
        _node("migrateall", "migrateall", ("target",)),
        MIGRATE,
        expensive=True,
    ),
    Operation("bulk_start", "start guests of", CATEGORY, _cluster("start", "bulk-start"), POWER),
    Operation(
        "bulk_shutdown",
        "shut down guests of",
        CATEGORY,
        _cluster("shutdown", "bulk-shutdown"),
        POWER,
        destructive=True,
    ),
    Operation(
        "bulk_suspend", "suspend VMs of", CATEGORY, _cluster("suspend", "bulk-suspend"), POWER
    ),
    Operation(
        "bulk_migrate",
        "migrate guests of",
        CATEGORY,
        _cluster("migrate", "bulk-migrate", ("target",)),
        MIGRATE,
        expensive=True,
    ),
)
