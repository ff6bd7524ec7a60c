# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans the moves: what keeps each guest, what is on its way, and which node has room for it."""

from __future__ import annotations

import asyncio
import re
import typing as t
from dataclasses import replace

from ...api.errors import ApiError, PveError, UsageError
from ...guests.mobility import read_mobility
from ...guests.placement import Room
from ...operations.catalog import OPERATIONS
from ...operations.rules import Situation
from ...tasks.clone_log import first_lines
from ...tasks.listing import list_tasks
from .moves import Move, obstacle, params_of

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...guests.cluster import Cluster
    from ...tasks.upid import Upid
    from ..context import Context

MIGRATIONS = ("qmigrate", "vzmigrate")
# A migration says "of VM 101 to node 'pve2' (192.0.2.2)", HA "for VM 101 to node pve2".
_TARGET = re.compile(r" to node '?(?P<node>[A-Za-z0-9-]+)'?")
_GIB = 1 << 30


async def plan(
    context: Context, moves: t.Sequence[Move], cluster: Cluster, candidates: t.Sequence[str]
) -> list[Move]:
    """The moves with their targets, those that need the most memory first.

    ``candidates`` are the nodes to choose from. A guest that another one has taken the room of is
    refused on its own.
    """
    open_ones = [one for one in moves if not one.note and not one.refusal]
    running = await _on_their_way(context.api, {one.guest.node for one in open_ones})
    read = await asyncio.gather(*(_read(context.api, one, running) for one in open_ones))
    room = Room(cluster)
    planned = [one for one in moves if one.note or one.refusal]
    for one in sorted(read, key=_first_the_large):
        planned.append(_placed(context, one, cluster, room, candidates))
    return planned


def _first_the_large(one: Move) -> tuple[bool, bool, int, int]:
    """What is on its way has its place already, and what needs the most is placed next."""
    guest = one.guest
    return one.running is None, not guest.running, -guest.memory, guest.vmid


async def _on_their_way(api: Api, nodes: t.Collection[str]) -> dict[int, Upid]:
    """The migrations that run on these nodes, by VMID."""
    lists = await asyncio.gather(
        *(list_tasks(api, node, {"source": "active"}, retries=None) for node in sorted(nodes))
    )
    return {
        entry.upid.vmid: entry.upid
        for entries in lists
        for entry in entries
        if entry.status is None and entry.upid.type in MIGRATIONS and entry.upid.vmid is not None
    }


async def target_in_log(api: Api, upid: Upid) -> str | None:
    """The node that a migration, or a request for one, goes to; None if its log does not say."""
    try:
        lines = await first_lines(api, upid)
    except ApiError:  # the task of another user
        return None
    found = (_TARGET.search(line) for line in lines)
    return next((match["node"] for match in found if match), None)


async def _read(api: Api, one: Move, running: t.Mapping[int, Upid]) -> Move:
    """The move with what keeps its guest, or with the migration that runs."""
    upid = running.get(one.guest.vmid)
    if upid is not None:
        target = await target_in_log(api, upid)
        if target is None:
            why = f"another migration of it runs, and its target cannot be read: {upid}"
            return replace(one, refusal=why)
        return replace(one, running=upid, target=target)
    try:
        return replace(one, mobility=await read_mobility(api, one.guest))
    except PveError as error:
        return replace(one, refusal=f"what it needs cannot be read: {error}")


def _placed(
    context: Context, one: Move, cluster: Cluster, room: Room, candidates: t.Sequence[str]
) -> Move:
    """The move with its target, or with the reason why there is none."""
    if one.refusal:
        return one
    try:
        target = _target(context.params, one, room, candidates)
        params = params_of(context.params, one.guest, target)
        if one.running is None:
            OPERATIONS["migrate"].rule(Situation(one.guest, params, cluster))
    except UsageError as error:
        return replace(one, target=None, refusal=str(error))
    if target in cluster.nodes:
        room.take(target, one.guest.memory, runs=one.guest.running)
    return replace(one, target=target)


def _target(
    options: t.Mapping[str, t.Any], one: Move, room: Room, candidates: t.Sequence[str]
) -> str:
    """The node with the most room of those that can take the guest; UsageError without one."""
    if one.target is not None:
        if options["state"] == "refilled" and one.target not in candidates:
            raise UsageError(f"it is on its way to {one.target}")
        return one.target
    why = obstacle(options, one.guest, one.mobility)
    if why:
        raise UsageError(why)
    # Where the disks go to another storage, one that a node lacks is no obstacle.
    everywhere = options["target_storage"] is not None
    lacking = {node: "" if everywhere else one.mobility.why_not(node) for node in candidates}
    targets = [node for node, why in lacking.items() if not why]
    if not targets:
        raise UsageError(f"no node can take it: {'; '.join(lacking.values()) or 'there is none'}")
    size = one.guest.memory
    if one.guest.running and not options["overcommit"]:
        free = {node: room.free(node) for node in targets}
        targets = [node for node in targets if free[node] >= size]
        if not targets:
            available = ", ".join(f"{node} has {_gib(one)}" for node, one in free.items())
            raise UsageError(
                f"it needs {_gib(size)} of memory, and no node has so much free ({available});"
                " overcommit allows it"
            )
    return t.cast("str", room.emptiest(targets, size))


def _gib(size: int) -> str:
    return f"{max(0, size) / _GIB:.1f} GiB"
