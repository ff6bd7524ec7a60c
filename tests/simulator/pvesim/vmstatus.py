# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running state of guests, as lists, `status/current` and the broadcasts show it.

Fields as `PVE/QemuServer.pm` and `PVE/LXC.pm` (vmstatus) give them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .drives import NET, Drive, boot_disks, drives
from .durations import fraction
from .filesystem import Ext4

if TYPE_CHECKING:
    from .entities import Guest
    from .world import World

PRESSURES = ("cpufull", "cpusome", "iofull", "iosome", "memoryfull", "memorysome")
DEFAULT_MEMORY_MIB = 512
SERIAL = re.compile(r"serial\d+")


def uptime(world: World, guest: Guest) -> int:
    """Seconds since the start, 0 when stopped."""
    return int(world.clock.now() - guest.started) if guest.started is not None else 0


def display_name(guest: Guest) -> str:
    """The name in lists: a guest without one is `VM 130` or `CT130`."""
    return guest.name or (f"VM {guest.vmid}" if guest.type == "qemu" else f"CT{guest.vmid}")


QEMU_VERSION = "10.0.2"
MACHINE = "10.0+pve1"
SUPPORT = {
    "backup-access-api": True,
    "backup-fleecing": True,
    "backup-max-workers": True,
    "pbs-dirty-bitmap": True,
    "pbs-dirty-bitmap-migration": True,
    "pbs-dirty-bitmap-savevm": True,
    "pbs-library-version": "1.5.1 (UNKNOWN)",
    "pbs-masterkey": True,
    "query-bitmap-info": True,
}
"""What the QEMU of Proxmox VE can do beside that of everybody."""
OPERATIONS = ("rd", "wr", "flush", "unmap", "zone_append")
BLOCK = 4096
ROOTLESS = 4 << 30
"""The size that a container without a root file system is taken to have."""


def process_id(guest: Guest) -> int:
    """The pid of the guest's main process."""
    return 100_000 + guest.vmid % 3_000_000


def sizes(world: World, guest: Guest) -> dict[str, Any]:
    """CPUs, memory, disk and traffic, in bytes."""
    config = guest.config
    qemu = guest.type == "qemu"
    held = sum(d.size for d in drives(guest.type, config) if not d.cdrom)
    memory = int(config.get("memory", DEFAULT_MEMORY_MIB)) << 20
    cores = int(config.get("cores", 1 if qemu else world.nodes[guest.node].maxcpu))
    cpus = int(config.get("vcpus", cores * int(config.get("sockets", 1)))) if qemu else cores
    share = fraction(world.seed, "load", guest.vmid) if guest.running else 0
    age = uptime(world, guest)
    return {
        "cpu": round(share / 20, 6) if share else 0,
        "cpus": cpus,
        "mem": int(memory * (0.3 + share / 2)) if guest.running else 0,
        "maxmem": memory,
        "disk": int(held * 0.2) if guest.running and not qemu else 0,
        "maxdisk": _maxdisk(guest),
        "netin": age * 1200,
        "netout": age * 300,
        "diskread": age * 4096,
        "diskwrite": age * 2048,
        "uptime": age,
    }


def _maxdisk(guest: Guest) -> int:
    """The size of the disk that a VM boots from, or of the root of a container.

    A running container reports that of the file system on it.
    """
    if guest.type == "qemu":
        return next((drive.size for drive in boot_disks(guest.config)), 0)
    root = Drive.parse("rootfs", str(guest.config.get("rootfs", "")))
    if not root.size:
        return ROOTLESS
    return root.size if not guest.running or "subvol-" in root.volume else Ext4(root.size).usable


def vmstatus(world: World, guest: Guest) -> dict[str, Any]:
    """One entry of `/nodes/{node}/qemu` or `/nodes/{node}/lxc`."""
    entry: dict[str, Any] = {"vmid": guest.vmid, "name": display_name(guest)}
    entry |= {"status": guest.status} | sizes(world, guest)
    if guest.type == "lxc":
        entry |= {"type": "lxc", "swap": 0}
        entry["maxswap"] = int(guest.config.get("swap", DEFAULT_MEMORY_MIB)) << 20
    else:
        entry["memhost"] = entry["mem"]
        del entry["diskread"], entry["diskwrite"]
        if any(SERIAL.fullmatch(key) for key in guest.config):
            entry["serial"] = 1
    if guest.running:
        entry["pid"] = process_id(guest)
        # Those of containers are text.
        entry |= {f"pressure{what}": 0 if guest.type == "qemu" else "0.00" for what in PRESSURES}
    for key in ("lock", "tags"):
        if guest.config.get(key):
            entry[key] = guest.config[key]
    if guest.template:
        entry["template"] = 1
    return entry


