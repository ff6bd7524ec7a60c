# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The things that a cluster is made of: nodes, guests, storages, users, faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .programs import Program

CONFIG_VALUE = str | int
OF_STATE = ("vmstate", "runningmachine", "runningcpu", "running-nets-host-mtu")
"""What a snapshot with the memory knows of the VM that ran."""


@dataclass
class Node:
    """A node; `state` is how the others see it.

    up, down (no route to it), silent (packets are dropped), frozen (it is reached, but its corosync
    stands still), closed (nothing listens) or untrusted (its certificate is not the known one).
    """

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
    member: bool = True
    """Whether it belongs to the cluster; a node that was removed leaves its directory."""
    pvedaemon: str = "up"
    """up, down (connection refused) or blocked (workers hang)."""
    fingerprint: str = ""
    """SHA-256 of the certificate that the node presents, as `/nodes` shows it."""
    certificates: tuple[str, ...] = ()
    """That of the authority and the node's own one, as PEM; none before the node is served."""
    pmxcfs: str = "up"
    """up or down: whether the file system of the cluster is there."""
    clock_offset: float = 0.0
    """Seconds by which the clock of the node is ahead."""
    pvedaemon_deaths: int = 0
    """How often pvedaemon went down; it does not see the ends of tasks from before."""
    stopped_services: set[str] = field(default_factory=set)
    updates: tuple[dict[str, str], ...] = ()
    """Packages that can be updated, as `/apt/update` gives them once the lists were read."""
    lists_read: bool = False
    disks: list[dict[str, Any]] | None = None
    """Its disks as `/disks/list` gives them; None for those of every node (hostdisks.py)."""
    directories: dict[str, dict[str, Any]] = field(default_factory=dict)
    """File systems that were made below /mnt/pve, by name: `device` and `type`."""
    volume_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name: `devices` (paths) and `thinpools`, sizes by name."""
    zpools: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name: `devices` (paths) and `raidlevel`."""
    network: list[dict[str, Any]] | None = None
    """Its interfaces as `/network` gives them; None for a port and the bridges on it."""
    new_network: list[dict[str, Any]] | None = None
    """The same with the changes that were not applied yet; None without any."""
    dns: dict[str, str] | None = None
    """Its name servers as `/dns` gives them; None for the gateway."""
    pveam: bool = True
    """Whether the list of OS templates was fetched."""
    acme: str = ""
    """`account=default,domains=a.example;b.example`: whom certificates are ordered for."""
    certificate_end: float | None = None
    """Epoch second at which the ordered certificate ends, None without one."""
    config: dict[str, Any] = field(default_factory=dict)
    """The options of the node (`/nodes/{node}/config`)."""
    system: dict[str, Any] = field(default_factory=dict)
    """What its hardware and its system have of their own, the keys as in a world file."""

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

    def section(self) -> dict[str, CONFIG_VALUE]:
        """Its section of the config file: the config as it was, with the snapshot's own keys."""
        keys = {"description": self.description, "parent": self.parent}
        own = {key: value for key, value in keys.items() if value}
        return {**self.config, "snaptime": self.snaptime, **own}


@dataclass
class Guest:
    """A VM (`type` qemu) or a container (`type` lxc) with its config as the file holds it."""

    vmid: int
    type: str
    node: str
    config: dict[str, CONFIG_VALUE] = field(default_factory=dict)
    status: str = "stopped"
    paused: bool = False
    """Whether the CPUs of a VM stand still, or a container that is stopped is saved."""
    started: float | None = None
    """Epoch second of the start of a running guest."""
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    pending: dict[str, CONFIG_VALUE | None] = field(default_factory=dict)
    """Changes that wait for the next start; None stands for a deletion."""
    files: dict[str, str] = field(default_factory=dict)
    """What the guest agent has written inside, by path."""
    frozen: bool = False
    """Whether the guest agent holds the file systems still."""
    programs: list[Program] = field(default_factory=list)
    """What the guest agent has started since the last start."""

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
        value = self.config.get("name" if self.type == "qemu" else "hostname")
        return None if value is None else str(value)

    @property
    def label(self) -> str:
        """`VM` or `CT`, as the messages of Proxmox VE say it."""
        return "VM" if self.type == "qemu" else "CT"


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
    disk_size: int | None = None
    """Of an image to import: how large the disk in it is, when that is not its own size."""
    config: dict[str, CONFIG_VALUE] | None = None
    """Of a backup: the config of the guest."""
    notes: str = ""
    protected: bool = False
    """Whether it can neither be removed nor pruned."""
    ostype: str = ""
    """Of an OS template: the distribution that is found in it; `none`: nothing is known of it."""


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
    alloc_seconds: float = 0.0
    """How long one allocation holds the lock of the storage; 0: nobody ever waits for it."""
    options: dict[str, Any] = field(default_factory=dict)
    """The rest of its configuration (path, pool, vgname, thinpool ...)."""
    volumes: list[Volume] = field(default_factory=list)


@dataclass
class Pool:
    """A resource pool."""

    poolid: str
    comment: str = ""
    members: set[int] = field(default_factory=set)
    storages: set[str] = field(default_factory=set)


@dataclass
class Token:
    """An API token; `privsep`: it has only the rights given to itself."""

    tokenid: str
    secret: str
    privsep: bool = True
    expire: int = 0
    """Epoch second from which on it is refused; 0: never."""
    comment: str = ""


@dataclass
class User:
    """A user; `totp` is the base32 secret of a second factor."""

    userid: str
    password: str
    enabled: bool = True
    totp: str | None = None
    tokens: dict[str, Token] = field(default_factory=dict)
    expire: int = 0
    """Epoch second from which on the user is refused; 0: never."""
    groups: set[str] = field(default_factory=set)
    details: dict[str, str] = field(default_factory=dict)
    """firstname, lastname, email, comment and keys, as far as they were given."""


@dataclass
class Group:
    """A group of users; the users know which groups they are in."""

    groupid: str
    comment: str = ""


@dataclass
class Firewall:
    """What is configured of the firewall of the cluster, of a node or of a guest."""

    options: dict[str, Any] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    ipsets: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name: `comment` and `entries`, a list of {cidr, nomatch, comment}."""
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Security groups by name: `comment` and `rules`."""


@dataclass(frozen=True)
class Acl:
    """One line of the access control list; `authid` is a user, a token or `@group`."""

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
    output line; `got no worker upid - start worker failed` is what the call answers, and no worker
    runs. `count` None means always.
    """

    type: str | None = None
    vmid: int | None = None
    exitstatus: str | None = None
    seconds: float | None = None
    count: int | None = None
    probability: float = 1.0
