# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests are removed with what belongs to them, or kept with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.operating import an_api, operate, outcomes
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


async def remove(api: FakeApi, *guests: Any, **options: Any) -> Report:
    options.setdefault("allow_destructive", True)
    return await run_command("remove_guests", api, guests=list(guests), **options)


def message(report: Report) -> str:
    [guest] = report.values["guests"]
    assert guest["outcome"] == "failed"
    return str(guest["message"])


@in_virtual_time
async def test_guests_are_removed_once() -> None:
    api = an_api()
    report = await remove(api, "app1", 200, 999)
    assert outcomes(report) == [(100, "ok", True), (200, "ok", True), (999, "unchanged", False)]
    assert report.values["guests"][0]["done"] == ["deleted"]
    assert set(api.cluster.guests) == {101}
    assert [call.params for call in api.made("DELETE")] == [{"purge": 1}, {"purge": 1}]
    assert report.diff == {"before": "VM 100 (app1) on pve1\nCT 200 (ct1) on pve2\n", "after": ""}
    again = await remove(api, "app1", 200)
    assert outcomes(again) == [(None, "unchanged", False), (200, "unchanged", False)]


@pytest.mark.parametrize(("options", "message"), [
    ({"allow_destructive": False}, "set allow_destructive"),
    ({"wait": False}, "verified at the end"),
])  # fmt: skip
@in_virtual_time
async def test_what_is_not_allowed_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        await remove(an_api(), 100, **options)


@in_virtual_time
async def test_a_vmid_with_a_name_goes_only_if_the_guest_has_both() -> None:
    api = an_api()
    report = await remove(api, {"vmid": 100, "name": "app1"}, {"vmid": 200, "name": "web1"})
    assert outcomes(report) == [(100, "ok", True), (200, "failed", False)]
    assert "expected VMID 200 to be named 'web1', found 'ct1'" in (report.problem or "")
    assert set(api.cluster.guests) == {101, 200}
    with pytest.raises(UsageError, match="only the keys vmid and name"):
        await remove(api, {"vmid": 200, "params": {"force": 1}})


@in_virtual_time
async def test_a_guest_that_runs_is_kept_unless_it_may_be_stopped() -> None:
    api = an_api()
    report = await remove(api, 100, 101)
    assert outcomes(report) == [(100, "ok", True), (101, "failed", False)]
    assert "is running" in (report.problem or "")
    assert 101 in api.cluster.guests


@pytest.mark.parametrize(
    ("running", "task_type", "done", "params"),
    [
        ("stop", "qmstop", ["stopped", "deleted"], {}),
        ("shutdown", "qmshutdown", ["shut down", "deleted"], {"timeout": 90}),
        (
            "shutdown_or_stop",
            "qmshutdown",
            ["shut down", "deleted"],
            {"timeout": 90, "forceStop": 1},
        ),
    ],
)
@in_virtual_time
async def test_a_guest_that_runs_is_stopped_first(
    running: str, task_type: str, done: list[str], params: dict[str, Any]
) -> None:
    api = an_api()
    planned = await remove(api, 101, running=running, shutdown_timeout=90, check=True)
    assert outcomes(planned) == [(101, "queued", True)]
    assert planned.values["guests"][0]["done"] == done
    report = await remove(api, 101, running=running, shutdown_timeout=90)
    assert outcomes(report) == [(101, "ok", True)]
    assert report.values["guests"][0]["done"] == done
    assert [task["type"] for task in report.values["tasks"]] == [task_type, "qmdestroy"]
    assert api.made("POST")[0].params == params


@in_virtual_time
async def test_one_that_does_not_shut_down_is_not_removed() -> None:
    api = an_api()
    api.ends["qmshutdown"] = ["VM quit/powerdown failed - got timeout"]
    report = await remove(api, 100, 101, running="shutdown")
    assert outcomes(report) == [(100, "ok", True), (101, "failed", False)]
    assert 101 in api.cluster.guests
    assert "shutdown: failed" in (report.problem or "")


@in_virtual_time
async def test_running_ones_are_selected_and_removed_although_they_do_not_run_any_more() -> None:
    api = an_api()
    report = await run_command(
        "remove_guests", api, status="running", running="stop", allow_destructive=True
    )
    assert outcomes(report) == [(101, "ok", True)]
    assert set(api.cluster.guests) == {100, 200}


