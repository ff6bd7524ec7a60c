# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of users (`PVE/API2/Group.pm`)."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.cfs import changing
from pvesim.entities import Group
from pvesim.world import World

FILE = "user_cfg"
PRIVILEGES = ("User.Modify", "Sys.Audit", "Group.Allocate")


def _members(world: World, groupid: str) -> list[str]:
    return sorted(user.userid for user in world.users.values() if groupid in user.groups)


def _known(world: World, groupid: str) -> Group:
    if groupid not in world.groups:
        raise CallError(500, f"group '{groupid}' does not exist")
    return world.groups[groupid]


def _comment(group: Group) -> dict[str, str]:
    return {"comment": group.comment} if group.comment else {}


@call("GET", "/access/groups")
async def groups(world: World, call: Call) -> list[dict[str, Any]]:
    """The groups that the caller may see, and who is in them."""
    return [
        {"groupid": name, "users": ",".join(_members(world, name)), **_comment(group)}
        for name, group in sorted(world.groups.items())
        if any(call.caller.may(f"/access/groups/{name}", p) for p in PRIVILEGES)
    ]


@call("GET", "/access/groups/{groupid}")
async def group(world: World, call: Call) -> dict[str, Any]:
    """One group."""
    found = _known(world, call.params["groupid"])
    return {"members": _members(world, found.groupid), **_comment(found)}


@call("POST", "/access/groups")
async def create(world: World, call: Call) -> None:
    """A new group, with nobody in it."""
    name = call.params["groupid"]
    async with changing(world, FILE, "create group failed"):
        if name in world.groups:
            raise CallError(500, f"group '{name}' already exists")
        world.groups[name] = Group(name, call.params.get("comment", ""))


@call("PUT", "/access/groups/{groupid}")
async def update(world: World, call: Call) -> None:
    """Change the comment of a group."""
    async with changing(world, FILE, "update group failed"):
        found = _known(world, call.params["groupid"])
        found.comment = call.params.get("comment", found.comment)


@call("DELETE", "/access/groups/{groupid}")
async def delete(world: World, call: Call) -> None:
    """Remove a group, its members' membership, and its lines of the access control list."""
    name = call.params["groupid"]
    async with changing(world, FILE, "delete group failed"):
        _known(world, name)
        del world.groups[name]
        for user in world.users.values():
            user.groups.discard(name)
        world.acl = [line for line in world.acl if line.authid != f"@{name}"]
