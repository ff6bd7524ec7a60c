# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Series of measurements (`PVE/RRD.pm`): what is so now, for as long as it can have been so.

An entry for each step of the timeframe, oldest first; one without measurements has its `time` only.
"""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, call
from pvesim.guests import guest_of
from pvesim.vmstatus import sizes
from pvesim.volumes import find_storage
from pvesim.world import World

from .nodes import measured, memory_used, node_uptime

TIMEFRAMES = {
    "hour": (60, 60),
    "day": (60, 1440),
    "week": (1800, 336),
    "month": (1800, 1440),
    "year": (21600, 1440),
    "decade": (604800, 570),
}
"""Seconds of a step, and how many steps there are."""
NODE_PRESSURES = ("cpusome", "iosome", "iofull", "memorysome", "memoryfull")
MEASURED_RUNNING = ("cpu", "mem")
"""What is measured of a guest only while it runs, beside the traffic."""
TRAFFIC = ("netin", "netout", "diskread", "diskwrite")


def _series(world: World, call: Call, values: dict[str, Any], since: float) -> list[dict[str, Any]]:
    """The values at each step of the timeframe that is not before `since`."""
    step, count = TIMEFRAMES[call.params["timeframe"]]
    last = int(world.clock.now()) // step * step
    times = range(last - (count - 1) * step, last + step, step)
    return [{"time": time} | (values if time >= since else {}) for time in times]


@call("GET", "/nodes/{node}/rrddata")
async def of_node(world: World, call: Call) -> list[dict[str, Any]]:
    """CPU, memory and disk of a node since its boot."""
    node = world.nodes[call.node]
    entry = measured(world, node)
    values = {
        "cpu": entry["cpu"],
        "maxcpu": entry["maxcpu"],
        "iowait": 0,
        "loadavg": 0.12,
        "memtotal": entry["maxmem"],
        "memused": memory_used(world, node),
        "memavailable": entry["maxmem"] - memory_used(world, node),
        "swaptotal": 8 << 30,
        "swapused": 0,
        "arcsize": 0,
        "netin": 0,
        "netout": 0,
        **{f"pressure{what}": 0 for what in NODE_PRESSURES},
        "roottotal": entry["maxdisk"],
        "rootused": entry["disk"],
    }
    return _series(world, call, values, world.clock.now() - node_uptime(world, node))


@call("GET", "/nodes/{node}/qemu/{vmid}/rrddata")
@call("GET", "/nodes/{node}/lxc/{vmid}/rrddata")
async def of_guest(world: World, call: Call) -> list[dict[str, Any]]:
    """What a guest has used since its start; traffic in bytes a second."""
    guest = guest_of(world, call)
    values = sizes(world, guest)
    age = values.pop("uptime")
    values["maxcpu"] = values.pop("cpus")
    values |= {key: values[key] / age if age else 0 for key in TRAFFIC}
    if not guest.running:
        values = {k: v for k, v in values.items() if k not in (*MEASURED_RUNNING, *TRAFFIC)}
    since = guest.started if guest.started is not None else world.born
    return _series(world, call, values, since)


@call("GET", "/nodes/{node}/storage/{storage}/rrddata")
async def of_storage(world: World, call: Call) -> list[dict[str, Any]]:
    """How full a storage has been since the simulator started."""
    storage = find_storage(world, call.params["storage"], call.node)
    used = sum(v.size for v in storage.volumes if v.node in (None, call.node))
    return _series(world, call, {"total": storage.total, "used": used}, world.born)
