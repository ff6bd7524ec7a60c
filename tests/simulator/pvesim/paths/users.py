# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users and their tokens (`PVE/API2/User.pm`): read only."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.entities import Token, User
from pvesim.world import World


def _auditor(call: Call) -> bool:
    """Whether the caller may see everybody."""
    return call.caller.may("/access/groups", "User.Modify") or call.caller.may(
        "/access/groups", "Sys.Audit"
    )


def _user(user: User) -> dict[str, Any]:
    kind = user.userid.rpartition("@")[2]
    return {"userid": user.userid, "enable": int(user.enabled), "expire": 0, "realm-type": kind}


def _token(token: Token) -> dict[str, Any]:
    return {"tokenid": token.tokenid, "privsep": int(token.privsep), "expire": 0}


@call("GET", "/access/users")
async def users(world: World, call: Call) -> list[dict[str, Any]]:
    """All users, or the caller alone when he may see no others; with `full` their tokens too."""
    everybody = _auditor(call)
    found = []
    for user in world.users.values():
        enabled = call.params.get("enabled")
        if not everybody and user.userid != call.caller.userid:
            continue
        if enabled is not None and bool(enabled) != user.enabled:
            continue
        tokens = [_token(token) for token in user.tokens.values()]
        found.append(_user(user) | ({"tokens": tokens} if call.params.get("full") else {}))
    return found


@call("GET", "/access/users/{userid}/token")
async def tokens(world: World, call: Call) -> list[dict[str, Any]]:
    """The tokens of a user, without their secrets."""
    user = world.users.get(call.params["userid"])
    if user is None:
        raise CallError(500, f"no such user ('{call.params['userid']}')")
    return [_token(token) for token in user.tokens.values()]
