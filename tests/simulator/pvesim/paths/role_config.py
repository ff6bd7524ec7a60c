# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles (`PVE/API2/Role.pm`)."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.cfs import changing
from pvesim.formats import split_list
from pvesim.roles import ROLES
from pvesim.world import World

FILE = "user_cfg"
RESERVED = "cannot use role ID starting with the (case-insensitive) 'PVE' namespace"


@call("GET", "/access/roles")
async def roles(world: World, _call: Call) -> list[dict[str, Any]]:
    """The built-in roles, which are special, and those of the world."""
    own = {name: (privileges, 0) for name, privileges in world.roles.items()}
    every = {name: (set(privileges), 1) for name, privileges in ROLES.items()} | own
    return [
        {"roleid": name, "privs": ",".join(sorted(privileges)), "special": special}
        for name, (privileges, special) in sorted(every.items())
    ]


@call("GET", "/access/roles/{roleid}")
async def role(world: World, call: Call) -> dict[str, int]:
    """The privileges of a role."""
    name = call.params["roleid"]
    check_role(world, name)
    privileges = world.roles[name] if name in world.roles else ROLES[name]
    return dict.fromkeys(sorted(privileges), 1)


@call("POST", "/access/roles")
async def create(world: World, call: Call) -> None:
    """A new role."""
    name = call.params["roleid"]
    if name.upper().startswith("PVE"):
        raise parameter_error(roleid=RESERVED)
    async with changing(world, FILE, "create role failed"):
        if name in world.roles or name in ROLES:
            raise CallError(500, f"role '{name}' already exists")
        world.roles[name] = _privileges(call)


@call("PUT", "/access/roles/{roleid}")
async def update(world: World, call: Call) -> None:
    """Other privileges for a role, or more with `append`."""
    name = call.params["roleid"]
    if name in ROLES:
        raise CallError(500, f"auto-generated role '{name}' cannot be modified")
    async with changing(world, FILE, "update role failed"):
        check_role(world, name)
        more = world.roles[name] if call.params.get("append") else set()
        world.roles[name] = _privileges(call) | more


@call("DELETE", "/access/roles/{roleid}")
async def delete(world: World, call: Call) -> None:
    """Remove a role, also one that is in use; its lines are ignored from then on."""
    name = call.params["roleid"]
    if name in ROLES:
        raise CallError(500, f"auto-generated role '{name}' cannot be deleted")
    async with changing(world, FILE, "delete role failed"):
        check_role(world, name)
        del world.roles[name]
        world.acl = [line for line in world.acl if line.role != name]


def check_role(world: World, name: str) -> None:
    """Refuse a role that is not there."""
    if name not in world.roles and name not in ROLES:
        raise CallError(500, f"role '{name}' does not exist")


def _privileges(call: Call) -> set[str]:
    privileges = set(split_list(call.params.get("privs", "")))
    for name in sorted(privileges):
        if name not in ROLES["Administrator"]:
            raise CallError(500, f"invalid privilege '{name}'")
    return privileges
