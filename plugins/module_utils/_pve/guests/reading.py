# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the guests of the cluster: their nodes, names and states."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import replace

from ..api import clock
from ..api.answers import malformed, read_mapping, read_rows
from ..api.errors import ApiError, Cause, NoAnswerError, PveError

if t.TYPE_CHECKING:
    from ..api.client import Api

from .cluster import CREATION_LOCKS, GUEST_TYPES, Cluster, Guest, Node, split_tags

_MORE_READINGS = 3
# How long a node may refuse or fail to list its guests until they count as unknown, in seconds.
_PATIENCE = 30.0


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


class SharedReadings:
    """Readings of the cluster without names, shared by all callers until the reading begins.

    No caller gets a reading that began before its call. Callers during a reading share the next
    one.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._running: asyncio.Future[Cluster] | None = None
        self._next: asyncio.Future[Cluster] | None = None

    async def read(self) -> Cluster:
        """The cluster as it was at some moment after the call; raises what the request raises."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._after(self._running))
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Future[Cluster] | None) -> Cluster:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        return await read_cluster(self._api)


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
            guests[vmid] = _completed(known, row)
            seen.add(vmid)
    moved = moved or any(
        (guest.node, guest.type) in read and guest.vmid not in seen for guest in guests.values()
    )
    unread = [place for place in cluster.unread if place not in read]
    return Cluster(cluster.nodes, dict(sorted(guests.items())), unread), moved


async def read_states(api: Api, guests: t.Sequence[Guest]) -> dict[int, Guest]:
    """The guests with their current name and state by VMID, in one request per node and type.

    Those that their nodes do not list now are left out.
    """
    places = sorted({(guest.node, guest.type) for guest in guests})
    lists = await asyncio.gather(*(read_list(api, node, guest_type) for node, guest_type in places))
    rows = {vmid: row for listed in lists for vmid, row in (listed or {}).items()}
    return {
        guest.vmid: _completed(guest, rows[guest.vmid]) for guest in guests if guest.vmid in rows
    }


def still_named(guest: Guest) -> t.Callable[[Api], t.Awaitable[None]]:
    """A ``recheck`` for a job: see ``read_while_named``."""

    async def recheck(api: Api) -> None:
        await read_while_named(api, guest)

    return recheck


async def read_while_named(api: Api, guest: Guest) -> Guest:
    """The guest with its current tags, if its own configuration still has its name.

    PveError if it was removed or moved, or if its VMID now belongs to a guest of another name.
    """
    path = ("nodes", guest.node, guest.type, guest.vmid, "config")
    try:
        config = await read_mapping(api, path)
    except ApiError as error:
        if error.cause is not Cause.GONE:
            raise
        raise PveError(
            f"{guest.title} no longer exists there: it was removed or moved after it was looked up"
            f" by its name {guest.name!r}; nothing was done"
        ) from error
    name = config_name(guest.type, config)
    if name != guest.name:
        raise PveError(
            f"VMID {guest.vmid} is now named {name!r}, not {guest.name!r} as when it was"
            " looked up; it is not changed"
        )
    template = str(config.get("template") or 0) == "1"
    return replace(guest, tags=split_tags(config.get("tags")), template=template)


def config_name(guest_type: str, config: t.Mapping[str, t.Any]) -> str | None:
    """The name in a guest's configuration, None if there is none."""
    name = config.get("name" if guest_type == "qemu" else "hostname")
    return None if name is None else str(name)


async def read_list(
    api: Api, node: str, guest_type: str
) -> dict[int, t.Mapping[str, t.Any]] | None:
    """The guests of a node by VMID, None if it cannot be read.

    It is retried while a daemon restarts or is blocked by locks, and because a node returns 500 now
    and then while its containers start or stop. A silent node is tried once.
    """
    until, attempt = clock.now() + _PATIENCE, 0
    while True:
        attempt += 1
        try:
            rows = await read_rows(api, ("nodes", node, guest_type), retries=0)
            return {_readable(row): row for row in rows}
        except NoAnswerError:
            pass
        except (ApiError, KeyError, TypeError, ValueError) as error:
            if not isinstance(error, ApiError) or error.status != 500:
                return None
        if clock.now() >= until:
            return None
        await clock.sleep(clock.backoff(attempt, most=4.0))


def _readable(row: t.Mapping[str, t.Any]) -> int:
    """The VMID of a row; raises KeyError, TypeError or ValueError for one that is malformed."""
    int(row.get("template") or 0)
    int(row.get("maxmem") or 0)
    return int(row["vmid"])


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
    )


def _name(row: t.Mapping[str, t.Any]) -> str | None:
    """The name in the list of a node, None if there is none.

    Proxmox VE invents one for a guest whose configuration has none, as that of a running clone:
    ``VM 201``, ``CT201`` (``PVE::QemuServer::vmstatus``, ``PVE::LXC::vmstatus``). The latter is a
    possible host name, and that of a complete container.
    """
    name, vmid = str(row.get("name") or ""), row["vmid"]
    if name in ("", f"VM {vmid}", f"CT {vmid}"):
        return None
    return None if name == f"CT{vmid}" and row.get("lock") in CREATION_LOCKS else name


def listed_guest(node: str, guest_type: str, row: t.Mapping[str, t.Any]) -> Guest:
    """The guest of a row in the list of a node."""
    return _completed(Guest(int(row["vmid"]), guest_type, node, None), row)


def _completed(guest: Guest, row: t.Mapping[str, t.Any]) -> Guest:
    """The guest with its current data from its node's list."""
    return replace(
        guest,
        name=_name(row),
        status=str(row.get("status") or guest.status),
        template=bool(int(row.get("template") or 0)),
        lock=row.get("lock"),
        tags=split_tags(row.get("tags")) or guest.tags,
        memory=int(row.get("maxmem") or 0),
    )
