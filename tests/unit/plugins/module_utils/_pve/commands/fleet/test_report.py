# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fleet says of each guest: what was done or would be, what failed, what it found."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.tests.unit.cloning import an_api, fleet
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@in_virtual_time
async def test_it_reports_what_was_and_what_would_be_done_to_each_guest() -> None:
    api = an_api()
    api.cluster.add(
        201, name="web1", scsi0="ceph:vm-201-disk-0,size=8G", memory="2048", cipassword="**"
    )
    options: dict[str, Any] = {
        "source": "tpl",
        "memory": 4096,
        "ci_password": "secret",
        "update_password": "always",
        "guests": [{"name": "web1", "disks": {"scsi0": 16}}, {"name": "web2"}],
    }
    done = [["configured", "resized", "started"], ["cloned", "configured", "started"]]
    plan = await fleet(api, check=True, **options)
    assert [guest["done"] for guest in plan.values["guests"]] == done
    report = await fleet(api, **options)
    assert [guest["done"] for guest in report.values["guests"]] == done
    diff = dict(report.diff or {})
    assert diff["before"].splitlines() == [
        "web1: qemu 201 on pve1",
        "  cipassword: ********",
        "  memory: 2048",
        "  scsi0: ceph:vm-201-disk-0,size=8G",
    ]
    assert diff["after"].splitlines()[:4] == [
        "web1: qemu 201 on pve1, configure, resize scsi0, start",
        "  cipassword: ********",
        "  memory: 4096",
        "  scsi0: 16G",
    ]
    again = await fleet(api, **{**options, "update_password": "on_create"})
    assert [guest["done"] for guest in again.values["guests"]] == [[], []]


@in_virtual_time
async def test_a_guest_that_counts_as_failed_has_a_message_and_no_other_has() -> None:
    for warnings in ("accept", "fail"):
        api = an_api()
        api.ends["qmclone"] = ["WARNINGS: 1"]
        report = await fleet(
            api, source="tpl", guests=[{"name": "web1"}, {"name": "web2"}], warnings=warnings
        )
        messages = [guest["message"] for guest in report.values["guests"]]
        assert [bool(one) for one in messages] == [warnings == "fail", False]
        assert bool(report.problem) == (warnings == "fail")


@in_virtual_time
async def test_without_waiting_a_task_that_runs_is_no_failure() -> None:
    api = an_api()
    report = await fleet(api, source="tpl", guests=[{"name": "web1"}], wait=False)
    assert report.problem is None, report.problem
    assert [guest["outcome"] for guest in report.values["guests"]] == ["running"]


@in_virtual_time
async def test_addresses_are_read_if_requested_and_not_waited_for() -> None:
    api = an_api()
    interfaces = {"result": [{"ip-addresses": [{"ip-address": "192.0.2.7"}]}]}
    api.disturb("GET .*/201/agent/network-get-interfaces", Answer(interfaces), count=None)
    for vmid, name in ((201, "web1"), (202, "web2"), (203, "web3")):
        api.cluster.add(vmid, name=name).status = "running"
    api.cluster.guests[203].status = "stopped"
    guests = [{"name": name, "state": "present"} for name in ("web1", "web2", "web3")]
    for check in (True, False):
        report = await fleet(api, check=check, guests=guests, addresses=True)
        assert (report.changed, report.problem) == (False, None)
        assert [one["addresses"] for one in report.values["guests"]] == [["192.0.2.7"], [], []]
    assert len(api.made("GET .*/agent/.*")) == 4
    api.calls.clear()
    await fleet(api, guests=guests)
    assert api.made("GET .*/(agent|pending).*") == []


@in_virtual_time
async def test_check_mode_plans_and_changes_nothing() -> None:
    api = an_api()
    api.cluster.add(201, name="web1", memory="2048")
    report = await fleet(
        api,
        check=True,
        source="tpl",
        memory=4096,
        guests=[{"name": n} for n in ("web1", "web2", "web3")],
    )
    assert report.changed
    assert api.made("(POST|PUT|DELETE) .*") == []
    assert [guest["outcome"] for guest in report.values["guests"]] == ["queued"] * 3
    assert [guest["vmid"] for guest in report.values["guests"]] == [201, None, None]
    diff = dict(report.diff or {})
    assert "memory: 2048" in diff["before"]
    assert "memory: 4096" in diff["after"]
    assert "web2" not in diff["before"]
    assert "web2" in diff["after"]


@pytest.mark.parametrize("check", [True, False])
@in_virtual_time
async def test_an_option_that_is_deleted_is_in_the_diff_with_what_it_was(*, check: bool) -> None:
    api = an_api()
    api.cluster.add(201, name="web1", description="old")
    guests = [{"name": "web1", "config": {"delete": "description"}}]
    report = await fleet(api, check=check, source="tpl", guests=guests)
    assert report.problem is None
    diff = dict(report.diff or {})
    assert "description: old" in diff["before"]
    assert "delete" not in diff["after"]


@in_virtual_time
async def test_settings_that_wait_for_a_restart_are_reported_or_the_guest_is_rebooted() -> None:
    for pending in ("report", "reboot"):
        api = an_api()
        api.cluster.add(201, name="web1", memory="2048")
        api.cluster.guests[201].status = "running"
        api.cluster.guests[201].pending["memory"] = "4096"
        warned: list[str] = []
        report = await fleet(
            api, warned=warned, memory=4096, guests=[{"name": "web1"}], pending=pending
        )
        assert report.problem is None, report.problem
        assert report.values["guests"][0]["pending"] == ["memory"]
        assert bool(api.made("POST .*/reboot")) == (pending == "reboot")
        assert "pending until a restart: memory" in warned[0]


@in_virtual_time
async def test_a_task_that_may_go_on_is_no_failure_of_its_guest() -> None:
    api = an_api()
    api.seconds = {"qmclone": 100}
    report = await fleet(
        api, source="tpl", guests=[{"name": "web1"}], wait_timeout=5, on_timeout="continue"
    )
    assert report.problem is None, report.problem
    assert report.values["guests"][0]["outcome"] == "timed_out"


@in_virtual_time
async def test_addresses_that_may_not_be_read_fail_no_guest_that_does_not_wait_for_them() -> None:
    for options in ({"addresses": True}, {"wait_for_address": True, "address_timeout": 5}):
        api = an_api()
        refusal = ApiError("GET", 403, "Permission check failed")
        api.disturb("GET .*/agent/", refusal, count=99)
        report = await fleet(api, source="tpl", guests=[{"name": "web1"}], **options)
        assert ("no address" in str(report.problem)) == ("wait_for_address" in options)
