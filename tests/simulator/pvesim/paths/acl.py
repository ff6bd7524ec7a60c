# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles and the access control list (`PVE/API2/ACL.pm`, `PVE/API2/Role.pm`)."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.entities import Acl
from pvesim.formats import split_list
from pvesim.guests import check_quorum
from pvesim.roles import ROLES
from pvesim.world import World


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
    if name not in world.roles and name not in ROLES:
        raise CallError(500, f"role '{name}' does not exist")
    return dict.fromkeys(sorted(world.roles.get(name) or ROLES[name]), 1)


@call("GET", "/access/acl")
async def entries(world: World, call: Call) -> list[dict[str, Any]]:
    """The lines on paths whose permissions the caller may change."""
    return [
        {
            "path": line.path,
            "ugid": line.authid,
            "type": "token" if "!" in line.authid else "user",
            "roleid": line.role,
            "propagate": int(line.propagate),
        }
        for line in world.acl
        if call.caller.may(line.path, "Permissions.Modify")
    ]


@call("PUT", "/access/acl")
async def update(world: World, call: Call) -> None:
    """Add lines for users and tokens, or remove them."""
    check_quorum(world)
    params = call.params
    who = [*split_list(params.get("users", "")), *split_list(params.get("tokens", ""))]
    if not who:
        needed = "either 'users', 'groups' or 'tokens' is required."
        raise parameter_error(**dict.fromkeys(("users", "groups", "tokens"), needed))
    for authid in who:
        _check_known(world, authid)
    for name in split_list(params["roles"]):
        if name not in world.roles and name not in ROLES:
            raise CallError(500, f"role '{name}' does not exist")
        for authid in who:
            _set(world, params["path"], authid, name, params)


def _check_known(world: World, authid: str) -> None:
    userid, _unused, tokenid = authid.partition("!")
    user = world.users.get(userid)
    if user is None:
        raise CallError(500, f"user '{userid}' does not exist")
    if tokenid and tokenid not in user.tokens:
        raise CallError(500, f"no such token '{tokenid}' for user '{userid}'")


def _set(world: World, path: str, authid: str, role: str, params: Any) -> None:
    """Replace the line of one path, one user and one role."""
    world.acl = [
        line for line in world.acl if (line.path, line.authid, line.role) != (path, authid, role)
    ]
    if not params.get("delete"):
        world.acl.append(Acl(path, authid, role, bool(params.get("propagate", 1))))
