# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests and nodes of a cluster as they are now, and VMIDs for new guests."""

from __future__ import annotations

import asyncio
import re
import typing as t
from dataclasses import dataclass, field, replace

from .errors import ApiError, NoAnswerError, UsageError

if t.TYPE_CHECKING:
    from .client import Api

LOWEST_VMID, HIGHEST_VMID = 100, 999999999
_MORE_READINGS = 3
_SEPARATORS = re.compile(r"[;, ]+")


@dataclass(frozen=True)
class Guest:
    """A VM (``kind`` qemu) or a container (lxc).

    ``name`` is None while it has none or nobody can tell. ``status`` is ``running``, ``stopped``,
    or ``unknown`` where the node has not reported yet. ``memory`` is in bytes.
    """

    vmid: int
    kind: str
    node: str
    name: str | None
    status: str
    template: bool = False
    lock: str | None = None
    pool: str | None = None
    tags: tuple[str, ...] = ()
    memory: int = 0

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.status == "running"

    @property
    def title(self) -> str:
        """``VM 201 (web1) on pve1``."""
        shown = f" ({self.name})" if self.name else ""
        return f"{'VM' if self.kind == 'qemu' else 'CT'} {self.vmid}{shown} on {self.node}"


@dataclass(frozen=True)
class Node:
    """A node; ``memory_used`` and ``memory`` are in bytes, 0 while it is offline."""

    name: str
    online: bool
    memory: int = 0
    memory_used: int = 0


@dataclass(frozen=True)
class Cluster:
    """What one reading of the cluster showed.

    ``unread`` are the nodes that could not tell the names of guests of a kind: (node, kind).
    """

    nodes: t.Mapping[str, Node] = field(default_factory=dict)
    guests: t.Mapping[int, Guest] = field(default_factory=dict)
    unread: t.Collection[tuple[str, str]] = ()

    def named(self, name: str) -> list[Guest]:
        """Every guest of this name; Proxmox VE does not keep names unique."""
        return [guest for guest in self.guests.values() if guest.name == name]

    def find(self, reference: object, option: str) -> Guest | None:
        """The guest with this VMID or name, None where there is none.

        A name that several guests have raises UsageError, which names ``option`` and the guests.
        """
        text = str(reference).strip()
        if text.isdigit():
            return self.guests.get(int(text))
        found = self.named(text)
        if len(found) > 1:
            raise UsageError(
                f"{option}: the name {text!r} is ambiguous, use a VMID:"
                f" {', '.join(guest.title for guest in found)}"
            )
        return found[0] if found else None

    def get(self, reference: object, option: str) -> Guest:
        """Like ``find``, but a guest that is not there raises UsageError."""
        guest = self.find(reference, option)
        if guest is None:
            raise UsageError(
                f"{option}: there is no guest {str(reference)!r} in the cluster,"
                " or the user or token lacks VM.Audit on it"
            )
        return guest

    def node(self, name: str, option: str) -> Node:
        """The node of this name; UsageError where there is none or it is offline."""
        node = self.nodes.get(name)
        if node is None:
            raise UsageError(
                f"{option}: there is no node {name!r}; the cluster has {', '.join(self.nodes)}"
            )
        if not node.online:
            raise UsageError(f"{option}: node {name!r} is offline")
        return node


async def read_cluster(api: Api) -> Cluster:
    """Read nodes and guests with their names.

    ``cluster/resources`` knows every guest at once, but takes names from what the nodes report
    every 10 s. A younger guest is there without a name, so the lists of the nodes, which read the
    configurations, fill the gap. A guest that is no longer where it was has gone or moved, as a
    clone does in its last step; then all is read again.
    """
    cluster, moved = await _read_once(api)
    for _unused in range(_MORE_READINGS):
        if not moved:
            break
        cluster, moved = await _read_once(api)
    return cluster


async def _read_once(api: Api) -> tuple[Cluster, bool]:
    """One reading, and whether a guest without a name was gone when its node was asked."""
    rows = (await api.get(("cluster", "resources"))).data or []
    nodes = {node.name: node for node in map(_node, _of_type(rows, "node"))}
    guests = {guest.vmid: guest for guest in map(_guest, _of_type(rows, "qemu", "lxc"))}
    nameless = sorted({(guest.node, guest.kind) for guest in guests.values() if not guest.name})
    online = [place for place in nameless if place[0] not in nodes or nodes[place[0]].online]
    found = await asyncio.gather(*(_read_list(api, node, kind) for node, kind in online))
    read = {place: listed for place, listed in zip(online, found) if listed is not None}
    for vmid, row in ((vmid, row) for listed in read.values() for vmid, row in listed.items()):
        if vmid in guests and guests[vmid].name is None:
            guests[vmid] = _completed(guests[vmid], row)
    unread = [place for place in nameless if place not in read]
    moved = any(
        not guest.name and guest.vmid not in read.get((guest.node, guest.kind), (guest.vmid,))
        for guest in guests.values()
    )
    return Cluster(dict(sorted(nodes.items())), dict(sorted(guests.items())), unread), moved


