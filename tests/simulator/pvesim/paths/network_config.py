# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network interfaces of a node: changes wait until they are applied (`PVE/API2/Network.pm`)."""

from __future__ import annotations

import copy
from difflib import unified_diff
from typing import Any

from pvesim.calls import Call, CallError, Listing, call, parameter_error
from pvesim.entities import Node
from pvesim.formats import split_list
from pvesim.worker import Worker
from pvesim.world import World

from .nodes import bridges_and_port

OWN = ("node", "iface", "delete")
FAMILIES = (("", "inet"), ("6", "inet6"))
GATEWAYS = (("gateway", "Default gateway"), ("gateway6", "Default ipv6 gateway"))
FILES = ("/etc/network/interfaces", "/etc/network/interfaces.new")
OVS = "Open VSwitch is not installed (need package 'openvswitch-switch')"
Interface = dict[str, Any]


@call("GET", "/nodes/{node}/network")
async def network(world: World, call: Call) -> Listing:
    """The bridges of a node that the caller may use, and the port that carries them.

    Pending changes are in the list, and listed beside it.
    """
    wanted = call.params.get("type")
    auditor = call.caller.may(f"/nodes/{call.node}", "Sys.Audit")
    shown = [
        entry
        for entry in interfaces(world.nodes[call.node])
        if entry["type"] != "bridge"
        or auditor
        or call.caller.may(f"/sdn/zones/localnetwork/{entry['iface']}", "SDN.Use")
    ]
    if wanted in ("bridge", "any_bridge", "any_local_bridge"):
        wanted = "bridge"
    chosen = [entry for entry in shown if wanted in (None, entry["type"])]
    return Listing(chosen, changes=_changes(world.nodes[call.node]))


def interfaces(node: Node) -> list[dict[str, Any]]:
    """The interfaces of a node as they are configured, applied or not."""
    if node.new_network is not None:
        return [dict(entry) for entry in node.new_network]
    return bridges_and_port(node)


def _changes(node: Node) -> str:
    """What changed, line by line as `diff` writes it."""
    if node.new_network is None:
        return ""
    old = [line for entry in bridges_and_port(node) for line in _lines(entry)]
    new = [line for entry in node.new_network for line in _lines(entry)]
    lines = unified_diff(old, new, *FILES, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _lines(entry: dict[str, Any]) -> list[str]:
    """An interface as /etc/network/interfaces has it, roughly."""
    name = entry["iface"]
    lines = [f"auto {name}"] if entry.get("autostart") else []
    lines.append(f"iface {name} inet {entry.get('method', 'manual')}")
    options = ("cidr", "gateway", "bridge_ports", "bridge_stp", "bridge_fd", "slaves", "mtu")
    named = {"cidr": "address", "bridge_ports": "bridge-ports", "bridge_stp": "bridge-stp"}
    named |= {"bridge_fd": "bridge-fd", "slaves": "bond-slaves"}
    lines += [f"\t{named.get(k, k)} {entry[k]}" for k in options if k in entry]
    return [*lines, ""]


def _changing(node: Node) -> list[Interface]:
    """The interfaces as they will be, to be changed."""
    if node.new_network is None:
        node.new_network = copy.deepcopy(bridges_and_port(node))
    return node.new_network


def _find(listed: list[Interface], name: str) -> Interface:
    for entry in listed:
        if entry["iface"] == name:
            return entry
    raise parameter_error(iface="interface does not exist")


def _settings(call: Call, others: list[Interface]) -> Interface:
    """The settings of an interface in a call, with address and netmask for a CIDR."""
    given = {key: value for key, value in call.params.items() if key not in OWN}
    for key, title in GATEWAYS:
        for other in others:
            if key in given and key in other:
                text = f"{title} already exists on interface '{other['iface']}'."
                raise parameter_error(**{key: text})
    for suffix, _family in FAMILIES:
        if cidr := given.get(f"cidr{suffix}"):
            for part in ("address", "netmask"):
                if f"{part}{suffix}" in given:
                    text = f"{part}{suffix} conflicts with cidr{suffix}"
                    raise parameter_error(**{f"{part}{suffix}": text})
            address, _slash, mask = str(cidr).partition("/")
            given |= {f"address{suffix}": address, f"netmask{suffix}": mask}
    return given


def _completed(entry: Interface) -> Interface:
    """An interface with what follows from its addresses."""
    families = [family for suffix, family in FAMILIES if f"address{suffix}" in entry]
    entry["families"] = families or ["inet"]
    for suffix, _family in FAMILIES:
        entry[f"method{suffix}"] = "static" if f"address{suffix}" in entry else "manual"
    return entry


@call("POST", "/nodes/{node}/network")
async def create(world: World, call: Call) -> None:
    """A new interface, from the next time on that the network is applied."""
    listed = _changing(world.nodes[call.node])
    name = str(call.params["iface"])
    if any(entry["iface"] == name for entry in listed):
        raise parameter_error(iface="interface already exists")
    given = _settings(call, listed)
    if str(given["type"]).startswith("OVS"):
        raise CallError(500, OVS)
    highest = max((int(entry.get("priority", 0)) for entry in listed), default=2)
    listed.append(_completed({"iface": name, "priority": highest + 1, **given}))


@call("PUT", "/nodes/{node}/network/{iface}")
async def update(world: World, call: Call) -> None:
    """Other settings for an interface; addresses that are not given again are gone."""
    listed = _changing(world.nodes[call.node])
    entry = _find(listed, str(call.params["iface"]))
    given = _settings(call, [other for other in listed if other is not entry])
    for key in split_list(call.params.get("delete", "")):
        entry.pop(key, None)
        if key in ("cidr", "cidr6"):
            for part in ("address", "netmask"):
                entry.pop(part + key.removeprefix("cidr"), None)
    entry |= given
    _completed(entry)


@call("DELETE", "/nodes/{node}/network/{iface}")
async def remove(world: World, call: Call) -> None:
    """An interface less, from the next time on that the network is applied."""
    node = world.nodes[call.node]
    _find(interfaces(node), str(call.params["iface"]))
    listed = _changing(node)
    listed.remove(_find(listed, str(call.params["iface"])))


@call("DELETE", "/nodes/{node}/network")
async def revert(world: World, call: Call) -> None:
    """Forget all changes that were not applied."""
    world.nodes[call.node].new_network = None


@call("PUT", "/nodes/{node}/network")
async def apply(world: World, call: Call) -> str:
    """Let the changes become real (ifreload)."""
    return reload(world, call.node, call.caller.authid)


def reload(world: World, name: str, authid: str) -> str:
    """The task that reloads the network of a node."""
    node = world.nodes[name]

    async def work(worker: Worker) -> None:
        if node.new_network is not None:
            node.network, node.new_network = node.new_network, None
        await worker.work()
        if node.network is not None:
            for entry in node.network:
                entry["active"] = 1
            bridges = [e["iface"] for e in node.network if "bridge" in str(e["type"]).lower()]
            node.bridges = tuple(bridges)

    return world.tasks.start(name, authid, "srvreload", "networking", work)
