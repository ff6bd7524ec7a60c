# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Realms, and the users and groups that come from their directories."""

from __future__ import annotations

from typing import Any

import pytest
from pvesim.entities import Acl

PATH = "/access/domains"
SYNC = f"{PATH}/corp/sync"
DIRECTORY = {
    "users": {"ann": {"firstname": "Ann", "email": "ann@a.example"}, "bob": None},
    "groups": {"admins": ["ann"], "staff": ["ann", "bob"]},
}


@pytest.fixture(name="corp")
def corp_realm(cell: Any) -> dict[str, Any]:
    """A realm with a directory."""
    realm = {"type": "ldap", "server1": "ldap.example", "directory": DIRECTORY}
    cell.world.realms["corp"] = realm
    return realm


async def test_a_realm_is_created_changed_and_removed(cell: Any) -> None:
    given = {"realm": "ldap1", "type": "ldap", "server1": "a.example", "base_dn": "dc=a"}
    await cell.call("POST", PATH, given | {"user_attr": "uid", "password": "secret"})
    assert "password" not in cell.world.realms["ldap1"]
    refusal = await cell.refusal("POST", PATH, given)
    assert refusal.message == "add auth server failed: domain 'ldap1' already exists"
    await cell.call("PUT", f"{PATH}/ldap1", {"comment": "x", "delete": "user_attr"})
    assert cell.world.realms["ldap1"]["comment"] == "x"
    assert "user_attr" not in cell.world.realms["ldap1"]
    await cell.call("DELETE", f"{PATH}/ldap1")
    refusal = await cell.refusal("DELETE", f"{PATH}/ldap1")
    assert refusal.message == "delete auth server failed: domain 'ldap1' does not exist"


async def test_users_and_groups_come_from_the_directory(cell: Any, corp: dict[str, Any]) -> None:
    lines = await cell.lines("POST", SYNC, {"scope": "both"})
    assert lines == [
        "starting sync for realm corp",
        "got data from server, updating users and groups",
        "syncing users",
        "added user 'ann@corp'",
        "added user 'bob@corp'",
        "syncing groups",
        "added group 'admins-corp'",
        "added group 'staff-corp'",
        "successfully updated users and groups configuration",
        "TASK OK",
    ]
    ann = await cell.call("GET", "/access/users/ann@corp")
    assert (ann["firstname"], ann["groups"]) == ("Ann", ["admins-corp", "staff-corp"])
    corp["directory"] = {"users": {"ann": {}}, "groups": {"staff": ["ann"]}}
    cell.world.acl.append(Acl("/", "bob@corp", "PVEAuditor"))
    assert await cell.done("POST", SYNC, {"scope": "both"}) == "OK"
    assert "bob@corp" in cell.world.users
    vanished = {"scope": "both", "remove-vanished": "acl;entry"}
    assert await cell.done("POST", SYNC, vanished) == "OK"
    assert "bob@corp" not in cell.world.users
    assert "admins-corp" not in cell.world.groups
    assert not [line for line in cell.world.acl if line.authid == "bob@corp"]


async def test_a_dry_run_writes_nothing(cell: Any, corp: dict[str, Any]) -> None:
    corp["sync-defaults-options"] = "scope=users,enable-new=0"
    upid = await cell.call("POST", SYNC, {"dry-run": 1})
    assert ":auth-realm-sync-test:corp:" in upid
    assert await cell.end(upid) == "OK"
    assert cell.task(upid).lines[0] == "(dry test run) starting sync for realm corp"
    assert "ann@corp" not in cell.world.users
    assert await cell.done("POST", SYNC) == "OK"
    assert not cell.world.users["ann@corp"].enabled


async def test_a_realm_that_cannot_be_synced_is_refused(cell: Any, corp: dict[str, Any]) -> None:
    refusal = await cell.refusal("POST", SYNC)
    assert set(refusal.errors or {}) == {"scope"}
    refusal = await cell.refusal("POST", f"{PATH}/pam/sync", {"scope": "users"})
    assert refusal.message.startswith("Cannot sync realm type 'pam'!")
    refusal = await cell.refusal("POST", f"{PATH}/none/sync", {"scope": "users"})
    assert refusal.errors == {"realm": "Realm does not exist."}
    corp["unreachable"] = True
    ended = await cell.done("POST", SYNC, {"scope": "users"})
    assert ended == "unable to connect to server ldap.example"
