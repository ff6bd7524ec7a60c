# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: access control lists, roles, pools, tokens and the checks of the schema.

Follows `PVE/RPCEnvironment.pm` (`permissions`, `exec_api2_perm_check`) and the inheritance of
`PVE/AccessControl.pm` (`roles`): the most specific path that names the user decides, `NoAccess`
beats every other role there, a privilege-separated token has what both it and its user have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .calls import CallError
from .entities import User
from .formats import refusal, split_list
from .roles import ROLES
from .schema import Method
from .world import World

ROOT = "root@pam"
TOP_PATHS = (
    "/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms",
)  # fmt: skip
# What else lets a user change the access to a path, `check_perm_modify`.
MODIFIERS = {
    "/storage/": "Datastore.Allocate",
    "/vms/": "VM.Allocate",
    "/pool/": "Pool.Allocate",
}


def denied(what: str = "") -> CallError:
    """The refusal of a permission check; checks with alternatives do not say what lacks."""
    return CallError(403, "Permission check failed" + (f" ({what})" if what else ""))


def known_user(world: World, userid: str) -> User:
    """A user; raises CallError when there is none."""
    user = world.users.get(userid)
    if user is None:
        raise CallError(500, f"no such user ('{userid}')")
    return user


class Permissions:
    """Answers permission checks from the users, roles and lists of the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def may(self, authid: str, path: str, privilege: str) -> bool:
        """Whether a user or token has a privilege on a path."""
        return privilege in self.privileges(authid, path)

    def privileges(self, authid: str, path: str) -> dict[str, int]:
        """The privileges on a path, each with 1 if it propagates to the paths below."""
        if authid == ROOT:
            return dict.fromkeys(sorted(ROLES["Administrator"]), 1)
        userid, _separator, tokenid = authid.partition("!")
        user = self._world.users.get(userid)
        if user is None or (tokenid and tokenid not in user.tokens):
            return {}
        if tokenid and not user.tokens[tokenid].privsep:
            return self.privileges(userid, path)
        own = self._granted(authid, path)
        if not tokenid or userid == ROOT:
            return own
        owner = self.privileges(userid, path)
        return {name: owner[name] and flag for name, flag in own.items() if name in owner}

    def effective(self, authid: str) -> dict[str, dict[str, int]]:
        """The privileges on every path that the lists and pools name, and on those above it."""
        paths = dict.fromkeys(TOP_PATHS)
        for line in self._world.acl:
            parts = line.path.strip("/").split("/")
            paths |= dict.fromkeys(f"/{'/'.join(parts[: n + 1])}" for n in range(len(parts)))
        for pool in self._world.pools.values():
            paths |= dict.fromkeys(f"/vms/{vmid}" for vmid in pool.members)
            paths |= dict.fromkeys(f"/storage/{storage}" for storage in pool.storages)
        table = {path: self.privileges(authid, path) for path in paths}
        return {path: privileges for path, privileges in table.items() if privileges}

    def groups_with(self, authid: str, privileges: Sequence[str]) -> set[str]:
        """The groups on which a user has one of the privileges."""
        return {
            group
            for group in self._world.groups
            if any(self.may(authid, f"/access/groups/{group}", name) for name in privileges)
        }

    def check(self, method: Method, authid: str | None, params: Mapping[str, Any]) -> None:
        """Refuse a call that its schema does not allow; raises CallError 403."""
        rule = method.permissions
        if authid is None:
            if rule is None or rule.get("user") != "world":
                raise denied("user != null")
            return
        if authid == ROOT:
            return
        if rule is None:
            raise denied("user != root@pam")
        if rule.get("user") == "all":
            return
        if "check" not in rule:
            raise denied()
        _Check(self, self._world, authid, params).demand(rule["check"])

    def _granted(self, authid: str, path: str) -> dict[str, int]:
        """What the lists grant to this user or token itself, its pools included."""
        roles = self._roles(authid, path)
        pooled = self._pool_roles(authid, path)
        if "NoAccess" not in roles and pooled:
            roles = {"NoAccess": 0} if "NoAccess" in pooled else {**pooled, **roles}
        granted: dict[str, int] = {}
        for role, propagate in roles.items():
            for privilege in self._role(role):
                granted[privilege] = granted.get(privilege, 0) or propagate
        return granted

    def _role(self, role: str) -> frozenset[str]:
        own = self._world.roles.get(role)
        return ROLES.get(role, frozenset()) if own is None else frozenset(own)

    def _roles(self, authid: str, path: str) -> dict[str, int]:
        """The roles on a path with their propagation; a deeper entry replaces those above."""
        user = self._world.users.get(authid)
        groups = {f"@{group}" for group in user.groups} if user else set()
        roles: dict[str, int] = {}
        for above in _ancestors(path):
            final = above == path
            # What is given to the user beats what is given to the groups.
            roles = (
                self._lines(above, {authid}, final) or self._lines(above, groups, final) or roles
            )
        if "NoAccess" in roles:
            return {"NoAccess": roles["NoAccess"]}
        return roles

    def _lines(self, path: str, who: set[str], final: bool) -> dict[str, int]:
        """The roles of the lines of one path; `final`: those that do not go on count too."""
        return {
            acl.role: int(acl.propagate)
            for acl in self._world.acl
            if acl.path == path and acl.authid in who and (acl.propagate or final)
        }

    def _pool_roles(self, authid: str, path: str) -> dict[str, int]:
        """The roles that a guest or a storage has from its pools; they never go on."""
        match = re.fullmatch(r"/vms/(?P<vmid>\d+)|/storage/(?P<storage>[^/]+)", path)
        roles: dict[str, int] = {}
        for pool in self._world.pools.values() if match else ():
            if match and (match["storage"] in pool.storages or _in(match["vmid"], pool.members)):
                roles |= dict.fromkeys(self._roles(authid, f"/pool/{pool.poolid}"), 0)
        return roles


class _Check:
    """One check of the schema for one caller and the parameters of one call."""

    def __init__(
        self, permissions: Permissions, world: World, authid: str, params: Mapping[str, Any]
    ) -> None:
        self._permissions = permissions
        self._world = world
        self._authid = authid
        self._params = params

    def demand(self, check: Sequence[Any]) -> None:
        """Raise CallError 403 unless the check holds."""
        kind, *rest = check
        if kind == "and":
            for part in rest:
                self.demand(part)
        elif kind == "or":
            if not any(self._holds(part) for part in rest):
                raise denied()
        elif kind == "perm":
            self._perm(*rest)
        elif kind == "perm-modify":
            self._perm_modify(rest[0])
        elif kind == "userid-param":
            self._userid_param(rest[0])
        else:
            self._userid_group(*rest)

    def _holds(self, check: Sequence[Any]) -> bool:
        try:
            self.demand(check)
        except CallError:
            return False
        return True

    def _perm(self, template: str, privileges: Sequence[str], *options: Any) -> None:
        option = dict(zip(options[::2], options[1::2], strict=True))
        needed = option.get("require_param")
        if needed and needed not in self._params:
            raise denied()
        path = normalize_path(self._filled(template))
        if option.get("any"):
            self._demand_any(path, privileges)
            return
        for privilege in privileges:
            if not self._permissions.may(self._authid, path, privilege):
                raise denied(f"{path}, {privilege}")

    def _perm_modify(self, template: str) -> None:
        path = normalize_path(self._filled(template))
        extra = [priv for start, priv in MODIFIERS.items() if path.startswith(start)]
        self._demand_any(path, ["Permissions.Modify", *extra])

    def _userid_param(self, test: str) -> None:
        userid = str(self._params.get("userid", ""))
        if test == "self":
            if userid != self._authid:
                raise denied()
            return
        if reason := refusal("pve-userid", userid):
            raise CallError(500, reason)
        realm = userid.rpartition("@")[2]
        self._perm(f"/access/realm/{realm}", [test])

    def _userid_group(self, privileges: Sequence[str], *options: Any) -> None:
        """Rights on all groups, on the groups that are named, or on one of the user's."""
        option = dict(zip(options[::2], options[1::2], strict=True)).get("groups_param")
        wanted, userid = "|".join(privileges), str(self._params.get("userid", ""))
        if option != "create":
            known_user(self._world, userid)
        if any(self._permissions.may(self._authid, "/access/groups", p) for p in privileges):
            return
        allowed = self._permissions.groups_with(self._authid, privileges)
        named = split_list(str(self._params.get("groups", "")))
        if option and not named:
            raise denied(f"/access/groups, {wanted}")
        for group in named if option else ():
            if group not in allowed:
                raise denied(f"/access/groups/{group}, {wanted}")
        if option != "create" and not self._world.users[userid].groups & allowed:
            raise denied()

    def _demand_any(self, path: str, privileges: Sequence[str]) -> None:
        if not any(self._permissions.may(self._authid, path, p) for p in privileges):
            raise denied(f"{path}, {'|'.join(privileges)}")

    def _filled(self, template: str) -> str:
        """The template with the parameters of the call; what was not given is empty."""
        return re.sub(r"\{([^}]+)\}", lambda m: str(self._params.get(m[1], "")), template)


def _in(vmid: str | None, members: set[int]) -> bool:
    return vmid is not None and int(vmid) in members


def normalize_path(path: str) -> str:
    """One slash between the parts and none at the end."""
    return "/" + "/".join(part for part in path.split("/") if part)


def _ancestors(path: str) -> Iterator[str]:
    """`/`, `/vms`, `/vms/100` for `/vms/100`."""
    yield "/"
    parts = [part for part in path.split("/") if part]
    for depth in range(1, len(parts) + 1):
        yield "/" + "/".join(parts[:depth])
