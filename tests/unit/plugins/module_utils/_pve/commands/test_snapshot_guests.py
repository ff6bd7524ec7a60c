# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of many guests: taken once, thinned out, gone back to, and all or none of a group."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.snapshot_guests import (
    request as requests,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.snapshots import Snapshot
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.operating import an_api, outcomes
from ansible_collections.upid.proxmox.tests.unit.run_command import params_of, run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

NOON = 1795953660.0  # 2026-11-29 12:01 UTC


def with_snapshots(api: FakeApi, vmid: int, *names: str) -> None:
    api.cluster.guests[vmid].snapshots = [
        {"name": name, "snaptime": 1_700_000_000 + age} for age, name in enumerate(names)
    ]


def names_of(api: FakeApi, vmid: int) -> list[str]:
    return [one["name"] for one in api.cluster.guests[vmid].snapshots]


async def snapshot(api: FakeApi, *guests: Any, **options: Any) -> Report:
    return await run_command("snapshot_guests", api, guests=list(map(str, guests)), **options)


def request_of(**options: Any) -> requests.SnapshotRequest:
    return requests.SnapshotRequest.from_params(params_of("snapshot_guests", options), NOON)


def test_the_name_is_the_prefix_and_the_time() -> None:
    assert request_of(prefix="auto").snapname == "auto-20261129-1201"


@pytest.mark.parametrize(("keep", "gone"), [(3, []), (2, ["a"]), (1, ["a", "b"])])
def test_the_newest_of_the_prefix_stay(keep: int, gone: list[str]) -> None:
    ages = {"a": 1, "b": 2, "c": 3}
    stamps = {name: f"auto-2026110{age}-0000" for name, age in ages.items()}
    others = ["auto-before-upgrade", "autoauto-20261101-0000", "auto-20261101-0000-x", "mine"]
    there = [Snapshot(stamps[name], age) for name, age in ages.items()]
    there += [Snapshot(name, 0) for name in others]
    asked = request_of(prefix="auto", keep=keep, allow_destructive=True)
    assert asked.surplus(there) == [stamps[name] for name in gone]


