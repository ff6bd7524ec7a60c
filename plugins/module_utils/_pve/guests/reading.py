# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the guests of the cluster: their nodes, names and states."""

from __future__ import annotations

import asyncio
import typing as t

from ..api.answers import malformed, read_rows
from .cluster import GUEST_TYPES, Cluster, Guest, Node, split_tags
from .lists import completed, read_list

if t.TYPE_CHECKING:
    from ..api.client import Api

_MORE_READINGS = 3


async def read_cluster(api: Api, names: t.Collection[str] = ()) -> Cluster:
    """Read nodes and guests; ``names`` are the types of guests whose names are needed.

    ``cluster/resources`` has the current node, lock, tags and pool of each guest, but names and
    states as the nodes reported them up to 11 s ago: a new guest may have the name of an earlier
    one with its VMID. So names only come from the lists of the nodes, which read the
    configurations, in one request per node and type; without ``names`` there are none, and states
    are that old. If a guest is no longer on its node, it was removed or has moved, as a clone does
    in its last step; then everything is read again.
    """
    for _unused in range(_MORE_READINGS):
        cluster, moved = await _with_lists(api, await _resources(api), names)
        if not moved:
            return cluster
    cluster, _moved = await _with_lists(api, await _resources(api), names)
    return cluster


async def add_names(api: Api, cluster: Cluster, names: t.Collection[str]) -> Cluster:
    """The cluster with the names of the guests of these types as well."""
    named, moved = await _with_lists(api, cluster, names)
    return await read_cluster(api, names) if moved else named


async def add_names_of(api: Api, cluster: Cluster, guests: t.Iterable[Guest]) -> Cluster:
    """The cluster with the names of these guests, and of those beside them."""
    places = {(guest.node, guest.type) for guest in guests}
    named, moved = await _with_lists(api, cluster, GUEST_TYPES, places)
    return await read_cluster(api, GUEST_TYPES) if moved else named


async def _resources(api: Api) -> Cluster:
    """What the cluster's list shows, without its unreliable names."""
    rows = await read_rows(api, ("cluster", "resources"))
    try:
        nodes = {node.name: node for node in map(_node, _of_type(rows, "node"))}
        guests = {guest.vmid: guest for guest in map(_guest, _of_type(rows, *GUEST_TYPES))}
    except (KeyError, TypeError, ValueError) as exc:
        raise malformed("GET /cluster/resources", f"{type(exc).__name__}: {exc}") from exc
    places = {(node, guest_type) for node in nodes for guest_type in GUEST_TYPES}
    places |= {(guest.node, guest.type) for guest in guests.values()}
    return Cluster(dict(sorted(nodes.items())), dict(sorted(guests.items())), sorted(places))


async def _with_lists(
    api: Api,
    cluster: Cluster,
    guest_types: t.Collection[str],
    among: t.Collection[tuple[str, str]] | None = None,
) -> tuple[Cluster, bool]:
    """The cluster with what the lists of its nodes show, and whether a guest was missing there."""
    places = [
        (node, guest_type)
        for node, guest_type in cluster.unread
        if guest_type in guest_types
        and (among is None or (node, guest_type) in among)
        and (node not in cluster.nodes or cluster.nodes[node].online)
    ]
    lists = await asyncio.gather(*(read_list(api, node, guest_type) for node, guest_type in places))
    read = {place: listed for place, listed in zip(places, lists) if listed is not None}
    guests = dict(cluster.guests)
    seen: set[int] = set()
    moved = False
    for (node, guest_type), listed in read.items():
        for vmid, row in listed.items():
            known = guests.get(vmid)
            if vmid in seen or known is None or (known.node, known.type) != (node, guest_type):
                moved = True
                known = Guest(vmid, guest_type, node, None)
            guests[vmid] = completed(known, row)
            seen.add(vmid)
    moved = moved or any(
        (guest.node, guest.type) in read and guest.vmid not in seen for guest in guests.values()
    )
    unread = [place for place in cluster.unread if place not in read]
    return Cluster(cluster.nodes, dict(sorted(guests.items())), unread), moved


def _of_type(
    rows: t.Iterable[t.Mapping[str, t.Any]], *types: str
) -> t.Iterator[t.Mapping[str, t.Any]]:
    return (row for row in rows if row.get("type") in types)


def _node(row: t.Mapping[str, t.Any]) -> Node:
    return Node(
        name=str(row["node"]),
        online=row.get("status") == "online",
        memory=int(row.get("maxmem") or 0),
        memory_used=int(row.get("mem") or 0),
    )


def _guest(row: t.Mapping[str, t.Any]) -> Guest:
    return Guest(
        vmid=int(row["vmid"]),
        type=str(row["type"]),
        node=str(row["node"]),
        name=None,
        status=str(row.get("status") or "unknown"),
        template=bool(int(row.get("template") or 0)),
        lock=row.get("lock"),
        pool=row.get("pool"),
        tags=split_tags(row.get("tags")),
        memory=int(row.get("maxmem") or 0),
        hint=row.get("name"),
        ha=None if row.get("hastate") == "ignored" else row.get("hastate"),
    )
