# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones, networks and subnets of SDN, which wait until they are applied.

Source: `PVE/API2/Network/SDN/Zones.pm`, `Vnets.pm`, `Subnets.pm`. No text was seen on a real
cluster.
"""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, Handler, call, parameter_error
from pvesim.cfs import changing, check_file_digest, file_digest
from pvesim.formats import split_list
from pvesim.nested import exit_status, is_error
from pvesim.sdn import SINGLE, commit, roll_back, shown, zones_of
from pvesim.worker import Worker
from pvesim.world import World

from .network_config import reload

PATHS = {
    "zones": "/cluster/sdn/zones",
    "vnets": "/cluster/sdn/vnets",
    "subnets": "/cluster/sdn/vnets/{vnet}/subnets",
}
OWN = ("lock-token", "digest", "delete")


def _digest(world: World, part: str) -> str:
    return file_digest(world.sdn[part])


def _name(part: str, call: Call) -> str:
    """The id of an object; that of a subnet has its zone in front."""
    given = str(call.params[SINGLE[part]])
    return given.replace("/", "-") if part == "subnets" else given


def _list(part: str) -> Handler:
    async def answer(world: World, call: Call) -> list[dict[str, Any]]:
        vnet, wanted = call.params.get("vnet"), call.params.get("type")
        return [
            {SINGLE[part]: name, **entry, "digest": _digest(world, part)}
            for name, entry in shown(world, part, call.params).items()
            if (part != "subnets" or entry.get("vnet") == vnet)
            and (part != "zones" or wanted in (None, entry.get("type")))
        ]

    return answer


def _read(part: str) -> Handler:
    async def answer(world: World, call: Call) -> dict[str, Any]:
        name = _name(part, call)
        found = shown(world, part, call.params)
        if name not in found:
            raise CallError(500, f"sdn '{name}' does not exist")
        return {SINGLE[part]: name, **found[name], "digest": _digest(world, part)}

    return answer


def _create(part: str) -> Handler:
    single = SINGLE[part]

    async def create(world: World, call: Call) -> None:
        async with changing(world, "sdn_cfg", f"create sdn {single} object failed"):
            name, given = _new(world, part, call)
            if name in world.sdn[part]:
                raise CallError(500, f"sdn {single} object ID '{name}' already defined")
            world.sdn[part][name] = given

    return create


def _new(world: World, part: str, call: Call) -> tuple[str, dict[str, Any]]:
    """The id and the settings of a new object."""
    given = {key: value for key, value in call.params.items() if key not in OWN}
    name = str(given.pop(SINGLE[part]))
    if part == "zones":
        return name, {"ipam": "pve", **given}
    if part == "vnets":
        given["type"] = "vnet"
        _check_vnet(world, given)
        return name, given
    vnet = world.sdn["vnets"].get(str(given["vnet"]))
    if vnet is None:
        raise parameter_error(vnet=f"{given['vnet']} don't exist")
    network, _slash, mask = name.partition("/")
    given |= {"cidr": name, "network": network, "mask": mask, "zone": vnet["zone"]}
    return f"{vnet['zone']}-{network}-{mask}", given


def _check_vnet(world: World, given: dict[str, Any]) -> None:
    zone = world.sdn["zones"].get(str(given["zone"]))
    if zone is None:
        raise CallError(500, f"zone {given['zone']} don't exist")
    if zone["type"] != "simple" and "tag" not in given:
        raise parameter_error(tag="missing vlan tag")
    if zone["type"] == "simple" and "tag" in given:
        raise parameter_error(tag="vlan tag is not allowed on simple zone")


def _update(part: str) -> Handler:
    single = SINGLE[part]

    async def update(world: World, call: Call) -> None:
        name = _name(part, call)
        async with changing(world, "sdn_cfg", f"update sdn {single} object failed"):
            check_file_digest(call.params.get("digest"), _digest(world, part))
            if name not in world.sdn[part]:
                raise CallError(500, f"sdn '{name}' does not exist")
            for key in split_list(str(call.params.get("delete", ""))):
                world.sdn[part][name].pop(key, None)
            own = (*OWN, single, "vnet" if part == "subnets" else single)
            given = {key: value for key, value in call.params.items() if key not in own}
            world.sdn[part][name] |= given

    return update


USERS = {"zones": ("vnets", "zone"), "vnets": ("subnets", "vnet")}


def _delete(part: str) -> Handler:
    single = SINGLE[part]

    async def delete(world: World, call: Call) -> None:
        name = _name(part, call)
        async with changing(world, "sdn_cfg", f"delete sdn {single} object failed"):
            if name not in world.sdn[part]:
                raise CallError(500, f"sdn '{name}' does not exist")
            if part in USERS:
                below, key = USERS[part]
                for other, entry in world.sdn[below].items():
                    if entry.get(key) == name:
                        user = f"vnet {other}" if below == "vnets" else "subnets exist"
                        raise CallError(500, f"{single} {name} is used by {user}")
            del world.sdn[part][name]

    return delete


for _part, _path in PATHS.items():
    _one = f"{_path}/{{{SINGLE[_part]}}}"
    call("GET", _path)(_list(_part))
    call("POST", _path)(_create(_part))
    call("GET", _one)(_read(_part))
    call("PUT", _one)(_update(_part))
    call("DELETE", _one)(_delete(_part))


@call("GET", "/nodes/{node}/sdn/zones")
async def zones(world: World, call: Call) -> list[dict[str, str]]:
    """The zones that run on a node."""
    return [{"zone": name, "status": "available"} for name in zones_of(world, call.node)]


@call("POST", "/cluster/sdn/rollback")
async def rollback(world: World, _call: Call) -> None:
    """Forget what was not applied."""
    roll_back(world)


@call("PUT", "/cluster/sdn")
async def apply(world: World, call: Call) -> str:
    """Apply everything, and reload the network of each node; one that fails is a warning only."""
    authid = call.caller.authid
    commit(world)

    async def work(worker: Worker) -> None:
        for name, node in world.nodes.items():
            worker.log(f"{name}: reloading network config")
            if node.state != "up":
                reason = f"connect to host {node.address} port 22: No route to host"
                worker.warn(f"{name}: ssh: {reason}")
                continue
            upid = reload(world, name, authid)
            if is_error(status := await exit_status(worker, upid)):
                worker.warn(f"{name}: {status}")

    return world.tasks.start(call.node, authid, "reloadnetworkall", "", work)
