# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurements for those who fetch them, and the traffic of guests.

The names of the metrics are those of `PVE/PullMetric.pm`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pvesim.calls import Call, call
from pvesim.drives import NET
from pvesim.entities import Guest, Node
from pvesim.vmstatus import sizes
from pvesim.world import World

from .nodes import measured

TRAFFIC = {
    "disk_read": "diskread",
    "disk_write": "diskwrite",
    "net_in": "netin",
    "net_out": "netout",
}


@call("GET", "/cluster/metrics/export")
async def export(world: World, call: Call) -> dict[str, Any]:
    """What was last measured on all nodes, or on this one; older values are not kept."""
    now, since = int(world.clock.now()), int(call.params.get("start-time", 0))
    nodes = [world.nodes[call.node]]
    if not call.params.get("local-only"):
        nodes += [n for n in world.members() if n.name != call.node and world.statd.online(n.name)]
    entries = [entry | {"timestamp": now} for node in nodes for entry in _of(world, node)]
    return {"data": entries if now > since else []}


def _of(world: World, node: Node) -> Iterator[dict[str, Any]]:
    yield from _of_node(world, node)
    for guest in world.guests_on(node.name):
        yield from _of_guest(world, guest)
    for storage in world.storages.values():
        if storage.disable or (storage.nodes and node.name not in storage.nodes):
            continue
        used = sum(v.size for v in storage.volumes if v.node in (None, node.name))
        ident = f"storage/{node.name}/{storage.id}"
        yield from _gauges(ident, {"disk_total": storage.total, "disk_used": used})


def _of_node(world: World, node: Node) -> Iterator[dict[str, Any]]:
    seen, ident = measured(world, node), f"node/{node.name}"
    yield from _gauges(
        ident,
        {
            "uptime": seen["uptime"],
            "cpu_avg1": 0.12,
            "cpu_avg5": 0.1,
            "cpu_avg15": 0.08,
            "cpu_max": seen["maxcpu"],
            "cpu_current": seen["cpu"],
            "cpu_iowait": 0,
            "mem_total": seen["maxmem"],
            "mem_used": seen["mem"],
            "swap_total": 8 << 30,
            "swap_used": 0,
            "disk_total": seen["maxdisk"],
            "disk_used": seen["disk"],
        },
    )
    guests = [sizes(world, guest) for guest in world.guests_on(node.name)]
    for metric in ("net_in", "net_out"):
        yield _entry(ident, metric, "derive", sum(guest[TRAFFIC[metric]] for guest in guests))


def _of_guest(world: World, guest: Guest) -> Iterator[dict[str, Any]]:
    """Usage only while it runs."""
    seen, ident = sizes(world, guest), f"{guest.type}/{guest.vmid}"
    if guest.running:
        yield from _gauges(ident, {"cpu_current": seen["cpu"], "mem_used": seen["mem"]})
        for metric, key in TRAFFIC.items():
            yield _entry(ident, metric, "derive", seen[key])
        if guest.type == "lxc":
            yield _entry(ident, "disk_used", "gauge", seen["disk"])
    known = {"uptime": "uptime", "cpu_max": "cpus", "mem_total": "maxmem", "disk_total": "maxdisk"}
    yield from _gauges(ident, {metric: seen[key] for metric, key in known.items()})


def _gauges(ident: str, values: dict[str, float]) -> Iterator[dict[str, Any]]:
    for metric, value in values.items():
        yield _entry(ident, metric, "gauge", value)


def _entry(ident: str, metric: str, kind: str, value: float) -> dict[str, Any]:
    return {"id": ident, "metric": metric, "type": kind, "value": value}


@call("GET", "/nodes/{node}/netstat")
async def netstat(world: World, call: Call) -> list[dict[str, str]]:
    """What each network device of a running guest has carried, as texts."""
    return [
        {"vmid": str(guest.vmid), "dev": key, "in": str(seen["netin"]), "out": str(seen["netout"])}
        for guest in world.guests_on(call.node)
        if guest.running and (seen := sizes(world, guest))
        for key in sorted(guest.config)
        if NET.fullmatch(key)
    ]