@in_virtual_time
async def test_a_protected_guest_is_kept_unless_that_is_taken_away() -> None:
    api = an_api()
    for vmid in (100, 200):
        api.cluster.guests[vmid].config["protection"] = 1
    report = await remove(api, 100, 101, 200, running="stop")
    assert outcomes(report) == [
        (100, "failed", False),
        (101, "ok", True),
        (200, "failed", False),
    ]
    assert "VM 100 (app1) on pve1 is protected" in (report.problem or "")
    report = await remove(api, 100, 200, unprotect=True)
    assert outcomes(report) == [(100, "ok", True), (200, "ok", True)]
    assert report.values["guests"][0]["done"] == ["unprotected", "deleted"]


@in_virtual_time
async def test_a_lock_is_named_with_the_task_that_holds_it() -> None:
    api = an_api()
    api.cluster.guests[100].config["lock"] = "backup"
    assert "is locked (backup), by no task that runs" in message(await remove(api, 100))
    task = api.cluster.start("pve1", "vzdump", 100, 600, api.authid)
    assert f"is locked (backup) by {task.upid}" in message(await remove(api, 100))
    assert api.made("DELETE") == []


@in_virtual_time
async def test_a_hibernated_vm_is_removed() -> None:
    api = an_api()
    api.cluster.guests[100].config["lock"] = "suspended"
    assert outcomes(await remove(api, 100)) == [(100, "ok", True)]


@in_virtual_time
async def test_a_template_with_linked_clones_is_kept_and_they_are_named() -> None:
    api = an_api()
    api.cluster.add(900, name="golden", template=1, scsi0="ceph:base-900-disk-0,size=4G")
    content = [
        {"volid": "ceph:base-900-disk-0", "vmid": 900},
        {"volid": "ceph:base-900-disk-0/vm-102-disk-0", "vmid": 102},
        {"volid": "ceph:base-900-disk-01/vm-103-disk-0", "vmid": 103},
    ]
    api.cluster.contents["ceph"] = content
    why = message(await remove(api, 900))
    assert why.endswith("linked clones, which have to be deleted first: 102")
    operated = await operate(api, "delete", 900, allow_destructive=True)
    assert message(operated) == why
    assert api.made("DELETE") == []
    del content[:2]
    report = await remove(api, 900)
    assert outcomes(report) == [(900, "ok", True)]


@pytest.mark.parametrize("kind", ["ha", "replication"])
@in_virtual_time
async def test_what_others_know_of_a_guest_goes_with_purge_alone(kind: str) -> None:
    api = an_api()
    if kind == "ha":
        api.cluster.guests[100].ha = "started"
    else:
        api.cluster.replication.append({"id": "100-0", "guest": 100, "target": "pve2"})
    why = message(await remove(api, 100, purge=False))
    assert ("managed by HA" if kind == "ha" else "replicated (100-0)") in why
    assert "purge" in why
    assert outcomes(await remove(api, 100)) == [(100, "ok", True)]


@pytest.mark.parametrize("by", ["remove_guests", "operation"])
@in_virtual_time
async def test_a_disk_that_is_still_there_is_a_failure(by: str) -> None:
    api = an_api()
    api.cluster.contents["ceph"] = [{"volid": "ceph:vm-100-disk-0", "vmid": 100}]
    if by == "operation":
        report = await operate(api, "delete", 100, allow_destructive=True)
    else:
        report = await remove(api, 100)
    assert "its disks still exist: ceph:vm-100-disk-0" in message(report)
    assert "ceph:vm-100-disk-0" in (report.problem or "")
    assert report.values["guests"][0]["changed"]


@in_virtual_time
async def test_a_storage_that_cannot_be_read_is_told() -> None:
    api = an_api()
    refused = ApiError("GET content", 403, "Permission check failed (/storage/ceph)")
    api.disturb("GET .*/storage/ceph/content", refused, count=None)
    report = await remove(api, 100)
    assert outcomes(report) == [(100, "warnings", True)]
    assert "disks on ceph are gone cannot be read" in report.values["guests"][0]["message"]
    assert report.problem is None


HIDDEN = ApiError("GET /cluster/nextid", 400, "", {"vmid": "VM 999 already exists"})


@in_virtual_time
async def test_a_guest_that_may_not_be_seen_is_not_gone() -> None:
    """The lists of the cluster leave out what the caller has no VM.Audit on."""
    api = an_api()
    api.disturb("GET /cluster/nextid", HIDDEN, count=None)
    assert "lacks VM.Audit on it" in message(await remove(api, 999))
    report = await operate(api, "delete", 999, allow_destructive=True)
    assert "lacks VM.Audit on it" in message(report)


@in_virtual_time
async def test_whether_a_guest_is_gone_may_be_unknown() -> None:
    api = an_api()
    api.disturb("GET /cluster/nextid", ApiError("GET", 500, "no quorum"), count=None)
    assert "cannot determine whether there is a guest 999" in message(await remove(api, 999))