def test_the_snapshot_to_come_is_one_of_those_that_stay() -> None:
    there = [Snapshot("auto-20261101-0000", 1), Snapshot("auto-20261102-0000", 2)]
    asked = request_of(prefix="auto", keep=2, allow_destructive=True)
    assert asked.surplus(there, "auto-20261129-1201") == ["auto-20261101-0000"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give either snapname, or prefix"),
        ({"snapname": "a1", "prefix": "auto"}, "give either snapname, or prefix"),
        ({"snapname": "1st"}, "letters, digits"),
        ({"prefix": "a" * 27}, "two to 26 letters"),
        ({"snapname": "a1", "keep": 1}, "counts the snapshots of a prefix"),
        ({"prefix": "auto", "keep": 0}, "0 is too few"),
        ({"prefix": "auto", "keep": 3}, "older snapshots would be removed"),
        ({"prefix": "auto", "state": "rolled_back"}, "the snapname to roll back to"),
        ({"snapname": "a1", "state": "rolled_back"}, "would be lost"),
        ({"snapname": "a1", "state": "absent"}, "snapshots would be removed"),
        ({"snapname": "a1", "start": True}, "it is for state rolled_back"),
        ({"snapname": "a1", "state": "absent", "vmstate": True}, "it is for state present"),
        ({"snapname": "a1", "all_or_nothing": True, "wait": False}, "need the outcome"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        request_of(**options)


@in_virtual_time
async def test_a_snapshot_is_taken_once_and_the_memory_of_vms_saved() -> None:
    api = an_api()
    asked = {"snapname": "before", "vmstate": True, "description": "Before it"}
    report = await snapshot(api, "app2", 200, **asked)
    assert outcomes(report) == [(101, "ok", True), (200, "ok", True)]
    assert [guest["snapname"] for guest in report.values["guests"]] == ["before", "before"]
    vm, container = (api.cluster.guests[vmid].snapshots[0] for vmid in (101, 200))
    assert vm["vmstate"] == 1
    assert "vmstate" not in container
    assert container["description"] == "Before it"
    again = await snapshot(api, "app2", 200, **asked)
    assert outcomes(again) == [(101, "unchanged", False), (200, "unchanged", False)]
    assert not again.changed


@in_virtual_time
async def test_old_ones_of_the_prefix_are_removed_after_the_new_one_is_there() -> None:
    api = an_api()
    with_snapshots(api, 100, "auto-20230101-0000", "mine", "auto-20230102-0000")
    asked = {"prefix": "auto", "keep": 1, "allow_destructive": True}
    planned = await snapshot(api, 100, 200, check=True, **asked)
    assert outcomes(planned) == [(100, "queued", True), (200, "queued", True)]
    old = ["auto-20230101-0000", "auto-20230102-0000"]
    assert planned.values["guests"][0]["removed"] == old
    assert api.made("POST") == []
    report = await snapshot(api, 100, 200, **asked)
    assert outcomes(report) == [(100, "ok", True), (200, "ok", True)]
    assert report.values["guests"][0]["removed"] == old
    new = report.values["guests"][0]["snapname"]
    assert names_of(api, 100) == ["mine", new]
    assert report.diff is not None
    assert report.diff["before"].splitlines() == [
        f"VM 100 (app1) on pve1: snapshot {name}" for name in old
    ]
    assert f"VM 100 (app1) on pve1: snapshot {new}\n" in report.diff["after"]


@in_virtual_time
async def test_a_guest_whose_snapshot_failed_keeps_the_old_ones_and_the_others_go_on() -> None:
    api = an_api()
    for vmid in (100, 101):
        with_snapshots(api, vmid, "auto-20230101-0000")
    api.ends["qmsnapshot 100"] = ["snapshot feature is not available"]
    report = await snapshot(api, 100, 101, prefix="auto", keep=1, allow_destructive=True)
    assert outcomes(report) == [(100, "failed", False), (101, "ok", True)]
    assert names_of(api, 100) == ["auto-20230101-0000"]
    assert report.problem is not None
    assert "VM 100 (app1) on pve1: snapshot: failed" in report.problem
    assert "snapshot feature is not available" in report.problem


@in_virtual_time
async def test_of_a_torn_group_only_what_this_run_took_is_removed_again() -> None:
    api = an_api()
    with_snapshots(api, 200, "release")
    with_snapshots(api, 101, "auto-20230101-0000")
    api.ends["qmsnapshot 100"] = ["no space left"]
    report = await snapshot(api, 100, 101, 200, snapname="release", all_or_nothing=True)
    assert outcomes(report) == [(vmid, "failed", False) for vmid in (100, 101, 200)]
    assert names_of(api, 101) == ["auto-20230101-0000"]
    assert names_of(api, 200) == ["release"]
    assert [call.path for call in api.made("DELETE")] == ["/nodes/pve2/qemu/101/snapshot/release"]
    assert "because the snapshot of VM 100" in report.values["guests"][1]["message"]
    assert report.values["guests"][1]["step"] == "undo"
    assert not report.changed


@in_virtual_time
async def test_a_snapshot_of_a_torn_group_that_cannot_be_removed_is_told() -> None:
    api = an_api()
    api.ends |= {"qmsnapshot 100": ["no space left"], "qmdelsnapshot 101": ["got timeout"]}
    report = await snapshot(api, 100, 101, snapname="release", all_or_nothing=True, retries=0)
    assert outcomes(report) == [(100, "failed", False), (101, "failed", True)]
    assert report.problem is not None
    assert "VM 101 (app2) on pve2: undo: failed" in report.problem
    assert "got timeout" in report.problem


@in_virtual_time
async def test_of_a_group_nothing_is_done_where_a_guest_cannot_be_snapshotted() -> None:
    api = an_api()
    report = await snapshot(api, 100, 999, snapname="release", all_or_nothing=True)
    assert outcomes(report) == [(100, "failed", False), (999, "failed", False)]
    assert api.made("POST") == []
    assert "nothing was done" in report.values["guests"][0]["message"]


@in_virtual_time
async def test_a_group_is_thinned_out_after_all_have_succeeded() -> None:
    api = an_api()
    for vmid in (100, 200):
        with_snapshots(api, vmid, "auto-20230101-0000")
    report = await snapshot(
        api, 100, 200, prefix="auto", keep=1, all_or_nothing=True, allow_destructive=True
    )
    assert outcomes(report) == [(100, "ok", True), (200, "ok", True)]
    assert [len(names_of(api, vmid)) for vmid in (100, 200)] == [1, 1]


@in_virtual_time
async def test_snapshots_are_removed_by_name_or_prefix() -> None:
    api = an_api()
    with_snapshots(api, 100, "auto-20230101-0000", "auto-20230102-0000", "mine")
    allowed = {"state": "absent", "allow_destructive": True}
    report = await snapshot(api, 100, 101, prefix="auto", **allowed)
    assert outcomes(report) == [(100, "ok", True), (101, "unchanged", False)]
    assert names_of(api, 100) == ["mine"]
    assert report.values["guests"][0]["snapname"] is None
    report = await snapshot(api, 100, 101, snapname="mine", **allowed)
    assert outcomes(report) == [(100, "ok", True), (101, "unchanged", False)]
    assert names_of(api, 100) == []


@in_virtual_time
async def test_a_snapshot_that_another_removed_meanwhile_is_not_missed() -> None:
    api = an_api()
    with_snapshots(api, 100, "auto-20230101-0000")

    def another() -> None:
        api.cluster.guests[100].snapshots = api.cluster.guests[100].snapshots[1:]

    api.seconds["qmsnapshot"] = 50
    asyncio.get_running_loop().call_later(20, another)
    report = await snapshot(api, 100, prefix="auto", keep=1, allow_destructive=True)
    assert outcomes(report) == [(100, "ok", True)]
    assert api.made("DELETE") == []
    assert report.values["guests"][0]["removed"] == []


@in_virtual_time
async def test_guests_go_back_to_a_snapshot_that_they_have() -> None:
    api = an_api()
    with_snapshots(api, 100, "before")
    report = await snapshot(
        api, 100, 101, state="rolled_back", snapname="before", allow_destructive=True
    )
    assert outcomes(report) == [(100, "ok", True), (101, "failed", False)]
    assert api.cluster.guests[100].config["parent"] == "before"
    assert "has no snapshot 'before'; there are none" in (report.problem or "")


@in_virtual_time
async def test_guests_are_selected_without_templates() -> None:
    api = an_api()
    api.cluster.add(900, name="golden", template=1)
    report = await run_command("snapshot_guests", api, type="qemu", nodes=["all"], snapname="a1")
    assert outcomes(report) == [(100, "ok", True), (101, "ok", True)]


@in_virtual_time
async def test_no_guest_is_a_warning() -> None:
    warned: list[str] = []
    report = await run_command(
        "snapshot_guests", an_api(), warned=warned, tags=["none"], snapname="a1"
    )
    assert report.problem is None
    assert warned == ["no guest was selected; nothing was done"]
