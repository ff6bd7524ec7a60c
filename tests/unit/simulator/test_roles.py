# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in roles."""

from __future__ import annotations

from pvesim.roles import ROLES


def test_an_auditor_has_the_privileges_of_a_real_one() -> None:
    assert ROLES["PVEAuditor"] == {
        "Datastore.Audit", "Mapping.Audit", "Pool.Audit", "SDN.Audit", "Sys.Audit", "VM.Audit",
        "VM.GuestAgent.Audit",
    }  # fmt: skip


def test_only_the_administrator_changes_permissions_and_nodes() -> None:
    for privilege in ("Permissions.Modify", "Sys.Modify", "Realm.Allocate"):
        holders = {role for role, privileges in ROLES.items() if privilege in privileges}
        assert holders == {"Administrator"}


def test_no_access_is_empty_and_a_vm_user_cannot_clone() -> None:
    assert ROLES["NoAccess"] == frozenset()
    assert "VM.PowerMgmt" in ROLES["PVEVMUser"]
    assert "VM.Clone" not in ROLES["PVEVMUser"]
