# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the simulated cluster: plain data, changed by the calls and by their tasks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .clock import Clock
from .locks import Locks
from .statd import Statd
from .tasks import TaskEngine

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG_VALUE = str | int
DEFAULT_WORLD = Path(__file__).parent / "data" / "default_world.yml"


@dataclass
class Node:
    """A member of the cluster. `state` is up, down (no route) or silent (packets dropped)."""

    name: str
    number: int
    address: str
    maxcpu: int = 16
    maxmem: int = 64 << 30
    maxdisk: int = 100 << 30
    bridges: tuple[str, ...] = ("vmbr0",)
    uptime: float = 14 * 86400.0
    """Seconds that the node had been up when the simulator started."""
    state: str = "up"
    pvedaemon: str = "up"
    """up, down (connection refused) or blocked (workers hang)."""
    fingerprint: str = ""
    """SHA-256 of the certificate that the node presents, as `/nodes` shows it."""
    pvedaemon_deaths: int = 0
    """How often pvedaemon went down; it does not see the ends of tasks from before."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "pvedaemon" and value == "down":
            self.pvedaemon_deaths += 1


@dataclass
class Snapshot:
    """A snapshot of a guest: the config as it was, and when."""

    name: str
    snaptime: int
    parent: str | None
    config: dict[str, CONFIG_VALUE]
    description: str = ""
    vmstate: bool = False


@dataclass
class Guest:
    """A VM (`kind` qemu) or a container (`kind` lxc) with its config as the file holds it."""

    vmid: int
    kind: str
    node: str
    config: dict[str, CONFIG_VALUE] = field(default_factory=dict)
    status: str = "stopped"
    paused: bool = False
    started: float | None = None
    """Epoch second of the start of a running guest."""
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    pending: dict[str, CONFIG_VALUE | None] = field(default_factory=dict)
    """Changes that wait for the next start; None stands for a deletion."""

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.status == "running"

    @property
    def template(self) -> bool:
        """Whether it is a template."""
        return bool(int(self.config.get("template", 0)))

    @property
    def lock(self) -> str | None:
        """The lock in its config (`clone`, `backup`, ...)."""
        value = self.config.get("lock")
        return None if value is None else str(value)

    @property
    def name(self) -> str | None:
        """The name of a VM or the host name of a container, None when the config has none."""
        value = self.config.get("name" if self.kind == "qemu" else "hostname")
        return None if value is None else str(value)

    @property
    def label(self) -> str:
        """`VM` or `CT`, as the messages of Proxmox VE say it."""
        return "VM" if self.kind == "qemu" else "CT"


@dataclass
class Volume:
    """A volume on a storage; `node` is None on a shared storage, sizes are bytes."""

    volid: str
    content: str
    format: str
    size: int
    vmid: int | None = None
    ctime: int = 0
    node: str | None = None
    parent: str | None = None
    used: int | None = None


@dataclass
class Storage:
    """A storage; `content` are the content types it takes, `nodes` None means every node."""

    id: str
    type: str
    content: tuple[str, ...]
    shared: bool = False
    nodes: tuple[str, ...] | None = None
    disable: bool = False
    total: int = 500 << 30
    alloc_seconds: float = 0.05
    """How long one allocation holds the lock of the storage."""
    options: dict[str, Any] = field(default_factory=dict)
    """What else its configuration says (path, pool, vgname, thinpool ...)."""
    volumes: list[Volume] = field(default_factory=list)


@dataclass
class Pool:
    """A resource pool."""

    poolid: str
    comment: str = ""
    members: set[int] = field(default_factory=set)


@dataclass
class Token:
    """An API token; `privsep`: it has only the rights given to itself."""

    tokenid: str
    secret: str
    privsep: bool = True


@dataclass
class User:
    """A user; `totp` is the base32 secret of a second factor."""

    userid: str
    password: str
    enabled: bool = True
    totp: str | None = None
    tokens: dict[str, Token] = field(default_factory=dict)


@dataclass(frozen=True)
class Acl:
    """One line of the access control list."""

    path: str
    authid: str
    role: str
    propagate: bool = True


@dataclass
class TaskFault:
    """How tasks that match end, and how long they work (seconds, divided by the speed).

    `type` and `vmid` None match every task; `vmid` is the id in the UPID or the target of a
    clone. `exitstatus` is what the task ends with: `OK`, `WARNINGS: 1`, an error text, or
    `unexpected status` (no TASK line); `unexpected status TASK OK` glues `TASK OK` to the last
    output line. `count` None means always.
    """

    type: str | None = None
    vmid: int | None = None
    exitstatus: str | None = None
    seconds: float | None = None
    count: int | None = None
    probability: float = 1.0


class World:
    """Everything that the cluster knows."""

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        self.clock = clock
        self.seed = seed
        self.random = random.Random(seed)
        self.born = clock.now()
        self.cluster_name: str | None = "sim"
        self.quorate = True
        self.options: dict[str, Any] = {}
        self.nodes: dict[str, Node] = {}
        self.guests: dict[int, Guest] = {}
        self.storages: dict[str, Storage] = {}
        self.pools: dict[str, Pool] = {}
        self.users: dict[str, User] = {}
        self.acl: list[Acl] = []
        self.roles: dict[str, set[str]] = {}
        self.ha: dict[str, dict[str, Any]] = {}
        self.durations: dict[str, tuple[float, float]] = {}
        self.task_faults: list[TaskFault] = []
        self.locks = Locks(clock)
        self.tasks = TaskEngine(self)
        self.statd = Statd(self)

    @classmethod
    def load(
        cls,
        file: str | Path | None = None,
        speed: float = 1.0,
        seed: int = 1,
        clock: Clock | None = None,
    ) -> World:
        """The world of a world file, or the default one; `clock` replaces the real one."""
        from .worldfile import fill  # it builds the classes of this file

        world = cls(clock or Clock(speed), seed)
        fill(world, Path(file) if file else DEFAULT_WORLD)
        return world

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

    def node_down(self, name: str) -> None:
        """The node loses power: its tasks and guests end without a word."""
        self.nodes[name].state = "down"
        self.tasks.kill_node(name)
        self.locks.drop_node(name)
        for guest in self.guests_on(name):
            guest.status, guest.started, guest.paused = "stopped", None, False

    def node_up(self, name: str) -> None:
        """The node has booted and serves again; nothing of what ran comes back."""
        node = self.nodes[name]
        if node.state == "down":
            node.uptime = self.born - self.clock.now()
        node.state = "up"
        node.pvedaemon = "up"

    def guests_on(self, node: str, kind: str | None = None) -> Iterator[Guest]:
        """The guests of a node by VMID, of one kind or both."""
        for vmid in sorted(self.guests):
            guest = self.guests[vmid]
            if guest.node == node and kind in (None, guest.kind):
                yield guest

    def as_json(self) -> Mapping[str, Any]:
        """What tests look at: guests, tasks and volumes, by their ids."""
        return {
            "now": self.clock.now(),
            "nodes": {n.name: {"state": n.state, "pvedaemon": n.pvedaemon}
                      for n in self.nodes.values()},
            "guests": {str(g.vmid): _guest_json(g) for g in self.guests.values()},
            "tasks": [task.as_json() for task in self.tasks.every()],
            "storages": {s.id: [vars(v) for v in s.volumes] for s in self.storages.values()},
        }


def _guest_json(guest: Guest) -> dict[str, Any]:
    return {
        "vmid": guest.vmid,
        "kind": guest.kind,
        "node": guest.node,
        "name": guest.name,
        "status": guest.status,
        "lock": guest.lock,
        "template": guest.template,
        "config": dict(guest.config),
        "snapshots": sorted(guest.snapshots),
    }
