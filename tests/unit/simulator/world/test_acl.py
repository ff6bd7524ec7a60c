# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles and the access control list are read and written."""

from __future__ import annotations

from typing import Any

LINE = {"path": "/vms/100", "roles": "PVEVMUser", "users": "auditor@pve"}


async def test_a_line_is_added_once_and_removed(cell: Any) -> None:
    before = len(cell.world.acl)
    await cell.call("PUT", "/access/acl", LINE)
    await cell.call("PUT", "/access/acl", {**LINE, "propagate": 0})
    entry = {"path": "/vms/100", "ugid": "auditor@pve", "type": "user", "roleid": "PVEVMUser"}
    assert {**entry, "propagate": 0} in await cell.call("GET", "/access/acl")
    assert len(cell.world.acl) == before + 1
    await cell.call("PUT", "/access/acl", {**LINE, "delete": 1})
    assert len(cell.world.acl) == before


async def test_an_unknown_role_or_user_is_refused(cell: Any) -> None:
    refusal = await cell.refusal("PUT", "/access/acl", {**LINE, "roles": "Nosuch"})
    assert refusal.message == "ACL update failed: role 'Nosuch' does not exist"
    refusal = await cell.refusal("PUT", "/access/acl", {**LINE, "users": "nobody@pve"})
    assert refusal.message == "ACL update failed: user 'nobody@pve' does not exist"


async def test_a_user_is_required(cell: Any) -> None:
    refusal = await cell.refusal("PUT", "/access/acl", {"path": "/", "roles": "NoAccess"})
    assert refusal.status == 400
    assert set(refusal.errors) == {"users", "groups", "tokens"}


async def test_roles_list_their_privileges(cell: Any) -> None:
    listed = {entry["roleid"]: entry for entry in await cell.call("GET", "/access/roles")}
    assert listed["PVEAuditor"]["special"] == 1
    assert "VM.Audit" in listed["PVEAuditor"]["privs"].split(",")
    role = await cell.call("GET", "/access/roles/{roleid}", {"roleid": "PVEAuditor"})
    assert role["VM.Audit"] == 1
