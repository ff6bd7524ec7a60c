# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of corosync, and directory mappings: read, and kept."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.cfs import changing, check_file_digest, file_digest
from pvesim.formats import split_list
from pvesim.world import World

NO_CLUSTER = "node is not in a cluster, no join info available!"


def _totem(world: World) -> dict[str, Any]:
    return {
        "cluster_name": world.cluster_name,
        "config_version": str(len(world.nodes)),
        "interface": {"0": {"linknumber": "0"}},
        "ip_version": "ipv4-6",
        "link_mode": "passive",
        "secauth": "on",
        "token_coefficient": "125",
        "version": "2",
    }


def _members(world: World) -> list[dict[str, str]]:
    """The nodes as corosync.conf has them."""
    return [
        {"name": node.name, "nodeid": str(node.number), "quorum_votes": "1"}
        | {"ring0_addr": node.address}
        for node in world.members()
    ]


@call("GET", "/cluster/config/join")
async def join(world: World, call: Call) -> dict[str, Any]:
    """What a new node needs to know to join."""
    if not world.cluster_name:
        raise CallError(424, NO_CLUSTER)
    nodes = [
        entry | {"pve_addr": entry["ring0_addr"], "pve_fp": world.nodes[entry["name"]].fingerprint}
        for entry in _members(world)
    ]
    totem = _totem(world)
    return {
        "config_digest": file_digest(totem, *_members(world)),
        "nodelist": nodes,
        "preferred_node": call.params.get("node", call.node),
        "totem": totem,
    }


@call("GET", "/cluster/config/nodes")
async def nodes(world: World, _call: Call) -> list[dict[str, str]]:
    """The members; none without a cluster."""
    if not world.cluster_name:
        return []
    return [entry | {"node": entry["name"]} for entry in _members(world)]


@call("GET", "/cluster/config/totem")
async def totem(world: World, _call: Call) -> dict[str, Any]:
    """The section totem."""
    return _totem(world) if world.cluster_name else {}


@call("GET", "/cluster/config/qdevice")
async def qdevice(_world: World, _call: Call) -> dict[str, Any]:
    """There is none."""
    return {}


@call("GET", "/cluster/config/apiversion")
async def apiversion(_world: World, _call: Call) -> str:
    """The version of the calls for joining."""
    return "1"


def _digest(world: World) -> str:
    return file_digest(world.mappings)


def _known(world: World, name: str) -> dict[str, Any]:
    if name not in world.mappings:
        raise CallError(500, f"mapping '{name}' not found")
    return world.mappings[name]


@call("GET", "/cluster/mapping/dir")
async def mappings(world: World, call: Call) -> list[dict[str, Any]]:
    """The directory mappings that the caller may see."""
    privileges = ("Mapping.Audit", "Mapping.Use", "Mapping.Modify")
    return [
        {"id": name, "type": "dir", **mapping, "digest": _digest(world)}
        for name, mapping in sorted(world.mappings.items())
        if any(call.caller.may(f"/mapping/dir/{name}", p) for p in privileges)
    ]


@call("GET", "/cluster/mapping/dir/{id}")
async def mapping(world: World, call: Call) -> dict[str, Any]:
    """One directory mapping."""
    found = _known(world, call.params["id"])
    return {**found, "type": "dir", "digest": _digest(world)}


def _given(call: Call) -> dict[str, Any]:
    given = {key: call.params[key] for key in ("map", "description") if key in call.params}
    if isinstance(given.get("map"), str):
        given["map"] = [given["map"]]
    return given


@call("POST", "/cluster/mapping/dir")
async def create_mapping(world: World, call: Call) -> None:
    """A new directory mapping."""
    async with changing(world, "mapping_directory_cfg", "create dir mapping failed"):
        if call.params["id"] in world.mappings:
            raise CallError(500, f"dir ID '{call.params['id']}' already defined")
        world.mappings[call.params["id"]] = _given(call)


@call("PUT", "/cluster/mapping/dir/{id}")
async def change_mapping(world: World, call: Call) -> None:
    """Change a directory mapping."""
    async with changing(world, "mapping_directory_cfg", "update dir mapping failed"):
        check_file_digest(call.params.get("digest"), _digest(world))
        found = _known(world, call.params["id"])
        for key in split_list(call.params.get("delete", "")):
            found.pop(key, None)
        found |= _given(call)


@call("DELETE", "/cluster/mapping/dir/{id}")
async def delete_mapping(world: World, call: Call) -> None:
    """Forget a directory mapping; a missing one is not an error."""
    async with changing(world, "mapping_directory_cfg", "delete dir mapping failed"):
        world.mappings.pop(call.params["id"], None)
