# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests whose backups are verified, and the newest backup of each."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, replace

from ...api.errors import PveError, UsageError
from ...guests.backups import read_backups, storages_for_backups
from ...guests.cluster import GUEST_TYPES
from ...guests.labels import label_of
from ...guests.reading import read_cluster
from ...guests.selector import Selector
from ...tasks.task import iso
from ...tasks.times import read_moment
from ..references import read_references
from ..selection import check_selector, selected

if t.TYPE_CHECKING:
    from ...guests.backups import Backup
    from ...guests.cluster import Cluster, Guest
    from ..context import Context
    from ..references import GuestReference


@dataclass(frozen=True)
class Subject:
    """A guest whose backup is verified; it may be gone, so that only its VMID is known.

    ``refusal`` says why its backup cannot be verified, ``doubt`` why it may not be the newest one.
    """

    text: str
    vmid: int | None
    guest: Guest | None = None
    backup: Backup | None = None
    refusal: str = ""
    doubt: str = ""

    @property
    def title(self) -> str:
        """``VM 201 (web1)``, or what the user wrote."""
        if self.guest is not None:
            return self.guest.label
        return label_of(self.backup.type, self.backup.vmid) if self.backup else self.text


async def read_subjects(context: Context) -> tuple[list[Subject], Cluster]:
    """The guests that are meant, each with its newest backup, and the cluster."""
    params = context.params
    selector = Selector.from_params(params, templates=params["templates"])
    if selector.is_set == (params["guests"] is not None):
        raise UsageError(
            "guests: give either guests, or options that select them (pool, tags, nodes, type,"
            " status, name); nodes: all selects every guest"
        )
    cluster = await read_cluster(context.api, GUEST_TYPES)
    if params["guests"] is None:
        await check_selector(context.api, selector, cluster)
        subjects = [
            Subject(guest.label, guest.vmid, guest)
            for guest in selected(context, selector, cluster)
        ]
    else:
        subjects = [_named(one, cluster) for one in read_references(params["guests"], None)]
    unread: list[str] = []
    newest = await _newest(context, cluster, unread) if subjects else {}
    found = [_with_backup(context, one, newest) for one in subjects]
    found = [_with_doubt(one, cluster, unread) for one in found]
    if params["guests"] is None:  # one that is being created has no backup yet
        found = [one for one in found if one.backup or not one.guest or one.guest.lock != "create"]
    return found, cluster


def _named(one: GuestReference, cluster: Cluster) -> Subject:
    try:
        guest = one.find(cluster)
    except UsageError as error:
        return Subject(one.text, one.vmid, refusal=str(error))
    if guest is None and one.vmid is None:
        return Subject(one.text, None, refusal=f"there is no guest {one.text!r} in the cluster")
    return Subject(one.text, guest.vmid if guest else one.vmid, guest)


def _with_backup(
    context: Context, one: Subject, newest: t.Mapping[tuple[int, str], list[Backup]]
) -> Subject:
    if one.refusal:
        return one
    types = (one.guest.type,) if one.guest else GUEST_TYPES
    found = [backup for kind in types for backup in newest.get((one.vmid or 0, kind), ())]
    if not found:
        return replace(one, refusal="there is no backup of it on the storages that were read")
    latest = max(backup.created for backup in found)
    # A shared storage is seen by many nodes: that of the guest comes first.
    home = one.guest.node if one.guest else None
    backup = min(
        (backup for backup in found if backup.created == latest),
        key=lambda backup: (backup.node != home, backup.node),
    )
    one = replace(one, backup=backup)
    moment = read_moment(context.params["max_age"], "max_age")
    if moment is not None and backup.created < moment.by(context.api.server_time()):
        return replace(
            one,
            refusal=f"its newest backup is of {iso(backup.created)}, which is before max_age"
            f" ({context.params['max_age']})",
        )
    if one.guest is not None and one.guest.template:
        return replace(one, refusal="it is a template, which cannot be started")
    return one


def _with_doubt(one: Subject, cluster: Cluster, unread: t.Sequence[str]) -> Subject:
    """What could not be read may have a newer backup, and so may a node that is offline."""
    places = list(unread)
    node = cluster.nodes.get(one.guest.node) if one.guest else None
    if node is not None and not node.online:
        places.append(f"what only its node {node.name} has, which is offline")
    if not places:
        return one
    if one.backup is None and one.refusal:
        return replace(one, refusal=f"{one.refusal}; not read: {', '.join(places)}")
    return replace(one, doubt=f"there may be a newer one: not read: {', '.join(places)}")


async def _newest(
    context: Context, cluster: Cluster, unread: list[str]
) -> dict[tuple[int, str], list[Backup]]:
    """The newest backups by VMID and type: one, or the same one as several nodes see it.

    What could not be read is added to ``unread``.
    """
    places = await _places(context, cluster, unread)
    found: dict[tuple[int, str], list[Backup]] = {}
    for backups in await asyncio.gather(*(_content(context, unread, *place) for place in places)):
        for one in backups:
            found.setdefault((one.vmid, one.type), []).append(one)
    return {
        key: [one for one in some if one.created == max(other.created for other in some)]
        for key, some in found.items()
    }


async def _places(
    context: Context, cluster: Cluster, unread: list[str]
) -> list[tuple[str, list[str]]]:
    """Every storage for backups with the nodes that see the same content of it."""
    online = [name for name, node in cluster.nodes.items() if node.online]
    lists = await asyncio.gather(*(_storages(context, unread, node) for node in online))
    seen: dict[tuple[str, str], list[str]] = {}
    for node, storages in zip(online, lists):
        for name, shared in storages:
            seen.setdefault((name, "" if shared else node), []).append(node)
    wanted = context.params["storages"]
    for name in wanted or ():
        if not any(name == one for one, _node in seen):
            raise UsageError(f"storages: no node has a storage {name!r} for backups that works")
    return [(name, nodes) for (name, _node), nodes in seen.items() if not wanted or name in wanted]


async def _storages(context: Context, unread: list[str], node: str) -> list[tuple[str, bool]]:
    try:
        return await storages_for_backups(context.api, node)
    except PveError as error:
        context.warn(f"the storages of node {node} are left out: {error}")
        unread.append(f"the storages of node {node}")
        return []


async def _content(
    context: Context, unread: list[str], storage: str, nodes: t.Sequence[str]
) -> list[Backup]:
    """The backups on a storage, as each of the nodes sees them; read from the first of them."""
    try:
        backups = await read_backups(context.api, nodes[0], storage)
    except PveError as error:
        context.warn(f"the backups on storage {storage} of node {nodes[0]} are left out: {error}")
        unread.append(f"storage {storage} of node {nodes[0]}")
        return []
    return [replace(one, node=node) for one in backups for node in nodes]
