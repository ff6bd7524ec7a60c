# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster keeps in its own files: users, pools, HA, jobs; from a world file and back."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .entities import Acl, Firewall, Group, Pool, Token, User

if TYPE_CHECKING:
    from .world import World

AS_THEY_ARE = ("realms", "ha", "ha_rules", "backup_jobs", "mappings", "acme_accounts",
               "acme_plugins", "programs")  # fmt: skip
"""Parts of the world that are kept as they are in the file."""
DETAILS = ("firstname", "lastname", "email", "comment", "keys")
Document = dict[str, Any]


def fill_config(world: World, data: Mapping[str, Any]) -> None:
    """Put users, permissions, pools and everything else without a node into a world."""
    for part in AS_THEY_ARE:
        entries = (data.get(part) or {}).items()
        setattr(world, part, {key: copy.deepcopy(dict(entry or {})) for key, entry in entries})
    world.groups = {
        name: Group(name, (group or {}).get("comment", "")) for name, group in _map(data, "groups")
    }
    world.users = {userid: _user(userid, entry or {}) for userid, entry in _map(data, "users")}
    world.roles = {role: set(privileges) for role, privileges in _map(data, "roles")}
    world.acl = [
        Acl(line["path"], line["authid"], line["role"], bool(line.get("propagate", True)))
        for line in data.get("acl") or ()
    ]
    world.pools = {poolid: _pool(poolid, pool or {}) for poolid, pool in _map(data, "pools")}
    world.firewalls = {
        scope: Firewall(**copy.deepcopy(entry or {})) for scope, entry in _map(data, "firewalls")
    }


def _map(data: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    return list((data.get(key) or {}).items())


def _pool(poolid: str, data: Mapping[str, Any]) -> Pool:
    members = {int(vmid) for vmid in data.get("members", ())}
    return Pool(poolid, data.get("comment", ""), members, set(data.get("storages", ())))


def _user(userid: str, data: Mapping[str, Any]) -> User:
    user = User(userid, str(data.get("password", "")), bool(data.get("enabled", True)))
    user.totp, user.expire = data.get("totp"), int(data.get("expire", 0))
    user.groups = set(data.get("groups") or ())
    user.details = {key: data[key] for key in DETAILS if key in data}
    for name, token in _map(data, "tokens"):
        user.tokens[name] = Token(
            name,
            token["secret"],
            bool(token.get("privsep", True)),
            int(token.get("expire", 0)),
            token.get("comment", ""),
        )
    return user


def config_json(world: World, *, secrets: bool = False) -> Document:
    """The same in the format of a world file; with passwords and secrets only on request."""
    return {
        "users": {user.userid: _user_json(user, secrets) for user in world.users.values()},
        "groups": {group.groupid: {"comment": group.comment} for group in world.groups.values()},
        "roles": {name: sorted(privileges) for name, privileges in world.roles.items()},
        "acl": [vars(line) for line in world.acl],
        "pools": {
            pool.poolid: {
                "comment": pool.comment,
                "members": sorted(pool.members),
                "storages": sorted(pool.storages),
            }
            for pool in world.pools.values()
        },
        "firewalls": {scope: vars(firewall) for scope, firewall in world.firewalls.items()},
        "ceph": world.ceph,
        "sdn": world.sdn,
        **{part: getattr(world, part) for part in AS_THEY_ARE},
    }


def _user_json(user: User, secrets: bool) -> Document:
    entry: Document = {"enabled": user.enabled, "expire": user.expire, **user.details}
    entry["groups"] = sorted(user.groups)
    entry["tokens"] = {
        token.tokenid: {
            "privsep": token.privsep,
            "expire": token.expire,
            "comment": token.comment,
            **({"secret": token.secret} if secrets else {}),
        }
        for token in user.tokens.values()
    }
    if secrets:
        entry |= {"password": user.password}
        entry |= {"totp": user.totp} if user.totp else {}
    return entry
