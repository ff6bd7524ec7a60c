# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what the rule of an operation decides by, in the moment of the decision."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import replace

from ..api.answers import read_mapping, read_rows
from ..api.errors import ApiError
from ..guests.config import read_configuration
from ..guests.snapshots import read_snapshots
from ..guests.ties import read_ties
from ..tasks.clone_log import CLONES, read_targets
from ..tasks.listing import list_tasks

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..guests.cluster import Guest
    from ..tasks.upid import Upid
    from .catalog import Operation
    from .rules import Situation


async def read_situation(api: Api, operation: Operation, there: Situation) -> Situation:
    """The situation with what the entry of the operation asks for."""
    names = {*operation.reads, *(("configuration",) if operation.compares else ())}
    readers = {name: reader for name, reader in _READERS.items() if name in names}
    found = await asyncio.gather(*(reader(api, there) for reader in readers.values()))
    changes = {_FIELDS.get(name, name): value for name, value in zip(readers, found)}
    return replace(there, **changes)


async def _configuration(api: Api, there: Situation) -> t.Any:
    return await read_configuration(api, there.guest)


async def _snapshots(api: Api, there: Situation) -> t.Any:
    return await read_snapshots(api, there.guest)


async def _status(api: Api, there: Situation) -> t.Any:
    guest = there.guest
    return await read_mapping(
        api, ("nodes", guest.node, guest.type, guest.vmid, "status", "current")
    )


async def _storages(api: Api, _there: Situation) -> t.Any:
    """The type of each storage that the caller may see."""
    rows = await read_rows(api, ("cluster", "resources"), {"type": "storage"})
    return {str(row.get("storage")): str(row.get("plugintype")) for row in rows}


async def _tasks(api: Api, there: Situation) -> t.Any:
    """The running tasks of any node that may work on the guest.

    A migration works on the node that the guest comes from, and a clone has the id of its source;
    one whose log does not say what it creates may create this guest. A node that does not answer
    raises.
    """
    nodes = [name for name, node in there.cluster.nodes.items() if node.online]
    lists = await asyncio.gather(
        *(list_tasks(api, node, {"source": "active"}, retries=None) for node in nodes)
    )
    running = [one.upid for entries in lists for one in entries if one.status is None]
    mine = await asyncio.gather(*(_works_on(api, upid, there.guest) for upid in running))
    return tuple(upid for upid, works in zip(running, mine) if works)


async def _holders(api: Api, there: Situation) -> t.Any:
    return await _tasks(api, there) if there.guest.lock else ()


async def _ties(api: Api, there: Situation) -> t.Any:
    return await read_ties(api, there.guest)


async def _works_on(api: Api, upid: Upid, guest: Guest) -> bool:
    if upid.vmid == guest.vmid:
        return True
    if upid.type not in CLONES:
        return upid.type == "vzdump" and upid.vmid is None
    try:
        targets = await read_targets(api, upid)
    except ApiError:
        return True
    return not targets or guest.vmid in targets


_READERS: t.Mapping[str, t.Callable[[Api, Situation], t.Awaitable[t.Any]]] = {
    "configuration": _configuration,
    "snapshots": _snapshots,
    "status": _status,
    "storages": _storages,
    "tasks": _tasks,
    "holders": _holders,
    "ties": _ties,
}
_FIELDS = {"configuration": "current", "holders": "tasks"}
