# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users (`PVE/API2/User.pm`)."""

from __future__ import annotations

from typing import Any

from pvesim.access import realms
from pvesim.calls import Call, CallError, call
from pvesim.cfs import changing
from pvesim.entities import User
from pvesim.formats import split_list
from pvesim.permissions import Permissions, known_user
from pvesim.world import World

from .tokens import token_entry

FILE = "user_cfg"
DETAILS = ("firstname", "lastname", "email", "comment", "keys")


def _auditor(call: Call) -> bool:
    """Whether the caller may see everybody."""
    return any(call.caller.may("/access/groups", p) for p in ("User.Modify", "Sys.Audit"))


def user_entry(user: User) -> dict[str, Any]:
    """The fields of a user in every list."""
    return {"enable": int(user.enabled), "expire": user.expire, **user.details}


def _listed(world: World, user: User, full: bool) -> dict[str, Any]:
    entry = {"userid": user.userid, **user_entry(user)}
    if realm := realms(world).get(user.userid.rpartition("@")[2]):
        entry["realm-type"] = realm["type"]
    if full:
        tokens = [token_entry(token, listed=True) for token in user.tokens.values()]
        entry |= {"groups": ",".join(sorted(user.groups)), "tokens": tokens or None}
    return entry


@call("GET", "/access/users")
async def users(world: World, call: Call) -> list[dict[str, Any]]:
    """The users that the caller may see, himself included; with `full` their tokens too."""
    everybody, wanted = _auditor(call), call.params.get("enabled")
    permissions = Permissions(world)
    groups = permissions.groups_with(call.caller.authid, ("User.Modify", "Sys.Audit"))
    return [
        _listed(world, user, bool(call.params.get("full")))
        for user in world.users.values()
        if (everybody or user.userid == call.caller.userid or user.groups & groups)
        and (wanted is None or bool(wanted) == user.enabled)
    ]


@call("GET", "/access/users/{userid}")
async def user(world: World, call: Call) -> dict[str, Any]:
    """One user, with groups and tokens."""
    found = known_user(world, call.params["userid"])
    tokens = {name: token_entry(token) for name, token in found.tokens.items()}
    return user_entry(found) | {"groups": sorted(found.groups), "tokens": tokens or None}


@call("POST", "/access/users")
async def create(world: World, call: Call) -> None:
    """A new user; the realm need not be there unless a password is given."""
    params = call.params
    userid = params["userid"]
    async with changing(world, FILE, "create user failed"):
        if userid in world.users:
            raise CallError(500, f"user '{userid}' already exists")
        if "password" in params:
            _check_realm(world, userid)
        made = User(userid, params.get("password", ""), bool(params.get("enable", 1)))
        made.expire = int(params.get("expire", 0))
        made.groups = _groups(world, params)
        made.details = {key: params[key] for key in DETAILS if params.get(key)}
        world.users[userid] = made


@call("PUT", "/access/users/{userid}")
async def update(world: World, call: Call) -> None:
    """Change a user; groups replace the ones there are unless `append` is set."""
    params = call.params
    async with changing(world, FILE, "update user failed"):
        found = known_user(world, params["userid"])
        groups = _groups(world, params)
        if "groups" in params:
            found.groups = groups | (found.groups if params.get("append") else set())
        found.enabled = bool(params.get("enable", found.enabled))
        found.expire = int(params.get("expire", found.expire))
        found.details |= {key: params[key] for key in DETAILS if key in params}


@call("DELETE", "/access/users/{userid}")
async def delete(world: World, call: Call) -> None:
    """Remove a user with tokens and the lines of the access control list."""
    userid = call.params["userid"]
    async with changing(world, FILE, "delete user failed"):
        known_user(world, userid)
        del world.users[userid]
        world.acl = [line for line in world.acl if line.authid.partition("!")[0] != userid]


@call("PUT", "/access/password")
async def change_password(world: World, call: Call) -> None:
    """Another password for a user."""
    found = known_user(world, call.params["userid"])
    _check_realm(world, found.userid)
    found.password = call.params["password"]


def _check_realm(world: World, userid: str) -> None:
    realm = userid.rpartition("@")[2]
    if realm not in realms(world):
        raise CallError(500, f"auth domain '{realm}' does not exist")


def _groups(world: World, params: Any) -> set[str]:
    """The groups that are named; all of them must be there."""
    named = split_list(params.get("groups", ""))
    for groupid in named:
        if groupid not in world.groups:
            raise CallError(500, f"no such group '{groupid}'")
    return set(named)


@call("GET", "/access/users/{userid}/tfa")
async def second_factor(world: World, call: Call) -> dict[str, Any]:
    """Whether the user has a second factor."""
    found = known_user(world, call.params["userid"])
    if call.params.get("multiple"):
        return {"types": ["totp"] if found.totp else []}
    return {"user": "totp"} if found.totp else {}


@call("PUT", "/access/users/{userid}/unlock-tfa")
async def unlock(world: World, call: Call) -> int:
    """Nobody is ever locked out here."""
    known_user(world, call.params["userid"])
    return 0
