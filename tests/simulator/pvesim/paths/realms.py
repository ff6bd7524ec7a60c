# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Realms beside pam and pve, and their users and groups (`PVE/API2/Domains.pm`).

The directory of a realm is `directory` in the world file: `users` (details by name) and `groups`
(lists of names). No text was seen on a real cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pvesim.access import realms
from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.cfs import changing, check_file_digest, file_digest
from pvesim.entities import Group, User
from pvesim.formats import split_list
from pvesim.worker import Died, Worker
from pvesim.world import World

FILE = "domains_cfg"
NOT_KEPT = ("realm", "password", "digest", "delete", "check-connection", "client-key")
SYNCED = ("ldap", "ad")
WHAT = {"both": "users and groups"}
DETAILS = ("firstname", "lastname", "email", "comment")
UNSAID = "Not passed as parameter and not defined in realm default sync options."


@call("POST", "/access/domains")
async def create(world: World, call: Call) -> None:
    """A new realm."""
    name = str(call.params["realm"])
    async with changing(world, FILE, "add auth server failed"):
        if name in realms(world):
            raise CallError(500, f"domain '{name}' already exists")
        world.realms[name] = {k: v for k, v in call.params.items() if k not in NOT_KEPT}
        _only_default(world, name)


def _only_default(world: World, name: str) -> None:
    if world.realms[name].get("default"):
        for other, realm in world.realms.items():
            if other != name:
                realm.pop("default", None)


def _known(world: World, name: str) -> dict[str, Any]:
    if name not in world.realms:
        raise CallError(500, f"domain '{name}' does not exist")
    return world.realms[name]


@call("PUT", "/access/domains/{realm}")
async def update(world: World, call: Call) -> None:
    """Other settings of a realm."""
    name = str(call.params["realm"])
    async with changing(world, FILE, "update auth server failed"):
        check_file_digest(call.params.get("digest"), file_digest(world.realms))
        realm = _known(world, name)
        for key in split_list(str(call.params.get("delete", ""))):
            realm.pop(key, None)
        realm |= {k: v for k, v in call.params.items() if k not in NOT_KEPT}
        _only_default(world, name)


@call("DELETE", "/access/domains/{realm}")
async def delete(world: World, call: Call) -> None:
    """Forget a realm; its users stay."""
    async with changing(world, FILE, "delete auth server failed"):
        _known(world, str(call.params["realm"]))
        del world.realms[str(call.params["realm"])]


def _options(call: Call, realm: Mapping[str, Any]) -> dict[str, str]:
    """The options of a synchronisation, with the defaults of the realm."""
    usual = dict(
        part.split("=", 1) for part in split_list(str(realm.get("sync-defaults-options", "")))
    )
    found = {"enable-new": "1", "remove-vanished": "none", **usual}
    found |= {key: str(value) for key, value in call.params.items()}
    if "scope" not in found:
        raise parameter_error(scope=UNSAID)
    return found


@call("POST", "/access/domains/{realm}/sync")
async def sync(world: World, call: Call) -> str:
    """Make users and groups as they are in the directory."""
    name, dry = str(call.params["realm"]), bool(call.params.get("dry-run"))
    if name not in realms(world):
        raise parameter_error(realm="Realm does not exist.")
    realm = realms(world)[name]
    if realm["type"] not in SYNCED:
        text = f"Cannot sync realm type '{realm['type']}'! Only LDAP/AD realms can be synced."
        raise CallError(500, text)
    options = _options(call, realm)
    what = WHAT.get(options["scope"], options["scope"])

    async def work(worker: Worker) -> None:
        worker.log(f"{'(dry test run) ' if dry else ''}starting sync for realm {name}")
        await worker.work()
        if realm.get("unreachable"):
            raise Died(f"unable to connect to server {realm.get('server1', '')}")
        worker.log(f"got data from server, updating {what}")
        directory = realm.get("directory") or {}
        if options["scope"] in ("users", "both"):
            _sync_users(worker, name, directory.get("users") or {}, options, dry)
        if options["scope"] in ("groups", "both"):
            _sync_groups(worker, name, directory.get("groups") or {}, options, dry)
        if dry:
            worker.log("")
            worker.log("NOTE: Dry test run, changes were NOT written to the configuration.")
        else:
            worker.log(f"successfully updated {what} configuration")

    kind = "auth-realm-sync-test" if dry else "auth-realm-sync"
    return world.tasks.start(call.node, call.caller.authid, kind, name, work)


def _vanished(options: Mapping[str, str]) -> set[str]:
    """What is removed of those who are gone: entry, acl, properties."""
    removed = set(options["remove-vanished"].replace("none", "").split(";")) - {""}
    removed |= {"entry", "properties"} if options.get("full") == "1" else set()
    return removed | ({"acl"} if options.get("purge") == "1" else set())


def _sync_users(
    worker: Worker, realm: str, there: Mapping[str, Any], options: Mapping[str, str], dry: bool
) -> None:
    world, removed = worker.world, _vanished(options)
    worker.log("syncing users")
    gone = [u for u in world.users if u.endswith(f"@{realm}") and u.rpartition("@")[0] not in there]
    for userid in sorted(gone):
        if "entry" in removed:
            worker.log(f"remove user '{userid}'")
            if not dry:
                del world.users[userid]
        if "acl" in removed:
            worker.log(f"purged user '{userid}' and all its ACL entries")
            if not dry:
                world.acl = [a for a in world.acl if a.authid.partition("!")[0] != userid]
    for name, details in sorted(there.items()):
        userid = f"{name}@{realm}"
        worker.log(f"{'updated' if userid in world.users else 'added'} user '{userid}'")
        if not dry:
            made = User(userid, "", enabled=options["enable-new"] == "1")
            user = world.users.setdefault(userid, made)
            given = {key: str(value) for key, value in (details or {}).items() if key in DETAILS}
            user.details = given if "properties" in removed else {**user.details, **given}


def _sync_groups(
    worker: Worker, realm: str, there: Mapping[str, Any], options: Mapping[str, str], dry: bool
) -> None:
    world = worker.world
    worker.log("syncing groups")
    ours = [group for group in world.groups if group.endswith(f"-{realm}")]
    for groupid in sorted(g for g in ours if g.removesuffix(f"-{realm}") not in there):
        _remove_group(worker, groupid, _vanished(options), dry)
    for name, members in sorted(there.items()):
        groupid = f"{name}-{realm}"
        worker.log(f"{'updated' if groupid in world.groups else 'added'} group '{groupid}'")
        if not dry:
            world.groups.setdefault(groupid, Group(groupid))
            for user in world.users.values():
                if user.userid.endswith(f"@{realm}"):
                    inside = {groupid} if user.userid.rpartition("@")[0] in members else set()
                    user.groups = (user.groups - {groupid}) | inside


def _remove_group(worker: Worker, groupid: str, removed: set[str], dry: bool) -> None:
    world = worker.world
    if "entry" in removed:
        worker.log(f"removed group '{groupid}'")
        if not dry:
            del world.groups[groupid]
    if "acl" in removed:
        worker.log(f"purged group '{groupid}' and all its ACL entries")
        if not dry:
            world.acl = [line for line in world.acl if line.authid != f"@{groupid}"]
