# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster holds: that which a world file can say, and which a reset brings back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .entities import (
    Acl,
    Firewall,
    Group,
    Guest,
    Node,
    Pool,
    Storage,
    TaskFault,
    User,
)


@dataclass
class Contents:
    """The state of a cluster, empty to begin with."""

    cluster_name: str | None = "sim"
    quorate: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    guests: dict[int, Guest] = field(default_factory=dict)
    storages: dict[str, Storage] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    realms: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Realms beside pam and pve."""
    acl: list[Acl] = field(default_factory=list)
    roles: dict[str, set[str]] = field(default_factory=dict)
    ha: dict[str, dict[str, Any]] = field(default_factory=dict)
    ha_rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    backup_jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    mappings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Directory mappings by id: `map` (a list) and `description`."""
    firewalls: dict[str, Firewall] = field(default_factory=dict)
    """By scope: `cluster`, `node/pve1`, `guest/100`."""
    acme_accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    acme_plugins: dict[str, dict[str, Any]] = field(default_factory=dict)
    sdn: dict[str, Any] = field(
        default_factory=lambda: {
            **{part: {} for part in ("zones", "vnets", "subnets")},
            "running": {part: {} for part in ("zones", "vnets", "subnets")},
        }
    )
    """`sdn` of a world file (sdn.py)."""
    ceph: dict[str, Any] = field(default_factory=dict)
    """`ceph` of a world file (ceph.py), with every default; empty: none is installed."""
    programs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """How programs inside guests end, by command line (programs.py)."""
    ha_disarmed: str = ""
    """How HA was disarmed: freeze, ignore, or not at all."""
    durations: dict[str, tuple[float, float]] = field(default_factory=dict)
    start_failures: float = 0.0
    """Share of starts that fail at 57 starts a second (bursts.py); 0: none ever does."""
    task_faults: list[TaskFault] = field(default_factory=list)
