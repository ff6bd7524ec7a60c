# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version and the nodes (`PVE/API2/Nodes.pm`)."""

from __future__ import annotations

from ipaddress import IPv4Interface
from typing import Any

from pvesim.appliances import TEMPLATES, entry
from pvesim.calls import Call, call
from pvesim.durations import fraction
from pvesim.entities import Node
from pvesim.world import World

RELEASE = {"release": "9.2", "version": "9.2.11", "repoid": "14a22df35955d97d"}
KERNEL = "6.17.2-1-pve"
SIZES = ("maxcpu", "maxmem", "maxdisk")
BUILD = f"PMX {KERNEL} (2026-08-01T10:00Z)"


@call("GET", "/nodes/{node}/version")
@call("GET", "/version")
async def version(_world: World, _call: Call) -> dict[str, str]:
    """The version of the API server."""
    return dict(RELEASE)


def memory_used(world: World, node: Node) -> int:
    """Bytes: the node's own share, and its running guests'."""
    own = node.maxmem * (0.05 + 0.02 * fraction(world.seed, "memory", node.name))
    guests = (
        int(g.config.get("memory", 512)) << 20 for g in world.guests_on(node.name) if g.running
    )
    return min(node.maxmem, int(own) + sum(guests))


def node_uptime(world: World, node: Node) -> int:
    """Seconds since the node's boot."""
    return int(node.uptime + world.clock.now() - world.born)


def node_entry(world: World, node: Node, at: str, *, auditor: bool) -> dict[str, Any]:
    """A node in the lists of the node `at`; who has no Sys.Audit sees no numbers."""
    entry: dict[str, Any] = {"id": f"node/{node.name}", "node": node.name, "type": "node"}
    if not world.statd.online(node.name):
        entry |= {"status": "offline"}
        if not world.statd.knows(node.name, at):
            return entry
        # The figures of a node are reported until they expire.
        known = measured(world, node) if auditor else {}
        return entry | {"level": ""} | {key: known[key] for key in SIZES if key in known}
    if node.name == at and not world.statd.knows(at, at):
        return entry | {"status": "unknown"}
    entry |= {"status": "online", "level": ""}
    return entry | (measured(world, node) if auditor else {})


def measured(world: World, node: Node) -> dict[str, Any]:
    """The load of a node."""
    return {
        "cpu": round(0.01 + 0.05 * fraction(world.seed, "cpu", node.name), 6),
        "maxcpu": node.maxcpu,
        "mem": memory_used(world, node),
        "maxmem": node.maxmem,
        "disk": int(node.maxdisk * 0.13),
        "maxdisk": node.maxdisk,
        "uptime": node_uptime(world, node),
    }


@call("GET", "/nodes")
async def nodes(world: World, call: Call) -> list[dict[str, Any]]:
    """All nodes, each with the fingerprint of its certificate."""
    return [
        node_entry(
            world, node, call.node, auditor=call.caller.may(f"/nodes/{node.name}", "Sys.Audit")
        )
        | {"ssl_fingerprint": node.fingerprint}
        for node in world.members()
    ]


@call("GET", "/nodes/{node}/status")
async def node_status(world: World, call: Call) -> dict[str, Any]:
    """The state of one node."""
    node = world.nodes[call.node]
    used, disk = memory_used(world, node), int(node.maxdisk * 0.13)
    version_text = f"#1 SMP PREEMPT_DYNAMIC {node.system.get('kernel', BUILD)}"
    return {
        "uptime": node_uptime(world, node),
        "cpu": round(0.01 + 0.05 * fraction(world.seed, "cpu", node.name), 6),
        "wait": 0,
        "idle": 0,
        "loadavg": ["0.12", "0.10", "0.08"],
        "pveversion": f"pve-manager/{RELEASE['version']}/{RELEASE['repoid']}",
        "kversion": f"Linux {KERNEL} {version_text}",
        "current-kernel": {
            "sysname": "Linux",
            "release": KERNEL,
            "machine": "x86_64",
            "version": version_text,
        },
        "boot-info": {"mode": "legacy-bios"},
        "ksm": {"shared": 0},
        "cpuinfo": {
            "cores": node.maxcpu // 2,
            "cpus": node.maxcpu,
            "sockets": 1,
            "model": "AMD EPYC",
            "vendor": "AuthenticAMD",
            "family": "26",
            "mhz": "2596.122",
            "hvm": "1",
            "user_hz": 100,
            "flags": "fpu vme de pse tsc msr pae",
            **node.system.get("cpuinfo", {}),
        },
        "memory": {
            "total": node.maxmem,
            "used": used,
            "free": node.maxmem - used,
            "available": node.maxmem - used,
        },
        "swap": {"total": 8 << 30, "used": 0, "free": 8 << 30},
        "rootfs": {
            "total": node.maxdisk,
            "used": disk,
            "free": node.maxdisk - disk,
            "avail": node.maxdisk - disk,
        },
    }


@call("GET", "/nodes/{node}/aplinfo")
async def appliances(world: World, call: Call) -> list[dict[str, Any]]:
    """The templates that can be downloaded: none, before the first `pveam update`."""
    return [entry(template) for template in TEMPLATES] if world.nodes[call.node].pveam else []


def bridges_and_port(node: Node) -> list[dict[str, Any]]:
    """All network interfaces of a node; the first bridge has the address."""
    if node.network is not None:
        return [dict(entry) for entry in node.network]
    port: dict[str, Any] = {
        "iface": "eno1",
        "type": "eth",
        "active": 1,
        "method": "manual",
        "priority": 3,
    }
    bridges: list[dict[str, Any]] = [
        {
            "iface": bridge,
            "type": "bridge",
            "active": 1,
            "autostart": 1,
            "families": ["inet"],
            "method6": "manual",
            "bridge_ports": "eno1" if number == 0 else "",
            "bridge_stp": "off",
            "bridge_fd": "0",
            "priority": 4 + number,
        }
        | (_own_address(node) if number == 0 else {"method": "manual"})
        for number, bridge in enumerate(node.bridges)
    ]
    return [port, *bridges]


def _own_address(node: Node) -> dict[str, str]:
    """The static address of a node on its first bridge; its gateway is the first of the net."""
    try:
        own = IPv4Interface(f"{node.address}/24")
    except ValueError:
        return {"method": "manual"}
    return {
        "method": "static",
        "address": str(own.ip),
        "netmask": str(own.network.prefixlen),
        "cidr": str(own),
        "gateway": str(own.network[1]),
    }
