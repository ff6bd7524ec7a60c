# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, tokens, groups, roles and lines of the access control list are obeyed at once."""

from __future__ import annotations

from typing import Any

USER = "web@pve"
ROLE = {"roleid": "Starter", "privs": "VM.Audit,VM.PowerMgmt"}
LINE = {"path": "/vms/100", "roles": "Starter", "users": USER}
START = "/nodes/pve1/qemu/100/status/start"
INVALID = "Parameter verification failed."


def done(simulator: Any, method: str, path: str, data: Any = None, **options: Any) -> Any:
    """What a call answers that must succeed."""
    answer = simulator.request(method, path, data, **options)
    assert answer.status_code == 200, (path, answer.reason, answer.text)
    return answer.json()["data"]


def refused(simulator: Any, method: str, path: str, data: Any = None, **options: Any) -> Any:
    """Status and reason of a call that must be refused, and its errors by parameter if any."""
    answer = simulator.request(method, path, data, **options)
    assert answer.status_code >= 400, (path, answer.text)
    errors = answer.json().get("errors") if answer.content else None
    return (answer.status_code, answer.reason, errors) if errors else (
        answer.status_code, answer.reason)  # fmt: skip


def make_user(simulator: Any) -> str:
    """A user with the role Starter on VM 100 and a token, which is returned as a header."""
    done(simulator, "POST", "/access/roles", ROLE)
    done(simulator, "POST", "/access/users", {"userid": USER, "password": "secret-word"})
    done(simulator, "PUT", "/access/acl", LINE)
    token = done(simulator, "POST", f"/access/users/{USER}/token/ci", {"privsep": 0})
    return f"PVEAPIToken={token['full-tokenid']}={token['value']}"


def test_a_new_user_may_do_what_the_new_role_says(simulator: Any) -> None:
    token = make_user(simulator)
    done(simulator, "POST", START, auth=token)
    status, reason = refused(simulator, "DELETE", "/nodes/pve1/qemu/100", auth=token)
    assert (status, reason) == (403, "Permission check failed (/vms/100, VM.Allocate)")
    status, reason = refused(simulator, "POST", START.replace("100", "9000"), auth=token)
    assert (status, reason) == (403, "Permission check failed (/vms/9000, VM.PowerMgmt)")


def test_a_new_user_logs_in_until_the_account_is_disabled(simulator: Any) -> None:
    token = make_user(simulator)
    login = {"username": USER, "password": "secret-word"}
    done(simulator, "POST", "/access/ticket", login, auth=None)
    done(simulator, "PUT", f"/access/users/{USER}", {"enable": 0})
    assert refused(simulator, "POST", "/access/ticket", login, auth=None)[0] == 401
    assert refused(simulator, "GET", "/version", auth=token)[0] == 401


def test_a_new_password_is_valid_at_once(simulator: Any) -> None:
    make_user(simulator)
    root = {"username": "root@pam", "password": "Sim-pass-1"}
    ticket = done(simulator, "POST", "/access/ticket", root, auth=None)
    # No token may do this, whatever its rights.
    done(
        simulator,
        "PUT",
        "/access/password",
        {"userid": USER, "password": "other-word"},
        auth=f"PVEAuthCookie={ticket['ticket']}",
        headers={"CSRFPreventionToken": ticket["CSRFPreventionToken"]},
    )
    login = {"username": USER, "password": "secret-word"}
    assert refused(simulator, "POST", "/access/ticket", login, auth=None)[0] == 401
    done(simulator, "POST", "/access/ticket", {**login, "password": "other-word"}, auth=None)


def test_revoked_permissions_are_revoked_at_once(simulator: Any) -> None:
    token = make_user(simulator)
    done(simulator, "PUT", "/access/roles/Starter", {"privs": "VM.Audit"})
    assert refused(simulator, "POST", START, auth=token)[0] == 403
    done(simulator, "PUT", "/access/roles/Starter", {"privs": "VM.PowerMgmt", "append": 1})
    done(simulator, "POST", START, auth=token)
    done(simulator, "PUT", "/access/acl", {**LINE, "delete": 1})
    assert refused(simulator, "GET", "/nodes/pve1/qemu/100/config", auth=token)[0] == 403
    done(simulator, "DELETE", f"/access/users/{USER}/token/ci")
    assert refused(simulator, "GET", "/version", auth=token)[0] == 401


