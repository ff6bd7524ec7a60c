# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a small cluster in memory: nodes, guests, and tasks that end as time goes by.

Times are seconds of the running event loop; the cluster's clock shows ``EPOCH`` at second 0.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid

EPOCH = 1_800_000_000
GIB = 1 << 30
# How old the names and states in the cluster's list of resources may be (pvestatd's cycle).
NAMES_LAG = 10.0
_LONG_AGO = -3600.0


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class FakeTask:
    """A task; it runs until second ``end``, forever without one. ``listed`` false hides it
    from the list of running tasks, as Proxmox VE hides those of tokens; ``noticed`` is how long
    after its end the archive has it."""

    upid: Upid
    end: float | None
    exitstatus: str = "OK"
    log: list[str] = field(default_factory=list)
    listed: bool = True
    noticed: float = 0.0
    skew: float = 0.0
    at_end: Callable[[], None] | None = None
    settled: bool = False

    @property
    def running(self) -> bool:
        return self.end is None or now() < self.end

    @property
    def archived(self) -> bool:
        return self.end is not None and now() >= self.end + self.noticed

    def row(self) -> dict[str, Any]:
        """The task in a list of its node."""
        upid = self.upid
        row: dict[str, Any] = {
            "upid": str(upid),
            "node": upid.node,
            "pid": upid.pid,
            "pstart": upid.pstart,
            "starttime": upid.starttime,
            "type": upid.type,
            "id": upid.id,
        }
        if self.running:
            return {**row, "user": upid.user, "status": "RUNNING", "saved": "0"}
        row |= {"user": upid.userid, "endtime": EPOCH + int((self.end or 0) + self.skew)}
        return (
            row | {"status": self.exitstatus} | ({"tokenid": upid.tokenid} if upid.tokenid else {})
        )


@dataclass
class FakeGuest:
    """A guest; ``config`` is what is in force, ``born`` when it got its name.

    ``pending`` waits for a restart, None for what will go.
    """

    vmid: int
    type: str
    node: str
    config: dict[str, Any] = field(default_factory=dict)
    status: str = "stopped"
    pool: str | None = None
    born: float = _LONG_AGO
    pending: dict[str, Any] = field(default_factory=dict)
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    ha: str | None = None

    @property
    def digest(self) -> str:
        """Proxmox VE's fingerprint of the file."""
        text = repr((sorted(self.config.items()), sorted(self.pending.items())))
        return hashlib.sha1(text.encode()).hexdigest()

    @property
    def name(self) -> str | None:
        name = self.config.get("name" if self.type == "qemu" else "hostname")
        return None if name is None else str(name)

    @property
    def shown_name(self) -> str:
        """The name in the list of its node, made up where it has none."""
        return self.name or (f"VM {self.vmid}" if self.type == "qemu" else f"CT{self.vmid}")

    def row(self) -> dict[str, Any]:
        """What its node says of it at this moment."""
        row = {
            "vmid": self.vmid,
            "name": self.shown_name,
            "status": self.status,
            "maxmem": int(self.config.get("memory", 512)) << 20,
        }
        row |= {key: self.config[key] for key in ("lock", "tags", "template") if key in self.config}
        return row


@dataclass
class FakeCluster:
    """Everything there is. ``down`` are nodes that do not answer, ``skews`` the seconds by which
    the clocks of nodes are ahead of that of the host that answers.

    ``backups`` are the rows that a storage for backups lists, ``storages`` those of further
    storages, and ``volumes`` what is on them by node and storage: rows of their lists.
    ``reports`` are what the nodes told of each VMID: the second, the name shown and the state.
    """

    nodes: dict[str, tuple[int, int]] = field(
        default_factory=lambda: dict.fromkeys(("pve1", "pve2", "pve3"), (64 * GIB, 8 * GIB))
    )
    guests: dict[int, FakeGuest] = field(default_factory=dict)
    tasks: list[FakeTask] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    skews: dict[str, float] = field(default_factory=dict)
    templates: dict[str, list[str]] = field(default_factory=dict)
    images: dict[int, list[str]] = field(default_factory=dict)
    backups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    storages: list[dict[str, Any]] = field(default_factory=list)
    volumes: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    contents: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    replication: list[dict[str, Any]] = field(default_factory=list)
    pids: Any = field(default_factory=lambda: itertools.count(1000))
    reports: dict[int, list[tuple[float, str, str]]] = field(default_factory=dict)

    def add(
        self, vmid: int, guest_type: str = "qemu", node: str = "pve1", **config: Any
    ) -> FakeGuest:
        """A guest that has been there for long."""
        status = config.pop("status", "stopped")
        guest = self.guests[vmid] = FakeGuest(vmid, guest_type, node, config, status)
        return guest

    def remove(self, vmid: int, *, images: bool = False) -> None:
        """The guest is gone, with the images named after it where that is wanted."""
        self.observe()
        del self.guests[vmid]
        if images:
            self.images.pop(vmid, None)

    def observe(self) -> None:
        """Have the nodes take note of the names and states of this moment, which they tell later.

        A name or state that is first seen was there since the guest was born.
        """
        for guest in self.guests.values():
            reports = self.reports.setdefault(guest.vmid, [])
            if not reports or reports[-1][1:] != (guest.shown_name, guest.status):
                at = now() if reports else guest.born
                reports.append((at, guest.shown_name, guest.status))

    def reported(self, vmid: int) -> dict[str, str]:
        """What the cluster's list says of a guest: its last report that is old enough."""
        self.observe()
        told = [one for one in self.reports[vmid] if one[0] <= now() - NAMES_LAG]
        if not told:
            return {"status": "unknown"}
        return {"name": told[-1][1], "status": told[-1][2]}

    def start(
        self,
        node: str,
        type_: str,
        id_: object = "",
        seconds: float | None = None,
        user: str = "root@pam!ansible",
        started: float | None = None,
        **more: Any,
    ) -> FakeTask:
        """A task that begins now (or began at second ``started``) and works for ``seconds``."""
        began = now() if started is None else started
        pid, skew = next(self.pids), self.skews.get(node, 0.0)
        numbers = f"{pid:08X}:{5000 + pid:08X}:{EPOCH + int(began + skew):08X}"
        upid = Upid.parse(f"UPID:{node}:{numbers}:{type_}:{id_}:{user}:")
        task = FakeTask(upid, None if seconds is None else began + seconds, skew=skew, **more)
        self.tasks.append(task)
        return task

    def settle(self) -> None:
        """Let the tasks that are over do what they do at their end, in the order of their ends."""
        over = [task for task in self.tasks if not task.running and not task.settled]
        for task in sorted(over, key=lambda task: task.end or 0):
            task.settled = True
            if task.at_end:
                task.at_end()
                self.observe()

    def find(self, upid: str) -> FakeTask | None:
        return next((task for task in self.tasks if str(task.upid) == upid), None)
