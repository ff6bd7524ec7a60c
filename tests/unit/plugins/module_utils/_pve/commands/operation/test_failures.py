# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong with one guest is its own failure, and what cannot be read is never gone."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.tests.unit.operating import an_api, operate, outcomes
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("nosuch", "there is no guest 'nosuch'"),
        (999, "there is no guest '999'"),
        (102, "cannot be reached: its node is offline"),
        (103, "node pve2 did not list its guests"),
        ({"name": "100"}, "there is no guest '100'|cannot determine whether"),
        ("app3", "cannot determine whether guest 'app3' exists"),
    ],
    ids=str,
)
@in_virtual_time
async def test_a_wrong_guest_is_its_own_failure_alone(wrong: Any, message: str) -> None:
    api = an_api()
    api.cluster.add(102, node="pve3", name="app3")
    api.cluster.add(103, node="pve2", name="app4")
    if wrong in (102, "app3"):
        api.cluster.down.add("pve3")
    if wrong == 103:
        api.disturb("GET /nodes/pve2/qemu", NoAnswerError("GET", "596", sent=True), count=None)
    report = await operate(api, "start", 100, wrong)
    assert [(one["outcome"], one["changed"]) for one in report.values["guests"]] == [
        ("ok", True),
        ("failed", False),
    ]
    assert re.search(message, report.problem or "")
    assert re.search(message, str(report.values["guests"][1]["message"]))
    assert api.cluster.guests[100].status == "running"


@in_virtual_time
async def test_one_disk_that_is_larger_than_requested_keeps_no_other_from_growing() -> None:
    api = an_api()
    api.cluster.add(102, name="app3", scsi0="ceph:vm-102-disk-0,size=64G")
    api.cluster.add(103, name="app4", virtio0="ceph:vm-103-disk-0,size=8G")
    params = {"disk": "scsi0", "size": "32G"}
    report = await operate(api, "resize", 102, 100, 103, params=params)
    assert outcomes(report) == [
        (102, "failed", False),
        (100, "ok", True),
        (103, "failed", False),
    ]
    assert "cannot be shrunk" in report.values["guests"][0]["message"]
    assert "no disk 'scsi0'" in report.values["guests"][2]["message"]


@in_virtual_time
async def test_a_node_whose_running_tasks_cannot_be_read_does_not_affect_others() -> None:
    api = an_api()
    api.disturb("GET /nodes/pve2/tasks", NoAnswerError("GET", "596", sent=True), count=None)
    report = await operate(api, "reboot", "app2", "ct1")
    assert outcomes(report) == [(101, "failed", False), (200, "failed", False)]
    assert "cannot determine whether this already runs" in (report.problem or "")
    mixed = await operate(api, "start", 100, 200)
    assert outcomes(mixed) == [(100, "ok", True), (200, "failed", False)]
    assert not api.made("POST /nodes/pve2")


@in_virtual_time
async def test_a_silent_node_does_not_delay_the_start_of_a_guest_of_another_node() -> None:
    api = an_api()
    api.disturb("GET /nodes/pve2/lxc", 30.0, count=None)
    work = asyncio.ensure_future(operate(api, "start", 100, 200))
    await asyncio.sleep(3)
    assert api.made("POST /nodes/pve1/qemu/100/status/start")
    assert not api.made("POST /nodes/pve2")
    assert [outcome for _vmid, outcome, _changed in outcomes(await work)] == ["ok", "ok"]


@pytest.mark.parametrize("how", ["offline", "silent"])
@in_virtual_time
async def test_an_unreadable_guest_is_never_gone(how: str) -> None:
    api = an_api()
    api.cluster.add(102, node="pve3", name="app3")
    if how == "offline":
        api.cluster.down.add("pve3")
    else:
        api.disturb("GET /nodes/pve3", NoAnswerError("GET", "596", sent=True), count=None)
    for guest in ("app3", 102):
        report = await operate(api, "delete", guest, allow_destructive=True)
        assert report.values["guests"][0]["outcome"] == "failed"
        assert "pve3" in (report.problem or "")
    assert 102 in api.cluster.guests


@pytest.mark.parametrize("data", [None, {}, "x", [None], [5], [{"type": "qemu"}]], ids=str)
@in_virtual_time
async def test_a_malformed_list_of_the_cluster_makes_no_guest_gone(data: Any) -> None:
    api = an_api()
    api.disturb("GET /cluster/resources", Answer(data), count=None)
    with pytest.raises(NoAnswerError, match="malformed"):
        await operate(api, "delete", 100, allow_destructive=True)


@in_virtual_time
async def test_a_refusal_of_the_api_is_reported_and_the_others_go_on() -> None:
    api = an_api()
    api.cluster.add(102, name="app3")
    text = "Permission check failed (/vms/100, VM.PowerMgmt)"
    api.disturb("POST .*/100/", ApiError("POST start", 403, text))
    report = await operate(api, "start", 100, 102)
    assert outcomes(report) == [(100, "failed", False), (102, "ok", True)]
    assert report.problem is not None
    assert "VM.PowerMgmt on /vms/100" in report.problem


@in_virtual_time
async def test_a_task_that_fails_is_reported_with_its_reason() -> None:
    api = an_api()
    api.ends = {"qmstart": ["start failed: no memory"]}
    report = await operate(api, "start", 100)
    assert outcomes(report) == [(100, "failed", False)]
    assert report.problem is not None
    assert "start failed: no memory" in report.problem
