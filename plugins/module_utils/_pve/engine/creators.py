# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks create which guests: one index per command, with each log read once."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, field

from ..api.errors import ApiError, NoAnswerError, PveError
from ..tasks.clone_log import read_targets
from ..tasks.listing import list_tasks
from ..tasks.task import outcome_of

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..guests.cluster import Guest
    from ..tasks.listing import Entry
    from ..tasks.upid import Upid

# The tasks of one type of guest that create one, and lock it until they end.
_TYPES = {
    "qemu": ("qmclone", "qmcreate", "qmrestore"),
    "lxc": ("vzclone", "vzcreate", "vzrestore"),
}
# How many ended tasks of a node are searched for the one that left a locked guest.
_MOST_DEAD = 500


@dataclass
class Running:
    """The running tasks that create guests of one type, at one moment.

    ``by_vmid`` holds them by guest. ``unclear`` are the nodes on which there may be others: a task
    whose log is empty or may not be read, or a node that did not answer.
    """

    by_vmid: dict[int, Upid] = field(default_factory=dict)
    unclear: set[str] = field(default_factory=set)


class Creators:
    """Finds the tasks that create the guests of one type."""

    def __init__(self, api: Api, guest_type: str) -> None:
        self._api = api
        self._types = _TYPES[guest_type]
        self._targets: dict[Upid, frozenset[int]] = {}
        self._dead: dict[str, asyncio.Future[list[Entry]]] = {}

    async def poll(self, nodes: t.Collection[str]) -> Running:
        """Read what runs on these nodes: one list each, and each new clone's first lines."""
        self._dead.clear()
        found = Running()
        lists = await asyncio.gather(*(self._running(node) for node in nodes))
        found.unclear.update(node for node, upids in zip(nodes, lists) if upids is None)
        running = [upid for upids in lists for upid in upids or ()]
        for upid, targets in zip(running, await asyncio.gather(*map(self._created_by, running))):
            found.by_vmid.update(dict.fromkeys(targets, upid))
            if not targets:
                found.unclear.add(upid.node)
        return found

    async def find_dead(self, guest: Guest) -> Upid | None:
        """The caller's newest task on the guest's node that failed to create it, or None."""
        for entry in await self._ended(guest.node):
            if guest.vmid in await self._created_by(entry.upid):
                return entry.upid
        return None

    async def sees_everything(self, node: str) -> bool:
        """Whether the caller sees all tasks of a node, so that unlisted tasks do not run."""
        if self._api.authid == "root@pam":
            return True
        path = f"/nodes/{node}"
        try:
            answer = await self._api.get(("access", "permissions"), {"path": path})
        except PveError:
            return False
        return "Sys.Audit" in ((answer.data or {}).get(path) or ())

    async def _running(self, node: str) -> list[Upid] | None:
        try:
            entries = await list_tasks(self._api, node, {"source": "active"}, retries=None)
        except (ApiError, NoAnswerError):
            return None
        return [one.upid for one in entries if one.status is None and one.upid.type in self._types]

    async def _ended(self, node: str) -> list[Entry]:
        if node not in self._dead:
            self._dead[node] = asyncio.ensure_future(self._read_ended(node))
        return await asyncio.shield(self._dead[node])

    async def _read_ended(self, node: str) -> list[Entry]:
        """The caller's tasks that failed, the newest first."""
        lists = [
            await list_tasks(
                self._api,
                node,
                {"source": "archive", "typefilter": task_type},
                most=_MOST_DEAD,
                retries=None,
            )
            for task_type in self._types
        ]
        dead = [
            entry
            for entries in lists
            for entry in entries
            if entry.status is not None
            and not outcome_of(entry.status).succeeded
            and entry.upid.user == self._api.authid
        ]
        return sorted(dead, key=lambda entry: entry.upid.starttime, reverse=True)

    async def _created_by(self, upid: Upid) -> frozenset[int]:
        """The guest that a task creates; empty if that cannot be read."""
        if upid not in self._targets:
            try:
                found = await read_targets(self._api, upid)
            except (ApiError, NoAnswerError):
                found = frozenset()
            if not found:  # the log may not have been written yet
                return found
            self._targets[upid] = found
        return self._targets[upid]
