# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the simulated cluster: plain data, changed by the calls and by their tasks."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .calls import CallError
from .clock import Clock
from .contents import Contents
from .entities import (
    CONFIG_VALUE,
    Acl,
    Firewall,
    Group,
    Guest,
    Node,
    Pool,
    Snapshot,
    Storage,
    TaskFault,
    Token,
    User,
    Volume,
)
from .locks import Locks
from .statd import Statd
from .tasks import TaskEngine
from .upload import Upload
from .worldconfig import config_json
from .worldfile import fill, read

__all__ = [
    "CONFIG_VALUE",
    "Acl",
    "Firewall",
    "Group",
    "Guest",
    "Node",
    "Pool",
    "Snapshot",
    "Storage",
    "TaskFault",
    "Token",
    "User",
    "Volume",
    "World",
]

DEFAULT_WORLD = Path(__file__).parent / "data" / "default_world.yml"


class World(Contents):
    """Everything that the cluster knows."""

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        super().__init__()
        self.clock = clock
        self.seed = seed
        self.random = random.Random(seed)
        self.leases: dict[tuple[int, int], str] = {}
        """The addresses that guests got, by VMID and number of the interface."""
        self.consoles: dict[str, int] = {}
        """The ports of consoles, by their UPIDs."""
        self.uploads: dict[str, Upload] = {}
        """The temporary files of requests that carry one, by their names."""
        self.born = clock.now()
        self.locks = Locks(clock)
        self.tasks = TaskEngine(self)
        self.statd = Statd(self)
        self.source: Mapping[str, Any] = {}
        """What the world was at the start."""
        self.node_changed: Callable[[str], Awaitable[None]] = _nobody
        """Called when the state of a node changes: the server that serves it."""

    @classmethod
    def load(
        cls,
        file: str | Path | None = None,
        speed: float = 1.0,
        seed: int = 1,
        clock: Clock | None = None,
    ) -> World:
        """The world of a world file, or the default one; `clock` replaces the real one."""
        world = cls(clock or Clock(speed), seed)
        world.source = read(Path(file) if file else DEFAULT_WORLD)
        fill(world, world.source)
        return world

    def begin_anew(self, data: Mapping[str, Any]) -> None:
        """Become the world that was described, or that of the start; raises WorldFileError.

        Tasks end without a word. The clock goes on, and nodes stay the objects that listen.
        """
        fill(World(self.clock, self.seed), data)  # what makes no world changes nothing
        served = list(self.nodes.values())
        self.tasks.abandon()
        self.statd.end()
        Contents.__init__(self)
        self.random = random.Random(self.seed)
        self.consoles, self.uploads = {}, {}
        self.born, self.locks = self.clock.now(), Locks(self.clock)
        self.tasks, self.statd = TaskEngine(self), Statd(self)
        fill(self, data)
        for old, (name, new) in zip(served, list(self.nodes.items()), strict=False):
            self.nodes[name] = _become(old, new)
        self.statd.begin()

    @property
    def speed(self) -> float:
        """What divides the work of tasks."""
        return self.clock.speed

    def add_task_fault(self, **fault: Any) -> TaskFault:
        """Let matching tasks end as the fault says (keywords are the fields of TaskFault)."""
        entry = TaskFault(**fault)
        self.task_faults.append(entry)
        return entry

    def clear_task_faults(self) -> None:
        """Let tasks end by themselves again."""
        self.task_faults.clear()

    def time_at(self, name: str) -> float:
        """The clock of a node, in seconds since the epoch."""
        return self.clock.now() + self.nodes[name].clock_offset

    def node_down(self, name: str) -> None:
        """The node loses power: its tasks and guests end without a word."""
        self.nodes[name].state = "down"
        self.statd.lose(name)
        self.tasks.kill_node(name)
        self.locks.drop_node(name)
        for guest in self.guests_on(name):
            guest.status, guest.started, guest.paused = "stopped", None, False

    def node_unreached(self, name: str, state: str) -> None:
        """The node lives, but not for the others: silent, frozen, closed or untrusted."""
        self.nodes[name].state = state
        if state in ("silent", "frozen"):
            self.statd.lose(name)

    def set_pmxcfs(self, name: str, state: str) -> None:
        """End or begin the file system of the cluster on a node."""
        self.nodes[name].pmxcfs = state
        if state == "up":
            self.statd.forget(name)

    def node_up(self, name: str) -> None:
        """The node has booted and serves again; nothing of what ran comes back."""
        node = self.nodes[name]
        if node.state == "down":
            node.uptime = self.born - self.clock.now()
        node.state = "up"
        self.statd.find_again(name)
        if node.pmxcfs == "down":
            self.set_pmxcfs(name, "up")
        node.pvedaemon = "up"

    def members(self) -> list[Node]:
        """The nodes of the cluster, without those that have left it."""
        return [node for node in self.nodes.values() if node.member]

    def check_node(self, name: str) -> None:
        """Refuse a node that is not a member (check_node_exists)."""
        if name not in self.nodes or not self.nodes[name].member:
            raise CallError(500, f"no such cluster node '{name}'")

    def guests_on(self, node: str, guest_type: str | None = None) -> Iterator[Guest]:
        """The guests of a node by VMID, of one type or both."""
        for vmid in sorted(self.guests):
            guest = self.guests[vmid]
            if guest.node == node and guest_type in (None, guest.type):
                yield guest

    def as_json(self) -> Mapping[str, Any]:
        """What tests look at: everything by its id, without any secret."""
        return {
            "now": self.clock.now(),
            "nodes": {
                n.name: {"state": n.state, "pvedaemon": n.pvedaemon} for n in self.nodes.values()
            },
            "guests": {str(g.vmid): _guest_json(g) for g in self.guests.values()},
            "tasks": [task.as_json() for task in self.tasks.every()],
            "storages": {s.id: [vars(v) for v in s.volumes] for s in self.storages.values()},
            **config_json(self),
        }


def _become(old: Node, new: Node) -> Node:
    """The node that listens, as another one; its certificate stays."""
    kept = ("fingerprint", "certificates")
    vars(old).update({key: value for key, value in vars(new).items() if key not in kept})
    return old


async def _nobody(_name: str) -> None:
    """A world that is not served."""


def _guest_json(guest: Guest) -> dict[str, Any]:
    return {
        "vmid": guest.vmid,
        "type": guest.type,
        "node": guest.node,
        "name": guest.name,
        "status": guest.status,
        "lock": guest.lock,
        "template": guest.template,
        "config": dict(guest.config),
        "pending": dict(guest.pending),
        "snapshots": sorted(guest.snapshots),
    }