async def read_fresh(api: Api, guests: t.Sequence[Guest]) -> list[Guest]:
    """The same guests with their state of this moment, in one request a node and kind."""
    places = sorted({(guest.node, guest.kind) for guest in guests})
    lists = await asyncio.gather(*(_read_list(api, node, kind) for node, kind in places))
    rows = {vmid: row for listed in lists for vmid, row in (listed or {}).items()}
    return [
        _completed(guest, rows[guest.vmid]) if guest.vmid in rows else guest for guest in guests
    ]


async def _read_list(api: Api, node: str, kind: str) -> dict[int, t.Mapping[str, t.Any]] | None:
    """The guests of a node by VMID, None where it does not tell."""
    try:
        answer = await api.get(("nodes", node, kind), retries=1)
    except (ApiError, NoAnswerError):
        return None
    return {int(row["vmid"]): row for row in answer.data or ()}


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
        kind=str(row["type"]),
        node=str(row["node"]),
        name=_name(row),
        status=str(row.get("status") or "unknown"),
        template=bool(int(row.get("template") or 0)),
        lock=row.get("lock"),
        pool=row.get("pool"),
        tags=split_tags(row.get("tags")),
        memory=int(row.get("maxmem") or 0),
    )


def _name(row: t.Mapping[str, t.Any]) -> str | None:
    """The name, None where there is none.

    Proxmox VE makes one up for a guest whose configuration has none, as that of a running clone
    (``PVE::QemuServer::vmstatus``, ``PVE::LXC::vmstatus``), and may show it for 10 s more.
    """
    name, vmid = row.get("name"), row["vmid"]
    return None if name in (None, "", f"VM {vmid}", f"CT{vmid}", f"CT {vmid}") else str(name)


def _name_without_lock(row: t.Mapping[str, t.Any]) -> str | None:
    """``CT200`` is a possible hostname: in the list of its node, for a container that is whole."""
    name = str(row.get("name") or "")
    return None if row.get("lock") or " " in name else name or None


def _completed(guest: Guest, row: t.Mapping[str, t.Any]) -> Guest:
    """The guest with what its node's list says of this moment."""
    return replace(
        guest,
        name=_name(row) or _name_without_lock(row),
        status=str(row.get("status") or guest.status),
        template=bool(int(row.get("template") or 0)),
        lock=row.get("lock"),
        tags=split_tags(row.get("tags")) or guest.tags,
        memory=int(row.get("maxmem") or 0),
    )


def split_tags(tags: object) -> tuple[str, ...]:
    """The tags of a guest in order; Proxmox VE separates them by ``;``, people also by ``,``."""
    if tags is None:
        return ()
    parts = tags if isinstance(tags, (list, tuple)) else _SEPARATORS.split(str(tags))
    return tuple(sorted({str(tag).strip() for tag in parts if str(tag).strip()}))


@dataclass(frozen=True)
class VmidRange:
    """The VMIDs that may be given to new guests, both ends included."""

    first: int = LOWEST_VMID
    last: int = HIGHEST_VMID

    @classmethod
    def parse(cls, text: str) -> VmidRange:
        """Read ``200-299``."""
        match = re.match(r"\s*(\d{1,9})\s*-\s*(\d{1,9})\s*\Z", text)
        if match is None:
            raise UsageError(f"vmid_range: {text!r} is not a range like 200-299")
        first, last = int(match.group(1)), int(match.group(2))
        check_vmid(first, "vmid_range")
        if last < first:
            raise UsageError(f"vmid_range: {text!r} ends before it begins")
        return cls(first, last)


def check_vmid(vmid: int, option: str) -> int:
    """The VMID, if Proxmox VE takes it (``pve-vmid``: 100 to 999999999)."""
    if not LOWEST_VMID <= vmid <= HIGHEST_VMID:
        raise UsageError(f"{option}: VMID {vmid} is outside {LOWEST_VMID}..{HIGHEST_VMID}")
    return vmid


class Vmids:
    """Hands out free VMIDs, none twice.

    Without a range the lowest one comes from the cluster, which knows its configured limits and
    guests that the caller cannot see.
    """

    def __init__(self, api: Api, used: t.Iterable[int], allowed: VmidRange | None) -> None:
        self._api = api
        self._used = set(used)
        self._allowed = allowed or VmidRange()
        self._ask_first = allowed is None
        self._next = self._allowed.first

    async def take(self) -> int:
        """A VMID that no known guest has and that was not handed out before."""
        if self._ask_first:
            self._ask_first = False
            self._next = int((await self._api.get(("cluster", "nextid"))).data)
        while self._next in self._used:
            self._next += 1
        if self._next > self._allowed.last:
            raise UsageError(
                f"vmid_range: no VMID is free from {self._allowed.first} to {self._allowed.last}"
            )
        self._used.add(self._next)
        return self._next

    async def instead_of(self, taken: int) -> int:
        """A VMID in place of one that somebody else took; asks the cluster whether it is free."""
        self._used.add(taken)
        while True:
            vmid = await self.take()
            try:
                await self._api.get(("cluster", "nextid"), {"vmid": vmid})
            except ApiError as error:
                if error.status != 400:
                    raise
            else:
                return vmid
