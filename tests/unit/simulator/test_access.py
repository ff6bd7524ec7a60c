# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in and asking for permissions over HTTPS."""

from __future__ import annotations

from typing import Any

from pvesim.auth import totp

PASSWORD = "Sim-pass-1"
SECRET = "JBSWY3DPEHPK3PXP"
CI = "PVEAPIToken=ansible@pve!ci=00000000-0000-4000-8000-000000000002"


def login(simulator: Any, **form: str) -> Any:
    return simulator.request("POST", "/access/ticket", form, auth=None)


def test_a_login_returns_what_a_client_needs(simulator: Any) -> None:
    data = login(simulator, username="root@pam", password=PASSWORD).json()["data"]
    assert data["username"] == "root@pam"
    assert data["clustername"] == "sim"
    assert data["cap"]["vms"]["VM.Clone"] == 1
    headers = {
        "Cookie": f"PVEAuthCookie={data['ticket']}",
        "CSRFPreventionToken": data["CSRFPreventionToken"],
    }
    path = "/nodes/pve1/qemu/9000/clone"
    answer = simulator.request("POST", path, {"newid": 300}, auth=None, headers=headers)
    assert answer.json()["data"].endswith(":qmclone:9000:root@pam:")


def test_the_realm_can_be_a_separate_parameter(simulator: Any) -> None:
    answer = login(simulator, username="operator", realm="pve", password=PASSWORD)
    data = answer.json()["data"]
    assert data["username"] == "operator@pve"
    assert "clustername" not in data
    assert "VM.PowerMgmt" in data["cap"]["vms"]
    assert data["cap"]["storage"] == {}


def test_a_failed_login_takes_three_seconds_and_gives_no_reason(simulator: Any) -> None:
    answer, elapsed = simulator.advance_while(
        lambda: login(simulator, username="ansible@pve", password="wrong"), step=0.5
    )
    assert (answer.status_code, answer.reason) == (401, "authentication failure")
    assert answer.json() == {"data": None, "message": "authentication failure\n"}
    assert 3 <= elapsed < 4


def test_a_wrong_pam_password_blocks_a_worker_of_pvedaemon(simulator: Any) -> None:
    _answer, elapsed = simulator.advance_while(
        lambda: login(simulator, username="root@pam", password="wrong"), step=0.5
    )
    assert 3 <= elapsed < 4


def test_a_second_factor_is_needed_where_the_user_has_one(simulator: Any) -> None:
    simulator.world.users["operator@pve"].totp = SECRET
    form = {"username": "operator@pve", "password": PASSWORD}
    half = login(simulator, **form).json()["data"]
    assert half["NeedTFA"] == 1
    assert "cap" not in half
    form["password"] = f"totp:{totp(SECRET, simulator.world.clock.now())}"
    full = login(simulator, **form, **{"tfa-challenge": half["ticket"]}).json()["data"]
    assert full["ticket"].startswith("PVE:operator@pve:")


def test_a_token_makes_no_other_permissions_visible(simulator: Any) -> None:
    path = "/access/permissions?userid=root@pam"
    assert simulator.request("GET", path, auth=CI).reason == "OK"
    own = simulator.request("GET", "/access/permissions?path=/vms/100", auth=CI).json()["data"]
    assert own["/vms/100"]["VM.Clone"] == 1
    data = login(simulator, username="operator@pve", password=PASSWORD).json()["data"]
    headers = {"Cookie": f"PVEAuthCookie={data['ticket']}"}
    other = simulator.request("GET", path, auth=None, headers=headers)
    assert other.reason == "Permission check failed (/access, Sys.Audit)"
    mine = simulator.request("GET", "/access/permissions", auth=None, headers=headers)
    assert list(mine.json()["data"]) == ["/vms/100"]


def test_domains_and_the_ticket_page_need_no_login(simulator: Any) -> None:
    realms = simulator.request("GET", "/access/domains", auth=None).json()["data"]
    assert {realm["realm"] for realm in realms} == {"pam", "pve"}
    assert simulator.request("GET", "/access/ticket", auth=None).json() == {"data": None}


def test_permissions_of_nobody_are_an_error(simulator: Any) -> None:
    answer = simulator.request("GET", "/access/permissions?userid=no@pve")
    assert answer.reason == "user 'no@pve' does not exist"
