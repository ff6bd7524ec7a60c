# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access control list (`PVE/API2/ACL.pm`)."""

from __future__ import annotations

import re
from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.cfs import changing
from pvesim.entities import Acl
from pvesim.formats import split_list
from pvesim.permissions import Permissions, known_user, normalize_path
from pvesim.roles import ROLES
from pvesim.world import World

from .role_config import check_role
from .tokens import known_token

NAME = r"[\w.\-]+"
PATHS = re.compile(
    rf"/|/access(/groups(/{NAME})?|/realm(/{NAME})?)?|/nodes(/{NAME})?"
    rf"|/pool(/{NAME}){{0,3}}|/sdn|/sdn/(controllers|dns|ipams|fabrics)(/{NAME})?"
    rf"|/sdn/zones(/{NAME}){{0,2}}|/sdn/zones/{NAME}/{NAME}/[1-9][0-9]{{0,3}}"
    rf"|/storage(/{NAME})?|/vms(/[1-9][0-9]{{2,}})?|/mapping(/{NAME}){{0,2}}",
    re.ASCII,
)
"""The paths of the system (`check_path` of `PVE/AccessControl.pm`)."""


def _type(authid: str) -> str:
    return "group" if authid.startswith("@") else "token" if "!" in authid else "user"


@call("GET", "/access/acl")
async def entries(world: World, call: Call) -> list[dict[str, Any]]:
    """The lines on paths whose permissions the caller may change, or all for an auditor."""
    everything = call.caller.may("/access", "Sys.Audit")
    return [
        {
            "path": line.path,
            "ugid": line.authid.removeprefix("@"),
            "type": _type(line.authid),
            "roleid": line.role,
            "propagate": int(line.propagate),
        }
        for line in world.acl
        if everything or call.caller.may(line.path, "Permissions.Modify")
    ]


@call("PUT", "/access/acl")
async def update(world: World, call: Call) -> None:
    """Add lines for users, groups and tokens, or remove them; neither twice is an error."""
    params = call.params
    path = normalize_path(params["path"])
    if not PATHS.fullmatch(path):
        raise parameter_error(path=f"invalid ACL path '{params['path']}'")
    if not any(params.get(key) for key in ("users", "groups", "tokens")):
        needed = "either 'users', 'groups' or 'tokens' is required."
        raise parameter_error(**dict.fromkeys(("users", "groups", "tokens"), needed))
    async with changing(world, "user_cfg", "ACL update failed"):
        for name in split_list(params["roles"]):
            check_role(world, name)
            _check_superset(world, call, path, name)
            for authid in _who(world, params):
                _set(world, path, authid, name, params)


def _check_superset(world: World, call: Call, path: str, name: str) -> None:
    """Without the privilege to change permissions, users only grant what they have."""
    authid = call.caller.authid
    own = Permissions(world).privileges(authid, path)
    if (
        authid == "root@pam"
        or "Permissions.Modify" in own
        or call.caller.may(path, "Permissions.Modify")
    ):
        return
    verb = "remove" if call.params.get("delete") else "add"
    wanted = world.roles.get(name) or ROLES.get(name, frozenset())
    if name == "NoAccess" or any(privilege not in own for privilege in wanted):
        text = f"Cannot {verb} role '{name}' - requires 'Permissions.Modify'"
        raise parameter_error(role=text + " or superset of privileges.")


def _who(world: World, params: Any) -> list[str]:
    """Those who are named; raises CallError for one that is not there."""
    found = []
    for group in split_list(params.get("groups", "")):
        if group not in world.groups:
            raise CallError(500, f"group '{group}' does not exist")
        found.append(f"@{group}")
    for userid in split_list(params.get("users", "")):
        if userid not in world.users:
            raise CallError(500, f"user '{userid}' does not exist")
        found.append(userid)
    for authid in split_list(params.get("tokens", "")):
        userid, _unused, tokenid = authid.partition("!")
        known_user(world, userid)
        known_token(world, userid, tokenid)
        found.append(authid)
    return found


def _set(world: World, path: str, authid: str, role: str, params: Any) -> None:
    """Replace the line of one path, one user and one role."""
    world.acl = [
        line for line in world.acl if (line.path, line.authid, line.role) != (path, authid, role)
    ]
    if not params.get("delete"):
        world.acl.append(Acl(path, authid, role, bool(params.get("propagate", 1))))