def test_members_have_the_permissions_of_their_group(simulator: Any) -> None:
    token = make_user(simulator)
    done(simulator, "POST", "/access/groups", {"groupid": "web", "comment": "web servers"})
    line = {"path": "/vms/101", "roles": "PVEVMUser", "groups": "web"}
    done(simulator, "PUT", "/access/acl", line)
    config = "/nodes/pve2/qemu/101/config"
    assert refused(simulator, "GET", config, auth=token)[0] == 403
    done(simulator, "PUT", f"/access/users/{USER}", {"groups": "web"})
    done(simulator, "GET", config, auth=token)
    assert done(simulator, "GET", "/access/groups/web")["members"] == [USER]
    listed = done(simulator, "GET", "/access/acl")
    entry = {"path": "/vms/101", "type": "group", "ugid": "web", "roleid": "PVEVMUser"}
    assert {**entry, "propagate": 1} in listed
    # What the user has on a path replaces what the groups have there.
    done(simulator, "PUT", "/access/acl", {**line, "path": "/vms/100", "roles": "NoAccess"})
    done(simulator, "POST", START, auth=token)
    done(simulator, "DELETE", "/access/groups/web")
    assert refused(simulator, "GET", config, auth=token)[0] == 403


def test_a_pool_gives_rights_on_its_guests_and_storages(simulator: Any) -> None:
    token = make_user(simulator)
    done(simulator, "POST", "/pools", {"poolid": "web"})
    done(simulator, "POST", "/pools", {"poolid": "web/blue"})
    members = {"poolid": "web/blue", "vms": "101", "storage": "ceph"}
    done(simulator, "PUT", "/pools", members)
    role = {"path": "/pool/web", "roles": "PVEAdmin", "users": USER}
    assert refused(simulator, "GET", "/nodes/pve2/qemu/101/config", auth=token)[0] == 403
    done(simulator, "PUT", "/access/acl", role)
    done(simulator, "GET", "/nodes/pve2/qemu/101/config", auth=token)
    seen = done(simulator, "GET", "/storage", auth=token)
    assert [storage["storage"] for storage in seen] == ["ceph"]
    (pool,) = done(simulator, "GET", "/pools?poolid=web/blue", auth=token)
    assert [member["id"] for member in pool["members"]] == ["qemu/101", "storage/pve1/ceph"]


def test_without_permission_to_change_permissions_nobody_grants_more_than_they_have(
    simulator: Any,
) -> None:
    token = make_user(simulator)
    done(simulator, "POST", "/access/roles", {"roleid": "Owner", "privs": "VM.Allocate,VM.Audit"})
    done(simulator, "PUT", "/access/acl", {**LINE, "roles": "Owner"})
    own = {**LINE, "users": "auditor@pve", "roles": "Owner"}
    done(simulator, "PUT", "/access/acl", own, auth=token)
    more = {**own, "roles": "PVEVMAdmin"}
    status, reason = refused(simulator, "PUT", "/access/acl", more, auth=token)
    assert (status, reason.split(":")[0]) == (500, "ACL update failed")


def test_only_a_user_administrator_may_create_users(simulator: Any) -> None:
    token = make_user(simulator)
    other = {"userid": "new@pve"}
    status, reason = refused(simulator, "POST", "/access/users", other, auth=token)
    wanted = "Permission check failed (/access/realm/pve, Realm.AllocateUser)"
    assert (status, reason) == (403, wanted)
    done(simulator, "PUT", "/access/acl", {**LINE, "path": "/access", "roles": "PVEUserAdmin"})
    done(simulator, "POST", "/access/users", other, auth=token)
    status, reason = refused(
        simulator, "POST", "/access/roles", {**ROLE, "roleid": "X"}, auth=token
    )
    assert (status, reason) == (403, "Permission check failed (/access, Sys.Modify)")


