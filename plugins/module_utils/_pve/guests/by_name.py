# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests of one type by name, as the lists of nodes currently show them."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, field

from .cluster import CREATION_LOCKS, Guest
from .lists import listed_guest, read_list

if t.TYPE_CHECKING:
    from ..api.client import Api

Row = t.Mapping[str, t.Any]


@dataclass
class _List:
    """The list of a node: its rows by name, and those with duplicate names.

    A large cluster is read repeatedly while guests are created, and few of its guests matter each
    time. So rows are only converted when they are requested.
    """

    by_name: dict[str, Row]
    more: list[Row]

    @classmethod
    def of(cls, rows: t.Collection[Row]) -> _List:
        by_name = {str(row.get("name")): row for row in rows}
        more = []
        if len(by_name) < len(rows):
            more = [row for row in rows if by_name[str(row.get("name"))] is not row]
        return cls(by_name, more)

    def named(self, name: str) -> list[Row]:
        found = self.by_name.get(name)
        if found is None:
            return []
        return [found, *(row for row in self.more if str(row.get("name")) == name)]


@dataclass
class GuestsByName:
    """Guests of one type by their names; ``count`` is how many there are.

    ``begun`` are those that are being created and have no name yet.
    """

    guest_type: str
    known: dict[str, list[Guest]] = field(default_factory=dict)
    lists: dict[str, _List] = field(default_factory=dict)
    begun: list[Guest] = field(default_factory=list)
    count: int = 0

    @classmethod
    def of(cls, guest_type: str, guests: t.Iterable[Guest]) -> GuestsByName:
        """Those of the type among these guests."""
        index = cls(guest_type)
        for guest in guests:
            if guest.type != guest_type:
                continue
            index.count += 1
            if guest.name:
                index.known.setdefault(guest.name, []).append(guest)
            elif guest.lock in CREATION_LOCKS:
                index.begun.append(guest)
        return index

    def add(self, node: str, rows: t.Collection[Row]) -> None:
        """Take in the list of a node."""
        self.lists[node] = _List.of(rows)
        self.count += len(rows)
        begun = (row for row in rows if row.get("lock") in CREATION_LOCKS)
        guests = (listed_guest(node, self.guest_type, row) for row in begun)
        self.begun += [guest for guest in guests if not guest.name]

    def named(self, name: str) -> list[Guest]:
        """Every guest of this name."""
        guests = list(self.known.get(name, ()))
        for node, listed in self.lists.items():
            guests += [listed_guest(node, self.guest_type, row) for row in listed.named(name)]
        return [guest for guest in guests if guest.name == name]


async def read_by_name(
    api: Api, nodes: t.Sequence[str], guest_type: str, patience: float
) -> tuple[GuestsByName, set[str]]:
    """The guests of a type as these nodes list them now, and the nodes that did not list any.

    A node that takes longer than ``patience`` (seconds) is not waited for.
    """

    async def of(node: str) -> dict[int, Row] | None:
        try:
            return await asyncio.wait_for(read_list(api, node, guest_type), patience)
        except asyncio.TimeoutError:
            return None

    lists = dict(zip(nodes, await asyncio.gather(*map(of, nodes))))
    guests = GuestsByName(guest_type)
    for node, listed in lists.items():
        if listed is not None:
            guests.add(node, listed.values())
    return guests, {node for node, listed in lists.items() if listed is None}
