# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls under `/access` that log users in and return their permissions.

Source: `PVE/API2/AccessControl.pm`, `PVE/API2/Domains.pm`.
"""

from __future__ import annotations

import re
from typing import Any

from .auth import Authentication, LoginFailed
from .calls import Call, CallError, Handler
from .cfs import file_digest
from .permissions import Permissions, denied
from .world import World

PAM_DELAY = 2.0
"""Seconds that PAM takes to refuse a password; the worker of pvedaemon waits with it."""
REALMS = {
    "pam": {"type": "pam", "comment": "Linux PAM standard authentication"},
    "pve": {"type": "pve", "comment": "Proxmox VE authentication server"},
}
PLUGINS = {"pam": "PAM", "pve": "PVE", "ldap": "LDAP", "ad": "AD", "openid": "OpenId"}
CAPABILITIES = {
    "vms": (r"VM\.|Permissions\.Modify", ("/vms", "/pool")),
    "access": (r"(User|Group)\.|Permissions\.Modify", ("/access",)),
    "storage": (r"Datastore\.|Permissions\.Modify", ("/storage",)),
    "nodes": (r"Sys\.|Permissions\.Modify", ("/nodes",)),
    "sdn": (r"SDN\.|Permissions\.Modify", ("/sdn",)),
    "dc": (r"Sys\.Audit|Sys\.Modify|SDN\.", ("/",)),
    "mapping": (r"Mapping\.|Permissions\.Modify", ("/mapping",)),
}


def realms(world: World) -> dict[str, dict[str, Any]]:
    """The two realms that every cluster has, and those of the world."""
    return {name: dict(realm) for name, realm in {**REALMS, **world.realms}.items()}


class Access:
    """The handlers that need the tickets of this process."""

    def __init__(self, authentication: Authentication, permissions: Permissions) -> None:
        self._authentication = authentication
        self._permissions = permissions

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """What to add to the registry of calls."""
        return {
            ("GET", "/access/ticket"): self._no_ticket,
            ("POST", "/access/ticket"): self._ticket,
            ("GET", "/access/domains"): self._domains,
            ("GET", "/access/domains/{realm}"): self._domain,
            ("GET", "/access/permissions"): self._effective,
        }

    async def _no_ticket(self, _world: World, _call: Call) -> None:
        """A dummy for pages that show a login."""

    async def _domains(self, world: World, _call: Call) -> Any:
        shown = ("type", "comment", "default", "tfa")
        return [
            {"realm": name, **{key: realm[key] for key in shown if key in realm}}
            for name, realm in realms(world).items()
        ]

    async def _domain(self, world: World, call: Call) -> Any:
        name = call.params["realm"]
        if name not in (known := realms(world)):
            raise CallError(500, f"domain '{name}' does not exist")
        plugin = f"PVE::Auth::{PLUGINS[known[name]['type']]}"
        return {**known[name], "plugin": plugin, "digest": file_digest(world.realms)}

    async def _ticket(self, world: World, call: Call) -> Any:
        userid = call.params["username"]
        if realm := call.params.get("realm"):
            userid = f"{userid}@{realm}"
        try:
            login = self._authentication.login(
                userid,
                call.params["password"],
                call.params.get("tfa-challenge"),
                world.nodes[call.node].clock_offset,
            )
        except LoginFailed as failed:
            if userid.endswith("@pam") and userid in world.users:
                await world.clock.sleep(PAM_DELAY)
            raise CallError(401, "authentication failure") from failed
        answer: dict[str, Any] = {
            "username": userid,
            "ticket": login.ticket,
            "CSRFPreventionToken": login.csrf,
        }
        if login.challenge:
            answer["NeedTFA"] = 1
        else:
            answer["cap"] = self._capabilities(userid)
        if world.cluster_name and self._permissions.may(userid, "/", "Sys.Audit"):
            answer["clustername"] = world.cluster_name
        return answer

    async def _effective(self, world: World, call: Call) -> Any:
        """Own permissions; those of another user need Sys.Audit on /access."""
        authid = call.params.get("userid") or call.caller.authid
        own = authid.partition("!")[0] == call.caller.userid and not call.caller.tokenid
        if authid != call.caller.authid and not own and not call.caller.may("/access", "Sys.Audit"):
            raise denied("/access, Sys.Audit")
        if authid.partition("!")[0] not in world.users:
            raise CallError(500, f"user '{authid}' does not exist")
        if path := call.params.get("path"):
            return {path: self._permissions.privileges(authid, path)}
        return self._permissions.effective(authid)

    def _capabilities(self, userid: str) -> dict[str, dict[str, int]]:
        """What the user can do somewhere, by area; the web interface hides buttons with it."""
        table = self._permissions.effective(userid)
        table["/mapping"] = self._permissions.privileges(userid, "/mapping")
        areas: dict[str, dict[str, int]] = {}
        for area, (pattern, tops) in CAPABILITIES.items():
            areas[area] = {
                privilege: 1
                for path, privileges in table.items()
                if ("/" + path.split("/")[1]) in tops
                for privilege in privileges
                if re.match(pattern, privilege)
            }
        return areas
