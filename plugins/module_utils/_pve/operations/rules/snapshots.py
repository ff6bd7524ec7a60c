# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about snapshots."""

from __future__ import annotations

import typing as t

from ...api.errors import UsageError
from ...guests.snapshots import RESERVED
from ...guests.volumes import storages_of
from .situation import NOTHING, Need, missing

if t.TYPE_CHECKING:
    from .situation import Situation

# A volume there goes back to its newest snapshot alone (PVE::Storage::ZFSPoolPlugin).
_NEWEST_ONLY = "zfspool"


def unless_taken(there: Situation) -> Need:
    """A snapshot of a name is taken once."""
    name, guest = _name(there), there.guest
    if name in RESERVED:
        raise UsageError(f"params: snapname {name!r} is a reserved name")
    if guest.type == "lxc" and there.params.get("vmstate"):
        raise UsageError("params: vmstate is for VMs; the memory of a container cannot be saved")
    if _find(there, name) is not None:
        return NOTHING
    if guest.template:
        raise UsageError(f"{guest.title} is a template, of which there are no snapshots")
    return Need(there.params)


def if_there(there: Situation) -> Need:
    """A guest goes back to a snapshot that it has, on ZFS only to its newest one."""
    name, guest = _name(there), there.guest
    snapshot = _find(there, name)
    if snapshot is None:
        raise UsageError(f"{guest.title} has no snapshot {name!r}; {_those(there)}")
    newer = [one.name for one in there.snapshots if one.time > snapshot.time]
    zfs = [
        storage
        for storage in storages_of(there.current.values)
        if there.storages.get(storage) == _NEWEST_ONLY
    ]
    if newer and zfs:
        raise UsageError(
            f"{guest.title} has disks on {', '.join(zfs)}, where ZFS goes back to the newest"
            f" snapshot alone: {name!r} has newer ones, which have to be deleted first:"
            f" {', '.join(newer)}"
        )
    return Need(there.params)


def unless_deleted(there: Situation) -> Need:
    """A snapshot that is not there counts as deleted."""
    return NOTHING if _find(there, _name(there)) is None else Need(there.params)


def _name(there: Situation) -> str:
    name = str(there.params.get("snapname") or "")
    if not name:
        raise missing("snapname", there.params)
    return name


def _find(there: Situation, name: str) -> t.Any:
    return next((one for one in there.snapshots if one.name == name), None)


def _those(there: Situation) -> str:
    names = ", ".join(one.name for one in there.snapshots)
    return f"there are {names}" if names else "there are none"
