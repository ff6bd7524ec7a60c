# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


def an_api() -> FakeApi:
    api = FakeApi()
    disk = "ceph:vm-100-disk-0,size=16G"
    api.cluster.add(100, name="app1", cores=2, memory="2048", scsi0=disk, net1="virtio")
    api.cluster.add(101, node="pve2", name="app2", status="running", cores=2)
    api.cluster.add(200, "lxc", "pve2", hostname="ct1", cores=1)
    return api


async def operate(api: FakeApi, operation: str, *guests: Any, **options: Any) -> Report:
    given = {"operation": operation, "guests": list(guests), **options}
    return await run_command("operation", api, **given)


def outcomes(report: Report) -> list[tuple[Any, ...]]:
    return [
        (guest["vmid"], guest["outcome"], guest["changed"]) for guest in report.values["guests"]
    ]


# It does, and does again.


@pytest.mark.parametrize(
    ("operation", "vmid", "task_type", "status", "allowed"),
    [
        ("start", 100, "qmstart", "running", False),
        ("start", 200, "vzstart", "running", False),
        ("shutdown", 101, "qmshutdown", "stopped", False),
        ("stop", 101, "qmstop", "stopped", True),
    ],
)
def test_power_is_changed_once(
    operation: str, vmid: int, task_type: str, status: str, allowed: bool
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        report = await operate(api, operation, vmid, allow_destructive=allowed)
        assert outcomes(report) == [(vmid, "ok", True)]
        assert report.values["tasks"][0]["type"] == task_type
        assert api.cluster.guests[vmid].status == status
        again = await operate(api, operation, vmid, allow_destructive=allowed)
        assert outcomes(again) == [(vmid, "unchanged", False)]
        assert not again.changed
        assert len(api.made("POST")) == 1

    scenario()


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


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "resize needs disk and size"),
        ({"disk": "scsi0"}, "resize needs disk and size"),
        ({"disk": "scsi7", "size": "32G"}, "has no disk 'scsi7'"),
        ({"disk": "scsi0", "size": "8G"}, "cannot be shrunk"),
        ({"disk": "scsi0", "size": "big"}, "size 'big' is not a number"),
    ],
)
def test_a_resize_that_cannot_be_is_refused(params: dict[str, str], message: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        report = await operate(api, "resize", 100, params=params, validate="server")
        assert outcomes(report) == [(100, "failed", False)]
        assert re.search(message, report.problem or "")
        assert {call.method for call in api.calls} == {"GET"}

    scenario()


@pytest.mark.parametrize(("vmid", "task_type"), [(100, "qmtemplate"), (200, "vztemplate")])
def test_a_conversion_to_a_template_is_followed_even_without_a_upid(
    vmid: int, task_type: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        report = await operate(api, "template", vmid, allow_destructive=True)
        assert outcomes(report) == [(vmid, "ok", True)]
        assert report.values["tasks"][0]["type"] == task_type
        again = await operate(api, "template", vmid, allow_destructive=True)
        assert outcomes(again) == [(vmid, "unchanged", False)]

    scenario()


@in_virtual_time
async def test_what_is_gone_need_not_be_deleted() -> None:
    api = an_api()
    report = await operate(api, "delete", 100, "gone", 999, allow_destructive=True)
    assert outcomes(report) == [(100, "ok", True), (None, "unchanged", False),
                                (999, "unchanged", False)]  # fmt: skip
    assert 100 not in api.cluster.guests
    assert report.values["guests"][1]["name"] == "gone"


@in_virtual_time
async def test_what_runs_already_is_taken_over() -> None:
    api = an_api()
    api.seconds = {"qmstart": 60}
    first = await operate(api, "start", 100, wait=False)
    await asyncio.sleep(5)
    second = await operate(api, "start", 100)
    assert outcomes(second) == [(100, "ok", True)]
    assert second.values["guests"][0]["upid"] == first.values["guests"][0]["upid"]
    assert len(api.made("POST")) == 1


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
async def test_a_running_migration_is_adopted_only_if_it_has_the_same_target() -> None:
    api = an_api()
    api.seconds = {"qmigrate": 60}
    first = await operate(api, "migrate", 100, params={"target": "pve2"}, wait=False)
    same = await operate(api, "migrate", 100, params={"target": "pve2"}, wait=False)
    assert same.values["guests"][0]["upid"] == first.values["guests"][0]["upid"]
    other = await operate(api, "migrate", 100, params={"target": "pve3"}, wait=False)
    assert other.values["guests"][0]["upid"] != first.values["guests"][0]["upid"]


@pytest.mark.parametrize("params", [{}, {"target": "pve9"}])
def test_a_migration_needs_an_existing_node(params: dict[str, str]) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        report = await operate(api, "migrate", 100, params=params, validate="server")
        assert "params: target: there is no node" in (report.problem or "")
        assert (report.values["guests"][0]["node"], report.changed) == ("pve1", False)
        assert not api.made("POST")

    scenario()


@in_virtual_time
async def test_a_configuration_is_never_taken_over_for_it_may_be_another() -> None:
    api = an_api()
    api.seconds = {"qmconfig": 10}
    await operate(api, "configure", 100, params={"cores": 4}, wait=False)
    await operate(api, "configure", 100, params={"cores": 8})
    assert len(api.made("POST")) == 2


# Destruction.


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("stop", {}),
        ("delete", {}),
        ("template", {}),
        ("shutdown", {"forceStop": True}),
        ("configure", {"delete": "unused0"}),
        ("configure", {"force": True, "delete": "scsi1"}),
    ],
)
def test_destructive_operations_are_refused_unless_allowed(
    operation: str, params: dict[str, Any]
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        for check in (False, True):
            with pytest.raises(UsageError, match=r"allow_destructive to true.*Nothing was done"):
                await operate(api, operation, {"vmid": 100, "params": params}, check=check)
        assert not api.calls

    scenario()


# Check mode.


@in_virtual_time
async def test_check_mode_returns_the_plan_and_does_nothing() -> None:
    api = an_api()
    report = await operate(api, "start", 100, 101, check=True)
    assert outcomes(report) == [(100, "queued", True), (101, "unchanged", False)]
    assert report.changed
    assert report.diff == {"before": "", "after": "VM 100 (app1) on pve1: start\n"}
    assert {call.method for call in api.calls} == {"GET"}


@in_virtual_time
async def test_check_mode_accepts_guests_that_the_play_would_have_created() -> None:
    report = await operate(an_api(), "configure", "web1", 300, params={"cores": 2}, check=True)
    assert [(g["vmid"], g["name"], g["outcome"]) for g in report.values["guests"]] == [
        (None, "web1", "queued"),
        (300, None, "queued"),
    ]


# Bad input.


@pytest.mark.parametrize(
    ("guests", "message"),
    [
        ([5], "guests: VMID 5 is outside"),
        ([100, "app1"], "VM 100 .app1. on pve1 is listed more than once"),
        ([100, 100], "'100' is listed more than once"),
        ([{"vmid": 100, "name": "app1"}], "set either vmid or name"),
        ([{"params": {}}], "set either vmid or name"),
        ([{"vmid": 100, "parms": {}}], "set either vmid or name"),
        ([{"vmid": True}], "the vmid of a guest is not a number"),
        ([{"vmid": "x"}], "the vmid of a guest is not a number"),
        ([{"vmid": 100, "params": "cipassword=s3cret"}], "params of a guest are not a dictionary"),
        ([[100]], "neither a VMID nor a name"),
        ([True], "neither a VMID nor a name"),
        ([None], "neither a VMID nor a name"),
        ([""], "neither a VMID nor a name"),
        (["{'vmid': 100, 'params': {'cipassword': 's3cret'}}"], "neither a VMID nor a name"),
        ([{"name": "a b"}], "neither a VMID nor a name"),
        ([{"vmid": 100, "params": {1: 2}}], "params: 1 is not the name of a parameter"),
        ([{"vmid": 100, "params": {None: 2}}], "params: None is not the name of a parameter"),
    ],
)
def test_invalid_requests_are_refused_before_anything_is_started(
    guests: list[Any], message: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        with pytest.raises(UsageError, match=message) as caught:
            await operate(api, "start", *guests)
        assert "s3cret" not in str(caught.value)
        assert {call.method for call in api.calls} <= {"GET"}

    scenario()


# One wrong guest stays one.


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
def test_a_wrong_guest_is_its_own_failure_alone(wrong: Any, message: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
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

    scenario()


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
def test_an_unreadable_guest_is_never_gone(how: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
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

    scenario()


@pytest.mark.parametrize("data", [None, {}, "x", [None], [5], [{"type": "qemu"}]], ids=str)
def test_a_malformed_list_of_the_cluster_makes_no_guest_gone(data: Any) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.disturb("GET /cluster/resources", Answer(data), count=None)
        with pytest.raises(NoAnswerError, match="malformed"):
            await operate(api, "delete", 100, allow_destructive=True)

    scenario()


# The right guest, or none.


@pytest.mark.parametrize("looks", [1, 2, 3, 4])
def test_a_vmid_that_got_another_guest_after_it_was_found_by_name_is_left_alone(looks: int) -> None:
    """Whichever of the reads before the call saw the old name last."""

    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        victim = api.cluster.add(102, name="victim")

        async def replaced() -> None:
            await api.until_made("GET", looks)
            await asyncio.sleep(0.005)
            victim.config["name"] = "innocent"

        work = asyncio.ensure_future(replaced())
        report = await operate(api, "delete", "victim", allow_destructive=True)
        await work
        assert [one["outcome"] for one in report.values["guests"]] != ["ok"]
        assert 102 in api.cluster.guests
        assert not api.made("DELETE")

    scenario()


@in_virtual_time
async def test_an_explicit_name_is_never_a_vmid() -> None:
    api = an_api()
    api.cluster.add(102, name="100")
    await operate(api, "delete", {"name": "100"}, allow_destructive=True)
    assert 100 in api.cluster.guests
    assert 102 not in api.cluster.guests


@in_virtual_time
async def test_a_configuration_that_changed_in_the_meantime_is_not_overwritten() -> None:
    api = an_api()

    async def changed() -> None:
        await api.until_made("GET .*/pending", 1)
        await asyncio.sleep(0.01)
        api.cluster.guests[100].config["cores"] = 7

    work = asyncio.ensure_future(changed())
    report = await operate(api, "configure", 100, params={"cores": 4})
    await work
    assert outcomes(report) == [(100, "failed", False)]
    assert "changed in the meantime" in (report.problem or "")
    assert api.cluster.guests[100].config["cores"] == 7


# What is pending.


def with_pending(api: FakeApi) -> None:
    """VM 101 runs; its memory is changed, but not in force yet."""
    api.cluster.guests[101].config["memory"] = "2048"
    api.cluster.guests[101].pending["memory"] = "4096"


@in_virtual_time
async def test_an_option_that_is_as_requested_after_a_restart_is_not_unchanged() -> None:
    api = an_api()
    with_pending(api)
    report = await operate(api, "configure", 101, params={"memory": 4096})
    [guest] = report.values["guests"]
    assert (guest["outcome"], guest["changed"], guest["pending"]) == ("ok", False, ["memory"])
    assert "pending until a restart: memory" in guest["message"]
    assert not [call for call in api.calls if call.method != "GET"]


@in_virtual_time
async def test_what_waits_for_a_restart_is_named_after_a_change() -> None:
    api = an_api()
    with_pending(api)
    report = await operate(api, "configure", 101, params={"cores": 8})
    [guest] = report.values["guests"]
    assert (guest["outcome"], guest["changed"], guest["pending"]) == ("ok", True, ["memory"])


@in_virtual_time
async def test_a_guest_is_rebooted_for_pending_changes_only_if_requested() -> None:
    api = an_api()
    with_pending(api)
    await operate(api, "configure", 101, params={"memory": 4096})
    assert not api.made("POST .*/reboot")
    report = await operate(api, "configure", 101, params={"memory": 4096}, apply="now")
    [reboot] = api.made("POST .*/reboot")
    assert reboot.params == {}
    assert "qmreboot" in [task["type"] for task in report.values["tasks"]]
    assert outcomes(report) == [(101, "ok", True)]


@in_virtual_time
async def test_a_restart_that_fails_is_the_failure_of_its_guest() -> None:
    api = an_api()
    with_pending(api)
    api.ends["qmreboot"] = ["VM quit/powerdown failed"]
    wish = {"memory": 4096}
    report = await operate(api, "configure", 101, params=wish, apply="now", retries=0)
    [guest] = report.values["guests"]
    assert (guest["outcome"], guest["pending"]) == ("failed", ["memory"])
    assert "VM quit/powerdown failed" in (report.problem or "")


@in_virtual_time
async def test_check_mode_reports_a_requested_restart() -> None:
    api = an_api()
    with_pending(api)
    report = await operate(api, "configure", 101, params={"memory": 4096}, apply="now", check=True)
    assert outcomes(report) == [(101, "queued", True)]
    assert not [call for call in api.calls if call.method != "GET"]


# Guests that run.


@pytest.mark.parametrize("vmid", [101, 201])
def test_a_guest_that_runs_is_deleted_only_when_it_may_be_stopped(vmid: int) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.cluster.add(201, "lxc", hostname="ct2", status="running")
        report = await operate(api, "delete", vmid, allow_destructive=True)
        assert outcomes(report) == [(vmid, "failed", False)]
        assert "force_stop" in (report.problem or "")
        report = await operate(api, "delete", vmid, allow_destructive=True, force_stop=True)
        assert outcomes(report) == [(vmid, "ok", True)]
        assert vmid not in api.cluster.guests
        assert len(report.values["tasks"]) == 2

    scenario()


@in_virtual_time
async def test_a_guest_that_cannot_be_stopped_is_not_deleted() -> None:
    api = an_api()
    api.ends["qmstop"] = ["VM is locked (backup)"]
    report = await operate(api, "delete", 101, allow_destructive=True, force_stop=True)
    assert outcomes(report) == [(101, "failed", False)]
    assert not api.made("DELETE")


@pytest.mark.parametrize(("when", "calls"), [("always", 1), ("on_create", 0)])
def test_a_password_that_is_set_is_set_again_or_left(when: str, calls: int) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.cluster.guests[100].config["cipassword"] = "**********"
        params = {"cipassword": "s3cret"}
        await operate(api, "configure", 100, params=params, update_password=when)
        assert len(api.made("POST .*/config")) == calls

    scenario()


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


# What a look costs: the figures of the guide to the performance, for three nodes.


@pytest.mark.parametrize(
    ("operation", "options", "by_vmid", "by_name"),
    [("start", {}, 2, 8), ("configure", {"params": {"cores": 2}}, 3, 9)],
)
def test_a_name_costs_two_requests_a_node_and_a_vmid_nothing_more(
    operation: str, options: dict[str, Any], by_vmid: int, by_name: int
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        for guest, requests in ((101, by_vmid), ("app2", by_name)):
            api = an_api()
            report = await operate(api, operation, guest, **options)
            assert outcomes(report) == [(101, "unchanged", False)]
            assert len(api.calls) == requests

    scenario()


@in_virtual_time
async def test_a_guest_by_name_is_read_once_more_before_it_is_changed() -> None:
    by_vmid, by_name = an_api(), an_api()
    await operate(by_vmid, "start", 100)
    await operate(by_name, "start", "app1")
    assert len(by_name.made("GET .*/100/config")) == 1
    assert not by_vmid.made("GET .*/100/config")
    assert len(by_name.calls) == len(by_vmid.calls) + 7
