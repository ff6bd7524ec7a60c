# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls on the whole cluster (`PVE/API2/Cluster.pm`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.entities import Guest, Storage
from pvesim.formats import split_list
from pvesim.guests import may_see
from pvesim.world import World

from .nodes import node_entry

NEXT_LOWER, NEXT_UPPER = 100, 1_000_000


@call("GET", "/cluster/resources")
async def resources(world: World, call: Call) -> list[dict[str, Any]]:
    """Guests, nodes and storages; the data of guests is as old as the last broadcast."""
    world.statd.begin()
    wanted = call.params.get("type")
    found: list[dict[str, Any]] = []
    if wanted in (None, "pool"):
        found += _pools(world, call)
    if wanted in (None, "vm"):
        found += _guests(world, call)
    if wanted in (None, "node"):
        found += _nodes(world, call)
    if wanted in (None, "storage"):
        found += _storages(world, call)
    if wanted is None:
        found += _networks(world, call)
    return found


def _pools(world: World, call: Call) -> Iterator[dict[str, Any]]:
    """The pools, each with what its running guests use together."""
    for pool in world.pools.values():
        if call.caller.may(f"/pool/{pool.poolid}", "Pool.Audit"):
            entry: dict[str, Any] = {"id": f"/pool/{pool.poolid}", "pool": pool.poolid}
            yield entry | {"type": "pool"} | _used(world, pool.members, call.node)


def _used(world: World, members: set[int], at: str) -> dict[str, Any]:
    reported = [entry for vmid in members if (entry := world.statd.guest(vmid, at))]
    running = [entry for entry in reported if entry.get("uptime")]
    if not running:
        return {}
    cpus = sum(entry["maxcpu"] for entry in running)
    return {
        "cpu": sum(entry["cpu"] * entry["maxcpu"] for entry in running) / cpus,
        "maxcpu": cpus,
        "mem": sum(entry["mem"] for entry in running),
        "maxmem": sum(entry["maxmem"] for entry in running),
        "uptime": max(entry["uptime"] for entry in running),
    }


def _guests(world: World, call: Call) -> Iterator[dict[str, Any]]:
    for vmid in sorted(world.guests):
        guest = world.guests[vmid]
        if call.caller.may(f"/vms/{vmid}", "VM.Audit"):
            yield guest_status(world, guest, call.node)


def guest_status(world: World, guest: Guest, at: str) -> dict[str, Any]:
    """What the node `at` reports about a guest.

    What lies in /etc/pve is immediate; name, status and sizes are what pvestatd reported.
    """
    entry: dict[str, Any] = {
        "id": f"{guest.type}/{guest.vmid}",
        "vmid": guest.vmid,
        "node": guest.node,
        "type": guest.type,
        "status": "unknown",
    }
    entry |= world.statd.guest(guest.vmid, at) or {}
    if "template" in entry:
        entry["template"] = int(guest.template)
    for key in ("lock", "tags"):
        if guest.config.get(key):
            entry[key] = guest.config[key]
    for pool in world.pools.values():
        if guest.vmid in pool.members:
            entry["pool"] = pool.poolid
    managed = world.ha.get(f"{'vm' if guest.type == 'qemu' else 'ct'}:{guest.vmid}")
    if managed:
        entry["hastate"] = managed.get("state", "started")
    return entry


def _nodes(world: World, call: Call) -> Iterator[dict[str, Any]]:
    for node in world.members():
        auditor = call.caller.may(f"/nodes/{node.name}", "Sys.Audit")
        entry = node_entry(world, node, call.node, auditor=auditor)
        mode = {"cgroup-mode": node.system.get("cgroup-mode", 2)}
        yield entry | (mode if world.statd.online(node.name) else {})


def _storages(world: World, call: Call) -> Iterator[dict[str, Any]]:
    for storage in world.storages.values():
        path = f"/storage/{storage.id}"
        if not (
            call.caller.may(path, "Datastore.Audit")
            or call.caller.may(path, "Datastore.AllocateSpace")
        ):
            continue
        for node in storage.nodes or [node.name for node in world.members()]:
            if not storage.disable:
                yield storage_status(world, storage, node, call.node)


def storage_status(world: World, storage: Storage, node: str, at: str) -> dict[str, Any]:
    """A storage on one node, as lists of the whole cluster show it."""
    entry: dict[str, Any] = {
        "id": f"storage/{node}/{storage.id}",
        "storage": storage.id,
        "node": node,
        "type": "storage",
        "shared": int(storage.shared),
        "content": ",".join(storage.content),
        "plugintype": storage.type,
        "status": "unknown",
    }
    if world.statd.knows(node, at):
        entry["status"] = "available"
        entry["disk"] = sum(v.size for v in storage.volumes if v.node in (None, node))
        entry["maxdisk"] = storage.total
    return entry


def _networks(world: World, call: Call) -> Iterator[dict[str, Any]]:
    """The zone that every node has; the call knows no other networks without SDN."""
    for node in world.members():
        if call.caller.may("/sdn/zones/localnetwork", "SDN.Audit"):
            yield {
                "id": f"network/{node.name}/zone/localnetwork",
                "network": "localnetwork",
                "network-type": "zone",
                "node": node.name,
                "type": "network",
                "status": "ok",
            }


@call("GET", "/cluster/status")
async def status(world: World, call: Call) -> list[dict[str, Any]]:
    """The members, and whether they have quorum."""
    entries: list[dict[str, Any]] = []
    if world.cluster_name:
        entries.append(
            {
                "id": "cluster",
                "name": world.cluster_name,
                "type": "cluster",
                "nodes": len(world.members()),
                "quorate": int(world.statd.quorate),
                "version": len(world.nodes),
            }
        )
    for node in world.members():
        online = world.statd.online(node.name)
        entry: dict[str, Any] = {
            "id": f"node/{node.name}",
            "name": node.name,
            "type": "node",
            "nodeid": node.number if world.cluster_name else 0,
            "online": int(online),
            "local": int(node.name == call.node),
            "level": "",
        }
        entries.append(entry | ({"ip": node.address} if online else {}))
    return entries


@call("GET", "/cluster/nextid")
async def nextid(world: World, call: Call) -> str:
    """The lowest free VMID, or the requested one if it is free: always a string."""
    wanted = call.params.get("vmid")
    if wanted is not None:
        if int(wanted) in world.guests:
            raise parameter_error(vmid=f"VM {wanted} already exists")
        return str(wanted)
    limits = dict(re.findall(r"(lower|upper)=(\d+)", str(world.options.get("next-id", ""))))
    lower, upper = int(limits.get("lower", NEXT_LOWER)), int(limits.get("upper", NEXT_UPPER))
    for vmid in range(lower, upper):
        if vmid not in world.guests:
            return str(vmid)
    raise CallError(500, f"unable to get any free VMID in range [{lower}, {upper - 1}]")


@call("GET", "/cluster/options")
async def options(world: World, call: Call) -> dict[str, Any]:
    """The options of the datacenter, and the tags of all guests that the caller may see."""
    tags = {
        tag
        for guest in world.guests.values()
        if may_see(call, guest)
        for tag in split_list(str(guest.config.get("tags", "")))
    }
    defaults = {"mac_prefix": "BC:24:11", "description": "", "allowed-tags": sorted(tags)}
    return defaults | world.options