def qmpstatus(guest: Guest) -> str:
    """What QEMU itself reports."""
    return "paused" if guest.running and guest.paused else guest.status


def full_status(world: World, guest: Guest) -> dict[str, Any]:
    """One entry of a list with `full`: with what QEMU itself reports."""
    entry = vmstatus(world, guest) | {"qmpstatus": qmpstatus(guest)}
    nics = {
        f"tap{guest.vmid}i{key[3:]}": {"netin": entry["netin"], "netout": entry["netout"]}
        for key in guest.config
        if NET.fullmatch(key)
    }
    if guest.running:
        traffic = sizes(world, guest)
        entry |= {key: traffic[key] for key in ("diskread", "diskwrite")}
        entry |= _told_by_qemu(guest, traffic)
    return entry | ({"nics": nics} if guest.running and nics else {})


def _told_by_qemu(guest: Guest, traffic: dict[str, Any]) -> dict[str, Any]:
    """What the QEMU of a running VM knows: its version, its balloon, and counters of its drives."""
    entry: dict[str, Any] = {
        "running-qemu": QEMU_VERSION,
        "running-machine": machine(guest),
        "proxmox-support": dict(SUPPORT),
    }
    if str(guest.config.get("balloon")) != "0":
        memory = traffic["maxmem"]
        entry |= {"balloon": memory, "ballooninfo": {"actual": memory, "max_mem": memory}}
    keys = [drive.key for drive in drives("qemu", guest.config)]
    entry["blockstat"] = {key: _blockstat(traffic if key == keys[0] else {}) for key in keys}
    return entry


def machine(guest: Guest) -> str:
    """The machine version that a VM runs with."""
    wanted = str(guest.config.get("machine", "pc")).partition(",")[0].removeprefix("type=")
    return {"pc": f"pc-i440fx-{MACHINE}", "q35": f"pc-q35-{MACHINE}"}.get(wanted, wanted)


def _blockstat(traffic: dict[str, Any]) -> dict[str, Any]:
    """The counters of a drive; one that nothing was read from has never been idle."""
    entry: dict[str, Any] = {"account_failed": True, "account_invalid": True, "timed_stats": []}
    for what in OPERATIONS:
        entry |= {f"{what}_operations": 0, f"{what}_total_time_ns": 0}
        entry |= {f"{kind}_{what}_operations": 0 for kind in ("failed", "invalid")}
        if what != "flush":
            entry |= {f"{what}_bytes": 0, f"{what}_merged": 0}
    entry["wr_highest_offset"] = 0
    for what, key in (("rd", "diskread"), ("wr", "diskwrite")):
        if size := traffic.get(key):
            operations = -(-size // BLOCK)
            entry |= {f"{what}_bytes": size, f"{what}_operations": operations}
            entry |= {f"{what}_total_time_ns": operations * 100_000, "idle_time_ns": 100_000_000}
    return entry


def current(world: World, guest: Guest) -> dict[str, Any]:
    """The answer of `status/current`."""
    entry = full_status(world, guest) if guest.type == "qemu" else vmstatus(world, guest)
    managed = world.ha.get(f"{'vm' if guest.type == 'qemu' else 'ct'}:{guest.vmid}")
    entry["ha"] = {"managed": 1, **managed} if managed else {"managed": 0}
    if str(guest.config.get("agent", "0")).split(",", maxsplit=1)[0] in ("1", "enabled=1"):
        entry["agent"] = 1
    return entry


def broadcast(world: World, guest: Guest) -> dict[str, Any]:
    """What pvestatd reports to the cluster about a guest."""
    entry = sizes(world, guest)
    entry["maxcpu"] = entry.pop("cpus")
    entry["memhost"] = entry["mem"]
    return entry | {
        "name": display_name(guest),
        "status": guest.status,
        "template": int(guest.template),
    }
