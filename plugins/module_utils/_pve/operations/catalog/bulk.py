# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many guests by one call, which Proxmox VE goes through by itself."""

from __future__ import annotations

from ..checks import every_guest_of_list, every_guest_of_node
from .entry import Call, Operation

CATEGORY = "bulk"
POWER = "VM.PowerMgmt on /vms/{vmid}"
MIGRATE = "VM.Migrate on /vms/{vmid}"


def _node(
    name: str,
    title: str,
    path: str,
    privileges: str,
    *,
    requires: tuple[str, ...] = (),
    destructive: bool = False,
) -> Operation:
    call = Call("POST", f"/nodes/{{node}}/{path}", path, task_id="", requires=requires)
    return Operation(
        name,
        title,
        CATEGORY,
        {"node": call},
        privileges,
        destructive=destructive,
        varies=True,
        check=every_guest_of_node,
    )


def _cluster(
    name: str,
    title: str,
    privileges: str,
    *,
    requires: tuple[str, ...] = (),
    destructive: bool = False,
) -> Operation:
    """The last word of the name is that of the path and of the task type."""
    verb = name.rsplit("_", 1)[-1]
    path = f"/cluster/bulk-action/guest/{verb}"
    call = Call("POST", path, f"bulk-{verb}", task_id="", requires=requires)
    return Operation(
        name,
        title,
        CATEGORY,
        {"cluster": call},
        privileges,
        destructive=destructive,
        varies=True,
        check=every_guest_of_list,
    )


OPERATIONS = (
    _node("start_all", "start the guests", "startall", POWER),
    # Without force-stop=0 these end hard what does not shut down in time.
    _node("stop_all", "stop the guests", "stopall", POWER, destructive=True),
    _node("suspend_all", "suspend the VMs", "suspendall", POWER),
    _node("migrate_all", "migrate the guests", "migrateall", MIGRATE, requires=("target",)),
    _cluster("bulk_start", "start guests", POWER),
    _cluster("bulk_shutdown", "shut down guests", POWER, destructive=True),
    _cluster("bulk_suspend", "suspend VMs", POWER),
    _cluster("bulk_migrate", "migrate guests", MIGRATE, requires=("target",)),
)
