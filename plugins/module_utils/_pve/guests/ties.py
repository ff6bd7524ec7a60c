# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps a guest from being removed: locks, linked clones, replication; and what it owns."""

from __future__ import annotations

import asyncio
import re
import typing as t
from dataclasses import dataclass

from ..api.answers import read_rows
from ..api.errors import PveError
from .config import read_configuration
from .volumes import DRIVE, storage_of, volume_of

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .cluster import Guest

_UNUSED = re.compile(r"(unused\d+|vmstate)\Z")


@dataclass(frozen=True)
class Ties:
    """What else there is about a guest.

    ``clones`` are the VMIDs of the linked clones of a template, ``replication`` the ids of its
    replication jobs.
    """

    clones: tuple[int, ...] = ()
    replication: tuple[str, ...] = ()


async def read_ties(api: Api, guest: Guest) -> Ties:
    """What can be read of it; Proxmox VE itself checks all of it again."""
    clones, jobs = await asyncio.gather(_linked_clones(api, guest), _replication(api, guest))
    return Ties(clones, jobs)


async def _linked_clones(api: Api, guest: Guest) -> tuple[int, ...]:
    if not guest.template:
        return ()
    rows, _unread = await linked_volumes(api, guest, (await read_configuration(api, guest)).values)
    return tuple(sorted({int(row.get("vmid") or 0) for row in rows}))


async def linked_volumes(
    api: Api, guest: Guest, config: t.Mapping[str, t.Any]
) -> tuple[list[t.Mapping[str, t.Any]], tuple[str, ...]]:
    """The volumes that rest on those of a template, and the storages that cannot be read.

    Such a volume has its base in its id: ``ceph:base-9000-disk-0/vm-201-disk-0``
    (``PVE::Storage``, volume_is_base_and_used). LVM-thin keeps no such relation: its clones do not
    depend on their origin.
    """
    bases = owned_volumes(guest, config)
    storages = _storages(bases)
    contents = await asyncio.gather(*(disks_on(api, guest, one) for one in storages))
    found = [
        row
        for rows in contents
        for row in rows or ()
        if any(str(row.get("volid")).startswith(f"{base}/") for base in bases)
    ]
    return found, tuple(one for one, rows in zip(storages, contents) if rows is None)


async def _replication(api: Api, guest: Guest) -> tuple[str, ...]:
    try:
        rows = await read_rows(api, ("cluster", "replication"))
    except PveError:
        return ()
    return tuple(str(row.get("id")) for row in rows if str(row.get("guest")) == str(guest.vmid))


def owned_volumes(guest: Guest, config: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    """The volumes that go with a guest: those named after it, unused ones and saved memory too.

    Media, devices and volumes of other guests stay.
    """
    own = re.compile(rf"[:/](vm|base|subvol|basevol)-{guest.vmid}-[^/]*\Z")
    values = [str(value) for key, value in config.items() if DRIVE.match(key) or _UNUSED.match(key)]
    return tuple(sorted({volume for volume in map(volume_of, values) if own.search(volume)}))


def _storages(volumes: t.Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({one for one in map(storage_of, volumes) if one}))


async def disks_on(
    api: Api, guest: Guest, storage: str, vmid: int | None = None
) -> t.Sequence[t.Mapping[str, t.Any]] | None:
    """The disks on a storage of the guest's node, of one guest or of all; None if unreadable."""
    kind = {"content": "images" if guest.type == "qemu" else "rootdir"}
    only = {} if vmid is None else {"vmid": vmid}
    try:
        path = ("nodes", guest.node, "storage", storage, "content")
        return await read_rows(api, path, {**kind, **only})
    except PveError:
        return None


async def remaining(
    api: Api, guest: Guest, volumes: t.Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which of the volumes are still there, and the storages of which that is not known."""
    storages = _storages(volumes)
    contents = await asyncio.gather(*(disks_on(api, guest, one, guest.vmid) for one in storages))
    there = {str(row.get("volid")) for rows in contents for row in rows or ()}
    unknown = tuple(one for one, rows in zip(storages, contents) if rows is None)
    return tuple(volume for volume in volumes if volume in there), unknown
