# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, inheritance, pools, tokens and the checks of the schema."""

from __future__ import annotations

from typing import Any

import pytest
from pvesim.calls import CallError
from pvesim.clock import Clock
from pvesim.permissions import Permissions
from pvesim.schema import Method, Schema
from pvesim.world import Acl, Pool, Token, User, World

SCHEMA = Schema.load()


@pytest.fixture
def world() -> World:
    made = World(Clock())
    tokens = {"all": Token("all", "s", privsep=False), "few": Token("few", "s")}
    made.users = {
        "root@pam": User("root@pam", "p", tokens={"few": Token("few", "s")}),
        "anna@pve": User("anna@pve", "p", tokens=tokens),
    }
    return made


def method(name: str, path: str) -> Method:
    found = SCHEMA.find(name, path)
    assert found is not None
    return found.method


def refusal(
    world: World, name: str, uri: str, authid: str | None = "anna@pve", **params: Any
) -> str | None:
    """Why a call is refused, None when it is not."""
    try:
        Permissions(world).check(method(name, uri), authid, params)
    except CallError as error:
        return f"{error.status} {error.message}"
    return None


def test_permissions_propagate_down_the_tree(world: World) -> None:
    world.acl = [Acl("/vms", "anna@pve", "PVEVMUser")]
    permissions = Permissions(world)
    assert permissions.may("anna@pve", "/vms/100", "VM.PowerMgmt")
    assert not permissions.may("anna@pve", "/storage/local", "VM.PowerMgmt")
    assert not permissions.may("nobody@pve", "/vms/100", "VM.PowerMgmt")


def test_an_entry_without_propagation_applies_only_to_its_path(world: World) -> None:
    world.acl = [Acl("/vms", "anna@pve", "PVEVMUser", propagate=False)]
    permissions = Permissions(world)
    assert permissions.privileges("anna@pve", "/vms")["VM.PowerMgmt"] == 0
    assert permissions.privileges("anna@pve", "/vms/100") == {}


def test_a_deeper_entry_replaces_those_above(world: World) -> None:
    world.acl = [Acl("/", "anna@pve", "Administrator"), Acl("/vms/100", "anna@pve", "PVEAuditor")]
    permissions = Permissions(world)
    assert not permissions.may("anna@pve", "/vms/100", "VM.Clone")
    assert permissions.may("anna@pve", "/vms/101", "VM.Clone")


def test_no_access_beats_every_other_role_of_its_path(world: World) -> None:
    world.acl = [Acl("/vms", "anna@pve", "NoAccess"), Acl("/vms", "anna@pve", "PVEVMAdmin")]
    assert Permissions(world).privileges("anna@pve", "/vms/100") == {}


def test_roles_of_the_world_file_are_used(world: World) -> None:
    world.roles = {"Starter": {"VM.PowerMgmt"}}
    world.acl = [Acl("/", "anna@pve", "Starter")]
    assert Permissions(world).privileges("anna@pve", "/vms/100") == {"VM.PowerMgmt": 1}


def test_a_pool_gives_rights_on_its_guests(world: World) -> None:
    world.pools = {"web": Pool("web", members={100})}
    world.acl = [Acl("/pool/web", "anna@pve", "PVEVMUser")]
    permissions = Permissions(world)
    assert permissions.privileges("anna@pve", "/vms/100")["VM.PowerMgmt"] == 0
    assert permissions.privileges("anna@pve", "/vms/101") == {}
    world.acl.append(Acl("/vms/100", "anna@pve", "NoAccess"))
    assert permissions.privileges("anna@pve", "/vms/100") == {}


def test_a_token_has_the_rights_of_its_user_or_what_both_have(world: World) -> None:
    world.acl = [
        Acl("/", "anna@pve", "PVEAuditor"),
        Acl("/vms", "anna@pve!few", "PVEVMAdmin"),
    ]
    permissions = Permissions(world)
    assert permissions.may("anna@pve!all", "/nodes/n", "Sys.Audit")
    assert not permissions.may("anna@pve!few", "/nodes/n", "Sys.Audit")
    assert set(permissions.privileges("anna@pve!few", "/vms/1")) == {
        "VM.Audit", "VM.GuestAgent.Audit",
    }  # fmt: skip
    assert permissions.privileges("anna@pve!gone", "/") == {}


