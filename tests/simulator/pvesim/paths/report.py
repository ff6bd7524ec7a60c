# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a node (`PVE/Report.pm`), with some of its sections."""

from __future__ import annotations

from collections.abc import Mapping

from pvesim.calls import Call, call
from pvesim.world import World

from .nodes import KERNEL, RELEASE, node_uptime

SECONDS = 11.0
"""How long the commands of a report took on a loaded node."""


@call("GET", "/nodes/{node}/report")
async def report(world: World, call: Call) -> str:
    """The report of a node, as one long text; it takes a while."""
    node = world.nodes[call.node]
    await world.clock.sleep(SECONDS)
    sections = {
        "general system info": {
            "hostname": node.name,
            "pveversion --verbose": (
                f"proxmox-ve: 9.2.0 (running kernel: {KERNEL})\n"
                f"pve-manager: {RELEASE['version']} (running version: {RELEASE['version']}/"
                f"{RELEASE['repoid']})"
            ),
            "cat /proc/uptime": f"{node_uptime(world, node)}.00 0.00",
        },
        "info about storage": {"cat /etc/pve/storage.cfg": _storages(world)},
        "info about virtual guests": {
            "qm list": _guests(world, node.name, "qemu"),
            "pct list": _guests(world, node.name, "lxc"),
        },
    }
    return "".join(_section(title, parts) for title, parts in sections.items())


def _section(title: str, parts: Mapping[str, str]) -> str:
    commands = "".join(f"\n# {command}\n\n{text}\n" for command, text in parts.items())
    return f"\n==== {title} ====\n{commands}"


def _storages(world: World) -> str:
    return "\n\n".join(f"{s.type}: {s.id}" for s in world.storages.values())


def _guests(world: World, node: str, guest_type: str) -> str:
    return "\n".join(f"{g.vmid} {g.status} {g.name}" for g in world.guests_on(node, guest_type))
