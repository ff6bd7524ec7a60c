# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Ceph: which daemons there are and whether they run, OSDs, pools, file systems, flags.

The state is plain data, as a world file says it (`ceph`): `version`, `mons`, `mgrs`, `mdss` and
`osds` by id with the `node` of each, `pools`, `filesystems`, `flags`. Empty: it is not installed.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .calls import CallError
from .hostdisks import SPARE_SIZE, Disk, a_disk, disks_of

if TYPE_CHECKING:
    from .entities import Node
    from .world import World

Daemon = dict[str, Any]
VERSION = "19.2.3"
KINDS = ("mon", "mgr", "mds")
MOUNTED = "/var/lib/ceph"
ABSENT = "binary not installed: /usr/bin/ceph-mon"
POOL = {
    "size": 3,
    "min_size": 2,
    "pg_num": 128,
    "pg_autoscale_mode": "warn",
    "application": "rbd",
    "crush_rule": "replicated_rule",
}
"""The defaults of a pool."""


def fill_ceph(world: World, data: Mapping[str, Any]) -> None:
    """The Ceph that a world file describes; its OSDs are on disks of the nodes."""
    if not data:
        world.ceph = {}
        return
    made: dict[str, Any] = {"version": str(data.get("version", VERSION))}
    for part in ("mons", "mgrs", "mdss", "osds", "pools", "filesystems"):
        entries = (data.get(part) or {}).items()
        made[part] = {str(key): copy.deepcopy(dict(entry or {})) for key, entry in entries}
    made["flags"] = sorted(data.get("flags") or ())
    for number, pool in enumerate(made["pools"].values(), start=1):
        for key, value in {"id": number, **POOL}.items():
            pool.setdefault(key, value)
    world.ceph = made
    for osdid, osd in made["osds"].items():
        for key, value in {"in": True, "up": True, "class": "ssd"}.items():
            osd.setdefault(key, value)
        node = world.nodes[osd["node"]]
        if osd["device"] not in {disk["devpath"] for disk in disks_of(node)}:
            disks_of(node).append(a_disk(node, osd["device"], SPARE_SIZE))
        take_disk(node, disk_at(node, osd["device"]), int(osdid))


def disk_at(node: Node, path: str) -> Disk:
    """A disk that is known to be there."""
    return next(disk for disk in disks_of(node) if disk["devpath"] == path)


def take_disk(node: Node, disk: Disk, osdid: int) -> None:
    """An OSD is on a disk, as the only logical volume of a volume group."""
    disk |= {"used": "LVM", "osdid": osdid, "osdid-list": [osdid]}
    group = f"ceph-{uuid.uuid5(uuid.NAMESPACE_OID, f'{node.name} {disk}')}"
    if not any(disk["devpath"] in made["devices"] for made in node.volume_groups.values()):
        node.volume_groups[group] = {"devices": [disk["devpath"]], "thinpools": {}, "osd": osdid}


def check_installed(world: World) -> None:
    """Refuse everything where there is no Ceph (check_ceph_inited)."""
    if not world.ceph:
        raise CallError(500, ABSENT)


def check_reached(world: World) -> None:
    """Refuse what needs the monitors when most of them are gone."""
    check_installed(world)
    mons = world.ceph["mons"]
    if 2 * sum(is_up(world, mon) for mon in mons.values()) <= len(mons):
        raise CallError(500, "got timeout")


def is_up(world: World, daemon: Daemon) -> bool:
    """Whether a daemon runs."""
    node = world.nodes.get(daemon["node"])
    return node is not None and node.state == "up" and bool(daemon.get("up", True))


def refused(command: str, reason: str) -> str:
    """How the monitors refuse a command."""
    return f"error with '{command}': mon_cmd failed -  {reason}"


def daemons_of(world: World, kind: str) -> dict[str, Daemon]:
    """The daemons of a kind (mon, mgr, mds, osd), by id."""
    found: dict[str, Daemon] = world.ceph[f"{kind}s"]
    return found


def local(world: World, node: str) -> Iterator[tuple[str, str, Daemon]]:
    """The daemons of a node: kind, id, daemon."""
    for kind in (*KINDS, "osd"):
        for ident, daemon in daemons_of(world, kind).items():
            if daemon["node"] == node:
                yield kind, ident, daemon


def add_pool(world: World, name: str, given: Mapping[str, Any]) -> None:
    """A pool, or other settings for the one of that name."""
    pools = world.ceph["pools"]
    number = max((pool["id"] for pool in pools.values()), default=0) + 1
    pools.setdefault(name, {"id": number, **POOL}).update(given)


def pool_used(world: World, name: str) -> int:
    """What the volumes in a pool take, with all their copies."""
    copies = int(world.ceph["pools"][name]["size"])
    return sum(
        (volume.size // 5 if volume.used is None else volume.used) * copies
        for storage in world.storages.values()
        if storage.type == "rbd" and storage.options.get("pool", "rbd") == name
        for volume in storage.volumes
    )


def total(world: World) -> int:
    """What the OSDs that are in hold together."""
    return sum(osd_size(world, osd) for osd in world.ceph["osds"].values() if osd["in"])


def osd_size(world: World, osd: Daemon) -> int:
    """How large the disk of an OSD is."""
    return int(disk_at(world.nodes[osd["node"]], osd["device"])["size"])


def health(world: World) -> dict[str, Any]:
    """HEALTH_OK, or what the monitors warn of."""
    osds, mons = daemons_of(world, "osd"), daemons_of(world, "mon")
    lost = {ident for ident, osd in osds.items() if osd["in"] and not is_up(world, osd)}
    down = [f"osd.{ident} is down" for ident in osds if ident in lost]
    gone = [f"mon.{ident} is down" for ident, mon in mons.items() if not is_up(world, mon)]
    flags = world.ceph["flags"]
    found = {
        "OSD_DOWN": (f"{len(down)} osds down", down),
        "MON_DOWN": (f"{len(gone)}/{len(mons)} mons down", gone),
        "OSDMAP_FLAGS": (f"{','.join(flags)} flag(s) set", flags),
    }
    checks = {
        name: {
            "severity": "HEALTH_WARN",
            "summary": {"message": text, "count": len(details)},
            "detail": [{"message": detail} for detail in details],
            "muted": False,
        }
        for name, (text, details) in found.items()
        if details
    }
    return {"status": "HEALTH_WARN" if checks else "HEALTH_OK", "checks": checks, "mutes": []}
