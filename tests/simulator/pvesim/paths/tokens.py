# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API tokens of users (`PVE/API2/User.pm`, `PVE/TokenConfig.pm`)."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.cfs import changing
from pvesim.entities import Token
from pvesim.formats import split_list
from pvesim.guests import new_uuid
from pvesim.permissions import known_user
from pvesim.world import World

FILE = "user_cfg"
PATH = "/access/users/{userid}/token/{tokenid}"


def token_entry(token: Token, *, listed: bool = False) -> dict[str, Any]:
    """A token without its secret; lists name it too."""
    entry: dict[str, Any] = {"privsep": int(token.privsep), "expire": token.expire}
    entry |= {"comment": token.comment} if token.comment else {}
    return entry | ({"tokenid": token.tokenid} if listed else {})


def known_token(world: World, userid: str, tokenid: str) -> Token:
    """A token of a user; raises CallError if one of them is not there."""
    token = known_user(world, userid).tokens.get(tokenid)
    if token is None:
        raise CallError(500, f"no such token '{tokenid}' for user '{userid}'")
    return token


@call("GET", "/access/users/{userid}/token")
async def tokens(world: World, call: Call) -> list[dict[str, Any]]:
    """The tokens of a user."""
    user = known_user(world, call.params["userid"])
    return [token_entry(token, listed=True) for token in user.tokens.values()]


@call("GET", PATH)
async def token(world: World, call: Call) -> dict[str, Any]:
    """One token."""
    return token_entry(known_token(world, call.params["userid"], call.params["tokenid"]))


@call("POST", PATH)
async def generate(world: World, call: Call) -> dict[str, Any]:
    """A new token with its secret, which nobody is ever shown again."""
    params = call.params
    userid, tokenid = params["userid"], params["tokenid"]
    user = known_user(world, userid)
    if tokenid in user.tokens:
        raise parameter_error(tokenid="Token already exists.")
    async with changing(world, FILE, "generating token failed"):
        made = Token(tokenid, new_uuid(world), bool(params.get("privsep", 1)))
        made.expire, made.comment = int(params.get("expire", 0)), params.get("comment", "")
        user.tokens[tokenid] = made
    # What was sent comes back as it was sent, as text; the default is a number.
    info: dict[str, Any] = {"privsep": str(params["privsep"]) if "privsep" in params else 1}
    info |= {"expire": str(params["expire"])} if "expire" in params else {}
    info |= {"comment": made.comment} if made.comment else {}
    return {"full-tokenid": f"{userid}!{tokenid}", "info": info, "value": made.secret}


@call("PUT", PATH)
async def update(world: World, call: Call) -> dict[str, Any]:
    """Change a token, or give it a new secret."""
    params = call.params
    found = known_token(world, params["userid"], params["tokenid"])
    async with changing(world, FILE, "updating token info failed"):
        found.privsep = bool(params.get("privsep", found.privsep))
        found.expire = int(params.get("expire", found.expire))
        found.comment = params.get("comment", found.comment)
        for key in split_list(params.get("delete", "")):
            if key not in ("comment", "expire", "privsep"):
                raise CallError(500, f"unknown option '{key}'")
            setattr(found, key, {"comment": "", "expire": 0, "privsep": True}[key])
        entry = token_entry(found)
        if params.get("regenerate"):
            found.secret = new_uuid(world)
            entry |= {"full-tokenid": f"{params['userid']}!{found.tokenid}", "value": found.secret}
    return entry


@call("DELETE", PATH)
async def delete(world: World, call: Call) -> None:
    """Remove a token with its lines of the access control list."""
    userid, tokenid = call.params["userid"], call.params["tokenid"]
    known_token(world, userid, tokenid)
    async with changing(world, FILE, "deleting token failed"):
        del world.users[userid].tokens[tokenid]
        world.acl = [line for line in world.acl if line.authid != f"{userid}!{tokenid}"]