def test_a_token_has_the_recorded_shape(simulator: Any) -> None:
    make_user(simulator)
    path = f"/access/users/{USER}/token/t1"
    made = done(simulator, "POST", path, {"comment": "tc", "expire": 0, "privsep": 0})
    assert made["info"] == {"comment": "tc", "expire": "0", "privsep": "0"}
    assert done(simulator, "GET", path) == {"comment": "tc", "expire": 0, "privsep": 0}
    assert refused(simulator, "POST", path) == (400, INVALID, {"tokenid": "Token already exists."})
    changed = done(simulator, "PUT", path, {"comment": "x", "regenerate": 1})
    assert changed["value"] != made["value"]
    user = done(simulator, "GET", f"/access/users/{USER}")
    assert user["tokens"]["t1"] == {"comment": "x", "expire": 0, "privsep": 0}
    done(simulator, "DELETE", path)
    wanted = f"no such token 't1' for user '{USER}'"
    assert refused(simulator, "DELETE", path) == (500, wanted)


def test_an_expired_token_is_refused(simulator: Any) -> None:
    make_user(simulator)
    path = f"/access/users/{USER}/token/old"
    made = done(simulator, "POST", path, {"expire": int(simulator.world.clock.now()) + 60})
    token = f"PVEAPIToken={made['full-tokenid']}={made['value']}"
    done(simulator, "GET", "/version", auth=token)
    simulator.admin("POST", "clock", {"advance": 120})
    assert refused(simulator, "GET", "/version", auth=token)[0] == 401


def test_a_user_has_the_recorded_shape(simulator: Any) -> None:
    given = {"userid": "r3u@pve", "comment": "c", "email": "a@b.cd", "firstname": "F"}
    done(simulator, "POST", "/access/users", {**given, "lastname": "L"})
    assert done(simulator, "GET", "/access/users/r3u@pve") == {
        "comment": "c", "email": "a@b.cd", "enable": 1, "expire": 0, "firstname": "F",
        "groups": [], "lastname": "L", "tokens": None,
    }  # fmt: skip
    done(simulator, "PUT", "/access/users/r3u@pve", {"comment": "c2", "email": "", "enable": 0})
    listed = done(simulator, "GET", "/access/users?full=1&enabled=0")
    assert listed == [
        {"comment": "c2", "email": "", "enable": 0, "expire": 0, "firstname": "F", "groups": "",
         "lastname": "L", "realm-type": "pve", "tokens": None, "userid": "r3u@pve"}
    ]  # fmt: skip


def test_a_missing_object_is_a_500_with_the_original_text(simulator: Any) -> None:
    words = {
        ("GET", "/access/users/none@pve"): "no such user ('none@pve')",
        ("PUT", "/access/users/none@pve"): "no such user ('none@pve')",
        ("DELETE", "/access/users/none@pve"): "no such user ('none@pve')",
        ("GET", "/access/groups/nosuch"): "group 'nosuch' does not exist",
        ("PUT", "/access/groups/nosuch"): "update group failed: group 'nosuch' does not exist",
        ("DELETE", "/access/groups/nosuch"): "delete group failed: group 'nosuch' does not exist",
        ("GET", "/access/roles/nosuch"): "role 'nosuch' does not exist",
        ("DELETE", "/access/roles/nosuch"): "delete role failed: role 'nosuch' does not exist",
        ("GET", "/access/domains/nosuch"): "domain 'nosuch' does not exist",
        ("GET", "/pools/nosuch"): "pool 'nosuch' does not exist",
        ("DELETE", "/pools/nosuch"): "delete pool failed: pool 'nosuch' does not exist",
    }
    for (method, path), reason in words.items():
        assert refused(simulator, method, path) == (500, reason)


