# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The zones, networks and subnets of SDN: as they are configured, and as they were applied.

The state is plain data, as a world file says it (`sdn`): `zones`, `vnets` and `subnets` by id, and
`running` with the same three parts.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .world import World

PARTS = ("zones", "vnets", "subnets")
SINGLE = {"zones": "zone", "vnets": "vnet", "subnets": "subnet"}


def fill_sdn(world: World, data: Mapping[str, Any]) -> None:
    """What a world file says; what it calls running was applied, by default everything."""

    def parts(source: Mapping[str, Any]) -> dict[str, Any]:
        return {
            part: {
                str(key): copy.deepcopy(dict(entry or {}))
                for key, entry in (source.get(part) or {}).items()
            }
            for part in PARTS
        }

    world.sdn = parts(data)
    world.sdn["running"] = parts(data.get("running", data))


def commit(world: World) -> None:
    """Apply the configuration."""
    world.sdn["running"] = {part: copy.deepcopy(world.sdn[part]) for part in PARTS}


def roll_back(world: World) -> None:
    """Roll the configuration back to what runs."""
    for part in PARTS:
        world.sdn[part] = copy.deepcopy(world.sdn["running"][part])


def zones_of(world: World, node: str) -> list[str]:
    """The zones that run on a node."""
    zones = world.sdn["running"]["zones"].items()
    return [name for name, zone in zones if node in str(zone.get("nodes", node)).split(",")]


def bridges(world: World, node: str) -> tuple[str, ...]:
    """The bridges of a node that guests can be on: its own, and a network for each vnet."""
    zones = zones_of(world, node)
    vnets = world.sdn["running"]["vnets"].items()
    return world.nodes[node].bridges + tuple(n for n, v in vnets if v.get("zone") in zones)


def shown(world: World, part: str, params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The objects of a part by id: configured, running, or configured with what is pending."""
    configured, running = world.sdn[part], world.sdn["running"][part]
    if params.get("running"):
        return {name: dict(entry) for name, entry in running.items()}
    if not params.get("pending"):
        return {name: dict(entry) for name, entry in configured.items()}
    return {
        name: _pending(configured.get(name), running.get(name))
        for name in sorted({*configured, *running})
    }


def _pending(new: dict[str, Any] | None, old: dict[str, Any] | None) -> dict[str, Any]:
    if new is None:
        return {**(old or {}), "state": "deleted"}
    if old is None:
        return {**new, "state": "new", "pending": {k: v for k, v in new.items() if k != "type"}}
    changed = {key: new.get(key, "deleted") for key in {*new, *old} if new.get(key) != old.get(key)}
    return {**old, **({"state": "changed", "pending": changed} if changed else {})}
