# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HA reports about itself: quorum, master, the agents of the nodes, and the services."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from pvesim.calls import Call, call
from pvesim.entities import Node
from pvesim.ha import managed, service
from pvesim.world import World

Entry = dict[str, Any]
LIMITS = {"failback": 1, "max_relocate": 1, "max_restart": 1}
"""The defaults of a resource."""


@call("GET", "/cluster/ha/status/current")
async def ha_status(world: World, call: Call) -> list[Entry]:
    """The state of HA; without resources that it manages, it stands by."""
    active = any(managed(world, guest) for guest in world.guests.values())
    quorum = {"id": "quorum", "node": call.node, "quorate": int(world.quorate), "type": "quorum"}
    quorum["status"] = "OK" if world.quorate else f"No quorum on node '{call.node}'!"
    state, word = ("armed", "active") if active else ("standby", "standby")
    if world.ha_disarmed:
        state, word = "disarmed", "inactive"
    fencing = {"id": "fencing", "node": call.node, "type": "fencing", "armed-state": state}
    fencing["status"] = f"{state} (CRM watchdog {word})"
    agents = list(_agents(world)) if active else []
    return [quorum, *agents, fencing, *_services(world)]


@call("GET", "/cluster/ha/status/manager_status")
async def manager_status(world: World, call: Call) -> Entry:
    """The state of the manager, which knows nothing before it manages something."""
    quorum = {"node": call.node, "quorate": "1" if world.quorate else ""}
    if not any(managed(world, guest) for guest in world.guests.values()):
        return {"manager_status": {"node_status": {}}, "quorum": quorum}
    now, members = int(world.clock.now()), world.members()
    online = {node.name: "online" if node.state == "up" else "unknown" for node in members}
    services = {
        service(guest): {"node": guest.node, "running": int(guest.running)}
        | {"state": str(world.ha[service(guest)].get("state", "started"))}
        for guest in world.guests.values()
        if managed(world, guest)
    }
    status: Entry = {"node_status": online, "service_status": services, "timestamp": now}
    status |= {"master_node": next((name for name in online if online[name] == "online"), "")}
    agents = {node.name: {"mode": "active", "state": _agent_state(world, node)} for node in members}
    return {"manager_status": status, "quorum": quorum, "lrm_status": agents}


def _agent_state(world: World, node: Node) -> str:
    busy = any(managed(world, guest) for guest in world.guests_on(node.name))
    return "active" if busy else "wait_for_agent_lock"


def _agents(world: World) -> Iterator[Entry]:
    """The master, which is the first node that lives, and the agent of each node."""
    now = int(world.clock.now())
    said = time.asctime(time.gmtime(now))
    living = [node.name for node in world.members() if node.state == "up"]
    for name in living[:1]:
        status = f"{name} (active, {said})"
        yield {"id": "master", "type": "master", "node": name, "status": status, "timestamp": now}
    for node in world.members():
        busy = any(managed(world, guest) for guest in world.guests_on(node.name))
        state = "active" if busy else "idle"
        if node.state != "up":
            state = "old timestamp - dead?"
        entry = {"id": f"lrm:{node.name}", "type": "lrm", "node": node.name, "timestamp": now}
        yield entry | {"status": f"{node.name} ({state}, {said})"}


def _services(world: World) -> Iterator[Entry]:
    """The resources; what HA ignores has no state of the CRM."""
    guests = {service(guest): guest for guest in world.guests.values()}
    for sid, resource in sorted(world.ha.items()):
        guest, state = guests.get(sid), str(resource.get("state", "started"))
        if guest is None:
            continue
        entry: Entry = {**LIMITS, "id": f"service:{sid}", "sid": sid, "type": "service"}
        entry |= {k: resource[k] for k in ("comment", *LIMITS) if k in resource}
        entry |= {"node": guest.node, "request_state": state, "state": state}
        entry["status"] = f"{sid} ({guest.node}, {state})"
        yield entry | ({} if state == "ignored" else {"crm_state": state})


@call("POST", "/cluster/ha/status/disarm-ha")
async def disarm(world: World, call: Call) -> None:
    """Let HA do nothing: with `freeze` it takes requests, with `ignore` guests are nobody's."""
    world.ha_disarmed = str(call.params["resource-mode"])


@call("POST", "/cluster/ha/status/arm-ha")
async def arm(world: World, _call: Call) -> None:
    """Let HA work again."""
    world.ha_disarmed = ""