def test_an_object_that_already_exists_is_a_500_with_the_original_text(simulator: Any) -> None:
    make_user(simulator)
    done(simulator, "POST", "/access/groups", {"groupid": "g"})
    again = {
        "/access/users": ({"userid": USER}, f"create user failed: user '{USER}' already exists"),
        "/access/groups": ({"groupid": "g"}, "create group failed: group 'g' already exists"),
        "/access/roles": (ROLE, "create role failed: role 'Starter' already exists"),
    }
    for path, (data, reason) in again.items():
        assert refused(simulator, "POST", path, data) == (500, reason)


def test_lines_for_nobody_or_nowhere_are_refused(simulator: Any) -> None:
    line = {"path": "/", "roles": "PVEAuditor"}
    assert refused(simulator, "PUT", "/access/acl", {**line, "users": "none@pve"}) == (
        500, "ACL update failed: user 'none@pve' does not exist")  # fmt: skip
    nowhere = {**line, "users": "root@pam", "path": "/nosuch/x"}
    assert refused(simulator, "PUT", "/access/acl", nowhere) == (
        400, INVALID, {"path": "invalid ACL path '/nosuch/x'"})  # fmt: skip
    done(simulator, "PUT", "/access/acl", {**line, "users": "root@pam", "delete": 1})


def test_without_quorum_a_change_waits_ten_seconds(simulator: Any) -> None:
    simulator.admin("POST", "quorum", {"there": False})
    made, took = simulator.advance_while(
        lambda: refused(simulator, "POST", "/pools", {"poolid": "x"}), 0.5
    )
    assert made == (500, "create pool failed: cfs-lock 'file-user_cfg' error: no quorum!")
    assert took >= 10


def test_a_realm_is_shown(simulator: Any) -> None:
    realm = done(simulator, "GET", "/access/domains/pam")
    assert realm == {
        "comment": "Linux PAM standard authentication", "plugin": "PVE::Auth::PAM", "type": "pam",
        "digest": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    }  # fmt: skip


def test_a_drive_is_refused_in_the_task_that_changes_the_config(simulator: Any) -> None:
    token = make_user(simulator)
    done(simulator, "PUT", "/access/roles/Starter", {"privs": "VM.Config.Cloudinit,VM.Audit"})
    space = {"path": "/storage/ceph", "roles": "PVEDatastoreUser", "users": USER}
    done(simulator, "PUT", "/access/acl", space)
    config = "/nodes/pve1/qemu/100/config"
    upid = done(simulator, "POST", config, {"ide2": "ceph:cloudinit"}, auth=token)
    simulator.admin("POST", "clock", {"advance": 60})
    ended = done(simulator, "GET", f"/nodes/pve1/tasks/{upid}/status", auth=token)
    wanted = "Permission check failed (/vms/100, VM.Config.CDROM)"
    assert ended["exitstatus"] == f"403 {wanted}"
    # The call that needs no task, and an option that is no drive, are refused at once.
    assert refused(simulator, "PUT", config, {"ide2": "ceph:cloudinit"}, auth=token) == (
        403,
        wanted,
    )
    assert refused(simulator, "POST", config, {"cores": 1}, auth=token) == (
        403, "Permission check failed (/vms/100, VM.Config.CPU)")  # fmt: skip


def test_a_disk_grows_only_where_the_caller_may_allocate(simulator: Any) -> None:
    token = make_user(simulator)
    done(simulator, "PUT", "/access/roles/Starter", {"privs": "VM.Config.Disk"})
    size = {"disk": "scsi0", "size": "20G"}
    upid = done(simulator, "PUT", "/nodes/pve1/qemu/100/resize", size, auth=token)
    simulator.admin("POST", "clock", {"advance": 60})
    ended = done(simulator, "GET", f"/nodes/pve1/tasks/{upid}/status", auth=token)
    wanted = "403 Permission check failed (/storage/ceph, Datastore.AllocateSpace)"
    assert ended["exitstatus"] == wanted
