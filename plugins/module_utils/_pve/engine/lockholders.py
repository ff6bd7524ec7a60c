# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests a task locks while it works, and which running task may hold a guest's lock."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass

from ..api.answers import mapping_of
from ..api.errors import ApiError, NoAnswerError, PveError
from ..tasks.clone_log import CLONES, read_targets
from ..tasks.listing import list_tasks

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..guests.cluster import Guest
    from ..tasks.upid import Upid

# The locks that a task of a type sets in the configuration of a guest while it lasts.
LOCKS: t.Mapping[str, tuple[str, ...]] = {
    "qmclone": ("clone",),
    "vzclone": ("disk", "create"),
    "qmcreate": ("create",),
    "vzcreate": ("create",),
    "vzrestore": ("create",),
    "qmrestore": ("create",),
    "qmigrate": ("migrate",),
    "vzmigrate": ("migrate",),
    "vzdump": ("backup",),
    "qmsnapshot": ("snapshot",),
    "vzsnapshot": ("snapshot",),
    "qmdelsnapshot": ("snapshot-delete",),
    "vzdelsnapshot": ("snapshot-delete",),
    "qmrollback": ("rollback",),
    "vzrollback": ("rollback",),
    "qmsuspend": ("suspending",),
}


@dataclass(frozen=True)
class Holders:
    """The running tasks of a cluster, with the targets of clones if known.

    ``unread`` says for which nodes not all running tasks could be seen, and why.
    """

    tasks: t.Mapping[Upid, int | None]
    unread: t.Mapping[str, str]

    def may_hold(self, guest: Guest) -> bool:
        """Whether one of the running tasks can hold the lock of this guest."""
        return any(self._may(upid, target, guest) for upid, target in self.tasks.items())

    @staticmethod
    def _may(upid: Upid, target: int | None, guest: Guest) -> bool:
        if upid.vmid == guest.vmid:
            return True
        if guest.lock not in LOCKS.get(upid.type, ()):
            return False
        if upid.type in CLONES:
            return target in (guest.vmid, None)
        return upid.vmid is None  # a backup of several guests


async def read_holders(api: Api, nodes: t.Iterable[str]) -> Holders:
    """Read the running tasks of these nodes; a node that cannot be read is ``unread``."""
    names = list(nodes)
    lists = await asyncio.gather(*(_running(api, node) for node in names))
    unread = {node: one for node, one in zip(names, lists) if isinstance(one, str)}
    upids = [upid for one in lists if not isinstance(one, str) for upid in one]
    targets = await asyncio.gather(*(_target(api, upid) for upid in upids))
    return Holders(dict(zip(upids, targets)), unread)


async def _running(api: Api, node: str) -> list[Upid] | str:
    """The running tasks of a node, or why not all of them can be seen."""
    path = f"/nodes/{node}"
    try:
        entries = await list_tasks(api, node, {"source": "active"}, retries=2)
        answer = await api.get(("access", "permissions"), {"path": path})
        rights = mapping_of(answer, "GET /access/permissions").get(path)
    except (ApiError, NoAnswerError) as error:
        return str(error)
    if not isinstance(rights, dict) or "Sys.Audit" not in rights:
        return f"without Sys.Audit on {path} the tasks of other users are hidden"
    return [entry.upid for entry in entries if entry.status is None]


async def _target(api: Api, upid: Upid) -> int | None:
    if upid.type not in CLONES:
        return None
    try:
        targets = await read_targets(api, upid)
    except PveError:
        return None
    return next(iter(targets)) if len(targets) == 1 else None
