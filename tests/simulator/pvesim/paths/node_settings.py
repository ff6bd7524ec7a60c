# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a node that are only shown: clock, names, subscription, packages."""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Interface
from typing import Any

from pvesim.calls import Call, call
from pvesim.entities import Node
from pvesim.world import World

from .nodes import KERNEL, RELEASE

DOMAIN = "sim.invalid"
PACKAGES = {
    "proxmox-ve": ("9.2.0", "The Proxmox Virtual Environment"),
    "pve-manager": (RELEASE["version"], "Proxmox Virtual Environment Management Tools"),
    "qemu-server": ("9.2.6", "Qemu Server Tools"),
    "pve-container": ("6.1.10", "Proxmox VE Container management tool"),
    "libpve-storage-perl": ("9.1.7", "Proxmox VE storage management library"),
    "libpve-common-perl": ("9.2.1", "Proxmox VE base library"),
    "libpve-http-server-perl": ("6.0.5", "Proxmox Asynchronous HTTP Server Implementation"),
    "libpve-access-control": ("9.1.1", "Proxmox VE access control library"),
}
"""The versions that the simulator is like, each with a description."""


@call("GET", "/nodes/{node}/time")
async def time(world: World, call: Call) -> dict[str, Any]:
    """The clock of the node, which is set to UTC."""
    now = int(world.time_at(call.node))
    return {"timezone": "Etc/UTC", "time": now, "localtime": now}


@call("GET", "/nodes/{node}/dns")
async def dns(world: World, call: Call) -> dict[str, str]:
    """As in the world file; else a search domain, and the gateway as name server."""
    node = world.nodes[call.node]
    return dict(node.dns) if node.dns is not None else {"search": DOMAIN} | _name_server(node)


def _name_server(node: Node) -> dict[str, str]:
    """Nothing for a node whose address is no IPv4 one."""
    try:
        return {"dns1": str(IPv4Interface(f"{node.address}/24").network[1])}
    except ValueError:
        return {}


@call("GET", "/nodes/{node}/hosts")
async def hosts(world: World, call: Call) -> dict[str, str]:
    """The file /etc/hosts."""
    node = world.nodes[call.node]
    lines = ["127.0.0.1 localhost.localdomain localhost"]
    if node.address:
        lines.append(f"{node.address} {node.name}.{DOMAIN} {node.name}")
    data = str(node.system.get("hosts", "".join(f"{line}\n" for line in lines)))
    return {"data": data, "digest": hashlib.sha1(data.encode(), usedforsecurity=False).hexdigest()}


@call("GET", "/nodes/{node}/subscription")
async def subscription(_world: World, call: Call) -> dict[str, str]:
    """No subscription key was entered."""
    server = hashlib.md5(call.node.encode(), usedforsecurity=False).hexdigest().upper()
    return {
        "status": "notfound",
        "message": "There is no subscription key",
        "serverid": server,
        "url": "https://www.proxmox.com/en/proxmox-virtual-environment/pricing",
    }


@call("GET", "/nodes/{node}/apt/versions")
async def versions(world: World, call: Call) -> list[dict[str, Any]]:
    """The packages of Proxmox VE that are installed, and what newer ones there are."""
    newer = {update["Package"]: update["Version"] for update in world.nodes[call.node].updates}
    return [_package(name, newer.get(name)) for name in PACKAGES]


def _package(name: str, newer: str | None) -> dict[str, Any]:
    version, title = PACKAGES[name]
    entry: dict[str, Any] = {
        "Package": name,
        "Title": title,
        "Description": title,
        "Origin": "Proxmox",
        "Arch": "all",
        "Section": "admin",
        "Priority": "optional",
        "Version": newer or version,
        "OldVersion": version,
        "CurrentState": "Installed",
    }
    if name == "proxmox-ve":
        entry["RunningKernel"] = KERNEL
    if name == "pve-manager":
        entry["ManagerVersion"] = f"{RELEASE['version']}/{RELEASE['repoid']}"
    return entry