def test_a_separated_token_of_root_has_only_its_own_rights(world: World) -> None:
    world.acl = [Acl("/vms", "root@pam!few", "PVEVMUser")]
    permissions = Permissions(world)
    assert permissions.may("root@pam!few", "/vms/100", "VM.PowerMgmt")
    assert not permissions.may("root@pam!few", "/", "Sys.Audit")
    assert permissions.may("root@pam", "/", "Sys.Audit")


def test_a_failed_check_names_what_it_requires(world: World) -> None:
    path = "/nodes/n/qemu/100/clone"
    given = {"vmid": "100", "newid": "200"}
    assert (
        refusal(world, "POST", path, **given) == "403 Permission check failed (/vms/100, VM.Clone)"
    )


def test_alternatives_are_not_named(world: World) -> None:
    world.acl = [Acl("/vms/100", "anna@pve", "PVETemplateUser")]
    path = "/nodes/n/qemu/100/clone"
    given = {"vmid": "100", "newid": "200"}
    assert refusal(world, "POST", path, **given) == "403 Permission check failed"
    world.acl.append(Acl("/pool/web", "anna@pve", "PVEVMAdmin"))
    assert refusal(world, "POST", path, **given) == "403 Permission check failed"
    assert refusal(world, "POST", path, **given, pool="web") is None


def test_any_of_several_privileges_is_enough(world: World) -> None:
    path = "/nodes/n/lxc/200/config"
    refused = refusal(world, "PUT", path, vmid="200")
    assert refused == (
        "403 Permission check failed (/vms/200, VM.Config.Disk|VM.Config.CPU|VM.Config.Memory|"
        "VM.Config.Network|VM.Config.Options)"
    )
    world.roles = {"Cpu": {"VM.Config.CPU"}}
    world.acl = [Acl("/vms/200", "anna@pve", "Cpu")]
    assert refusal(world, "PUT", path, vmid="200") is None


def test_some_calls_are_open_to_everyone_and_some_only_to_root(world: World) -> None:
    assert refusal(world, "GET", "/version") is None
    assert refusal(world, "GET", "/access/domains", authid=None) is None
    assert refusal(world, "GET", "/version", authid=None) == (
        "403 Permission check failed (user != null)"
    )
    wipe = refusal(world, "PUT", "/nodes/n/disks/wipedisk", authid="root@pam!few")
    assert wipe == "403 Permission check failed (user != root@pam)"
    assert refusal(world, "PUT", "/nodes/n/disks/wipedisk", authid="root@pam") is None


def test_users_may_change_their_own_account(world: World) -> None:
    assert refusal(world, "GET", "/access/tfa/anna@pve", userid="anna@pve") is None
    assert (
        refusal(world, "GET", "/access/tfa/x@pve", userid="x@pve") == "403 Permission check failed"
    )
    assert refusal(world, "POST", "/access/users", userid="x@pve") == (
        "403 Permission check failed (/access/realm/pve, Realm.AllocateUser)"
    )
    world.acl = [Acl("/access/realm", "anna@pve", "PVEUserAdmin")]
    assert refusal(world, "POST", "/access/users", userid="x@pve", groups="web") == (
        "403 Permission check failed (/access/groups/web, User.Modify)"
    )
    world.acl.append(Acl("/access/groups", "anna@pve", "PVEUserAdmin"))
    assert refusal(world, "POST", "/access/users", userid="x@pve") is None


def test_list_options_need_the_privilege_to_change_the_object(world: World) -> None:
    given = {"path": "/vms/100", "roles": "PVEVMUser"}
    assert refusal(world, "PUT", "/access/acl", **given) == (
        "403 Permission check failed (/vms/100, Permissions.Modify|VM.Allocate)"
    )
    world.acl = [Acl("/vms/100", "anna@pve", "PVEVMAdmin")]
    assert refusal(world, "PUT", "/access/acl", **given) is None
