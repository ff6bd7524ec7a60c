# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each operation does to a guest, once, and what check mode says of it."""

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.tests.unit.operating import an_api, operate, outcomes
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("operation", "vmid", "task_type", "status", "allowed"),
    [
        ("start", 100, "qmstart", "running", False),
        ("start", 200, "vzstart", "running", False),
        ("shutdown", 101, "qmshutdown", "stopped", False),
        ("stop", 101, "qmstop", "stopped", True),
    ],
)
@in_virtual_time
async def test_power_is_changed_once(
    operation: str, vmid: int, task_type: str, status: str, allowed: bool
) -> None:
    api = an_api()
    report = await operate(api, operation, vmid, allow_destructive=allowed)
    assert outcomes(report) == [(vmid, "ok", True)]
    assert report.values["tasks"][0]["type"] == task_type
    assert api.cluster.guests[vmid].status == status
    again = await operate(api, operation, vmid, allow_destructive=allowed)
    assert outcomes(again) == [(vmid, "unchanged", False)]
    assert not again.changed
    assert len(api.made("POST")) == 1


@in_virtual_time
async def test_a_reboot_is_done_each_time() -> None:
    api = an_api()
    for _unused in range(2):
        assert outcomes(await operate(api, "reboot", "app2")) == [(101, "ok", True)]


@in_virtual_time
async def test_many_guests_by_vmid_name_or_with_parameters_of_their_own() -> None:
    api = an_api()
    report = await operate(
        api, "configure", 100, "app2", {"name": "ct1", "params": {"cores": 8}}, params={"cores": 4}
    )
    assert outcomes(report) == [(100, "ok", True), (101, "ok", True), (200, "ok", True)]
    assert [api.cluster.guests[vmid].config["cores"] for vmid in (100, 101, 200)] == [4, 4, 8]


@in_virtual_time
async def test_configure_changes_only_what_differs() -> None:
    api = an_api()
    params = {"cores": 4, "memory": 2048, "tags": ["web"], "delete": "net1,net2"}
    digest = api.cluster.guests[100].digest
    report = await operate(api, "configure", 100, params=params)
    [call] = [call for call in api.calls if call.method != "GET"]
    assert (call.method, call.path) == ("POST", "/nodes/pve1/qemu/100/config")
    assert call.params.pop("digest") == digest
    assert call.params == {"cores": 4, "tags": "web", "delete": "net1"}
    assert report.diff == {
        "before": (
            "VM 100 (app1) on pve1: net1: virtio\n"
            "VM 100 (app1) on pve1: cores: 2\n"
        ),
        "after": (
            "VM 100 (app1) on pve1: cores: 4\n"
            "VM 100 (app1) on pve1: tags: web\n"
        ),
    }  # fmt: skip
    again = await operate(api, "configure", 100, params=params)
    assert outcomes(again) == [(100, "unchanged", False)]
    assert again.diff == {"before": "", "after": ""}


@in_virtual_time
async def test_a_secret_is_not_shown() -> None:
    api = an_api()
    params = {"cipassword": "s3cret-pass"}
    report = await operate(api, "configure", 100, params=params)
    assert "s3cret-pass" not in str(report)
    assert report.diff is not None
    assert "cipassword: ********" in report.diff["after"]


@in_virtual_time
async def test_a_disk_grows_to_its_size_once() -> None:
    api = an_api()
    params = {"disk": "scsi0", "size": "32G"}
    assert outcomes(await operate(api, "resize", 100, params=params)) == [(100, "ok", True)]
    assert outcomes(await operate(api, "resize", 100, params=params)) == [(100, "unchanged", False)]
    assert len(api.made("PUT")) == 1


@pytest.mark.parametrize(("vmid", "task_type"), [(100, "qmtemplate"), (200, "vztemplate")])
@in_virtual_time
async def test_a_conversion_to_a_template_is_followed_even_without_a_upid(
    vmid: int, task_type: str
) -> None:
    api = an_api()
    report = await operate(api, "template", vmid, allow_destructive=True)
    assert outcomes(report) == [(vmid, "ok", True)]
    assert report.values["tasks"][0]["type"] == task_type
    again = await operate(api, "template", vmid, allow_destructive=True)
    assert outcomes(again) == [(vmid, "unchanged", False)]


@in_virtual_time
async def test_what_is_gone_need_not_be_deleted() -> None:
    api = an_api()
    report = await operate(api, "delete", 100, "gone", 999, allow_destructive=True)
    assert outcomes(report) == [(100, "ok", True), (None, "unchanged", False),
                                (999, "unchanged", False)]  # fmt: skip
    assert 100 not in api.cluster.guests
    assert report.values["guests"][1]["name"] == "gone"


@in_virtual_time
async def test_a_guest_is_moved_once() -> None:
    api = an_api()
    first = await operate(api, "migrate", 100, params={"target": "pve2"})
    assert outcomes(first) == [(100, "ok", True)]
    assert first.values["guests"][0]["node"] == "pve2"
    again = await operate(api, "migrate", 100, params={"target": "pve2"})
    assert outcomes(again) == [(100, "unchanged", False)]
    assert len(api.made("POST")) == 1


@in_virtual_time
async def test_check_mode_returns_the_plan_and_does_nothing() -> None:
    api = an_api()
    report = await operate(api, "start", 100, 101, check=True)
    assert outcomes(report) == [(100, "queued", True), (101, "unchanged", False)]
    assert report.changed
    assert report.diff == {
        "before": "VM 100 (app1) on pve1: status: stopped\n",
        "after": "VM 100 (app1) on pve1: status: running\n",
    }
    assert {call.method for call in api.calls} == {"GET"}


@in_virtual_time
async def test_check_mode_accepts_guests_that_the_play_would_have_created() -> None:
    report = await operate(an_api(), "configure", "web1", 300, params={"cores": 2}, check=True)
    assert [(g["vmid"], g["name"], g["outcome"]) for g in report.values["guests"]] == [
        (None, "web1", "queued"),
        (300, None, "queued"),
    ]


@pytest.mark.parametrize("vmid", [101, 201])
@in_virtual_time
async def test_a_guest_that_runs_is_deleted_only_when_it_may_be_stopped(vmid: int) -> None:
    api = an_api()
    api.cluster.add(201, "lxc", hostname="ct2", status="running")
    report = await operate(api, "delete", vmid, allow_destructive=True)
    assert outcomes(report) == [(vmid, "failed", False)]
    assert "force_stop" in (report.problem or "")
    report = await operate(api, "delete", vmid, allow_destructive=True, force_stop=True)
    assert outcomes(report) == [(vmid, "ok", True)]
    assert vmid not in api.cluster.guests
    assert len(report.values["tasks"]) == 2


@in_virtual_time
async def test_a_guest_that_cannot_be_stopped_is_not_deleted() -> None:
    api = an_api()
    api.ends["qmstop"] = ["VM is locked (backup)"]
    report = await operate(api, "delete", 101, allow_destructive=True, force_stop=True)
    assert outcomes(report) == [(101, "failed", False)]
    assert not api.made("DELETE")


@pytest.mark.parametrize(("when", "calls"), [("always", 1), ("on_create", 0)])
@in_virtual_time
async def test_a_password_that_is_set_is_set_again_or_left(when: str, calls: int) -> None:
    api = an_api()
    api.cluster.guests[100].config["cipassword"] = "**********"
    params = {"cipassword": "s3cret"}
    await operate(api, "configure", 100, params=params, update_password=when)
    assert len(api.made("POST .*/config")) == calls
