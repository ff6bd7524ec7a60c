# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Second factors of users (`PVE/API2/TFA.pm`): read only."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, call
from pvesim.entities import User
from pvesim.world import World


@call("GET", "/access/tfa")
async def second_factors(world: World, call: Call) -> list[dict[str, Any]]:
    """The users who have a second factor: the caller, or all of them for who may see them."""
    everybody = call.caller.may("/access/groups", "Sys.Audit")
    return [
        {"userid": user.userid, "entries": _entries(user)}
        for user in world.users.values()
        if user.totp and (everybody or user.userid == call.caller.userid)
    ]


@call("GET", "/access/tfa/{userid}")
async def of_user(world: World, call: Call) -> list[dict[str, Any]]:
    """The second factors of one user; who is not there has none."""
    user = world.users.get(call.params["userid"])
    return _entries(user) if user and user.totp else []


def _entries(user: User) -> list[dict[str, Any]]:
    entry = {"id": f"totp-{user.userid}", "type": "totp", "description": "", "enable": 1}
    return [entry | {"created": 0}]
