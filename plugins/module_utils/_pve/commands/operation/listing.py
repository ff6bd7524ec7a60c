# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue as a list that people read: what there is, what it needs, what it can destroy."""

from __future__ import annotations

import typing as t

from ...api import schema
from ...operations.catalog import OPERATIONS
from ..context import Report, Values

if t.TYPE_CHECKING:
    from ...operations.catalog import Call, Operation

LIST = "list"
"""The choice of ``operation`` that does nothing and asks no server."""

_ABOUT = {
    ("qemu", "lxc"): "VMs and containers",
    ("qemu",): "VMs",
    ("lxc",): "containers",
    ("node",): "nodes",
    ("storage",): "a storage",
    ("cluster",): "the cluster",
}


def listed(params: t.Mapping[str, t.Any]) -> Report | None:
    """The report of ``operation=list``, None where something else is asked for."""
    if params["operation"] != LIST:
        return None
    return Report({"operations": catalogue()})


def catalogue() -> list[Values]:
    """Every operation, in the order of the catalogue."""
    return [
        {
            "name": one.name,
            "category": one.category,
            "about": about(one),
            "required": required(one),
            "destructive": destructive(one),
            "privileges": one.privileges,
            "wait_timeout": one.wait_timeout,
        }
        for one in OPERATIONS.values()
    ]


def about(operation: Operation) -> str:
    """What it is done to: ``VMs and containers``."""
    return _ABOUT[tuple(operation.calls)]


def destructive(operation: Operation) -> str:
    """``always``, ``never``, or the parameters that can make it destructive."""
    if operation.destructive:
        return "always"
    return (
        f"with {', '.join(operation.destructive_when)}" if operation.destructive_when else "never"
    )


def required(operation: Operation) -> list[str]:
    """The parameters that have to be in ``params``, by one name for VMs and containers."""
    found: list[str] = []
    spoken = {name for call in operation.calls.values() for name in call.renames}
    for call in operation.calls.values():
        for name in _required(operation, call):
            ours = [our for our, theirs in call.renames.items() if theirs == name]
            if not {name, *ours} & set(found):
                found.append(name if name in spoken or not ours else ours[0])
    return found


def _required(operation: Operation, call: Call) -> t.Iterator[str]:
    """Those of the path, of the entry, and those that the API's schema does not call optional."""
    known = schema.parameters(call.method, call.path)
    needed = [
        name
        for name, one in known.items()
        if not name.endswith("[n]") and not any(one.get(key) for key in ("optional", "alias"))
    ]
    given = {"node", "vmid", call.vmid, *call.fixed}
    if operation.scope == "storage":
        given.add("storage")
    return (name for name in (*call.path_names, *call.requires, *needed) if name not in given)
