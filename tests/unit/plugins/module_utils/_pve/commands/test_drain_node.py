# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the guests of a node go, what keeps them, and how they come back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import GIB
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


def an_api() -> FakeApi:
    """A node with a VM that runs, one that does not, a template and a container that runs."""
    api = FakeApi()
    api.cluster.nodes = {"pve1": (64 * GIB, 8 * GIB), "pve2": (64 * GIB, 4 * GIB)}
    api.cluster.nodes["pve3"] = (64 * GIB, 6 * GIB)
    api.cluster.add(100, name="web", status="running", memory=4096)
    api.cluster.add(101, name="db", memory=2048)
    api.cluster.add(102, name="tmpl", template=1)
    api.cluster.add(200, "lxc", hostname="ct", status="running", memory=1024)
    api.cluster.add(300, node="pve2", name="other", status="running")
    return api


async def drain(api: FakeApi, **options: Any) -> Report:
    return await run_command("drain_node", api, **{"node": "pve1", **options})


def places(api: FakeApi) -> dict[int, str]:
    return {vmid: guest.node for vmid, guest in api.cluster.guests.items()}


def of(report: Report, vmid: int) -> dict[str, Any]:
    return next(one for one in report.values["guests"] if one["vmid"] == vmid)


@in_virtual_time
async def test_all_leave_each_in_its_own_way_and_a_second_run_finds_nothing() -> None:
    api = an_api()
    report = await drain(api)
    assert report.problem is None
    assert report.changed
    assert set(places(api).values()) == {"pve2", "pve3"}
    ways = {one["vmid"]: one["way"] for one in report.values["guests"]}
    assert ways == {100: "online", 101: "offline", 102: "offline", 200: "restart"}
    sent = {call.path.split("/")[4]: call.params for call in api.made("POST")}
    assert sent["100"]["online"] == 1
    assert "with-local-disks" not in sent["100"]
    assert (sent["200"]["restart"], sent["200"]["timeout"]) == (1, 180)
    assert "with-local-disks" not in sent["101"]
    assert report.values["remaining"] == []
    again = await drain(api)
    assert (again.changed, again.values["guests"]) == (False, [])


@pytest.mark.parametrize(
    ("answer", "warns"),
    [
        (Answer({"/vms": {"VM.Audit": 1}}), False),
        (Answer({"/vms": {"VM.Audit": 0}}), True),
        (Answer({}), True),
        (ApiError("GET /access/permissions", 403, "no"), True),
    ],
    ids=["on all", "not passed on", "none", "unknown"],
)
@in_virtual_time
async def test_guests_that_may_not_be_seen_are_warned_of(answer: Any, warns: bool) -> None:
    api = an_api()
    api.disturb("GET /access/permissions", answer, count=None)
    warned: list[str] = []
    report = await drain(api, warned=warned)
    assert report.problem is None
    assert ["neither moved nor reported" in text for text in warned] == [True] * warns


@in_virtual_time
async def test_guests_go_where_most_memory_is_free_with_those_before_them_counted() -> None:
    api = FakeApi()
    api.cluster.nodes = {"pve1": (64 * GIB, 0), "pve2": (64 * GIB, 0), "pve3": (32 * GIB, 0)}
    for vmid in range(100, 106):
        api.cluster.add(vmid, name=f"vm{vmid}", status="running", memory=8192)
    await drain(api)
    assert sorted(places(api).values()) == ["pve2"] * 4 + ["pve3"] * 2


@in_virtual_time
async def test_stopped_guests_are_spread_as_well() -> None:
    api = FakeApi()
    api.cluster.nodes = dict.fromkeys(("pve1", "pve2", "pve3"), (64 * GIB, 0))
    for vmid in range(100, 104):
        api.cluster.add(vmid, name=f"vm{vmid}", memory=1024)
    await drain(api)
    assert sorted(places(api).values()) == ["pve2", "pve2", "pve3", "pve3"]


@in_virtual_time
async def test_only_allowed_nodes_that_are_online() -> None:
    api = an_api()
    api.cluster.down.add("pve3")
    report = await drain(api, nodes=["pve3"])
    assert "no node can take it: there is none" in of(report, 100)["message"]
    await drain(api)
    assert set(places(api).values()) == {"pve2"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"node": "pve9"}, "there is no node 'pve9'"),
        ({"nodes": ["pve9"]}, "there is no node 'pve9'"),
        ({"nodes": ["pve1"]}, "'pve1' is the node to drain"),
        ({"guests": [999]}, "guests: there is no guest '999'"),
        ({"exclude": ["nobody"]}, "exclude: there is no guest 'nobody'"),
        ({"bwlimit": -1}, "bwlimit"),
    ],
)
@in_virtual_time
async def test_what_is_wrong_is_told_before_anything_moves(
    options: dict[str, Any], message: str
) -> None:
    api = an_api()
    with pytest.raises(UsageError, match=message):
        await drain(api, **options)
    assert api.made("POST") == []


@pytest.mark.parametrize(
    ("told", "options", "why"),
    [
        ({"local_resources": ["hostpci0"]}, {}, "it uses devices of this node: hostpci0"),
        (
            {"local_disks": [{"drivename": "ide2", "cdrom": 1, "is_attached": 1}]},
            {},
            "only this node has the CD image in ide2",
        ),
        (
            {"local_disks": [{"drivename": "scsi0", "cdrom": 0, "is_attached": 1}]},
            {},
            "it runs, only this node has its scsi0",
        ),
        (
            {
                "allowed_nodes": [],
                "not_allowed_nodes": {"pve2": {"unavailable_storages": ["zfs"]}, "pve3": {}},
            },
            {},
            "no node can take it: pve2: unavailable storages zfs; pve3: not allowed",
        ),
        ({}, {"restart_containers": False}, "restart_containers is false"),
    ],
)
@in_virtual_time
async def test_what_cannot_move_stays_with_its_reason_and_the_others_go(
    told: dict[str, Any], options: dict[str, Any], why: str
) -> None:
    api, vmid = an_api(), 100 if told else 200
    api.preconditions[vmid] = told
    for check in (True, False):
        report = await drain(api, check=check, **options)
        assert why in str(of(report, vmid)["message"])
        assert of(report, vmid)["outcome"] == "failed"
        assert report.problem is not None
        assert why in report.problem
        assert report.values["remaining"] == [vmid]
    assert [one for one, node in places(api).items() if node == "pve1"] == [vmid]


@in_virtual_time
async def test_local_disks_go_along_where_that_is_allowed_and_those_of_stopped_guests_always() -> (
    None
):
    api = an_api()
    for vmid in (100, 101):
        disk = {"drivename": "scsi0", "cdrom": 0, "is_attached": 1}
        cloudinit = {"drivename": "ide2", "cdrom": 1, "is_cloudinit": 1, "is_attached": 1}
        api.preconditions[vmid] = {"local_disks": [disk, cloudinit]}
    report = await drain(api, with_local_disks=True, target_storage="ceph")
    assert report.problem is None
    sent = {call.path.split("/")[4]: call.params for call in api.made("POST")}
    assert (sent["100"]["with-local-disks"], sent["100"]["targetstorage"]) == (1, "ceph")
    assert sent["200"]["target-storage"] == "ceph"


@in_virtual_time
async def test_a_node_without_the_memory_is_no_target_unless_that_is_allowed() -> None:
    api = an_api()
    api.cluster.nodes = dict.fromkeys(("pve1", "pve2", "pve3"), (8 * GIB, 5 * GIB))
    report = await drain(api)
    assert "it needs 4.0 GiB of memory, and no node has so much free" in of(report, 100)["message"]
    assert places(api)[100] == "pve1"
    report = await drain(api, overcommit=True)
    assert report.problem is None
    assert places(api)[100] != "pve1"


@in_virtual_time
async def test_a_container_without_preconditions_in_an_older_release_moves() -> None:
    api = an_api()
    gone = ApiError("GET /nodes/pve1/lxc/200/migrate", 501, "not implemented")
    api.disturb("GET /nodes/pve1/lxc/200/migrate", gone, count=None)
    assert (await drain(api)).problem is None


@in_virtual_time
async def test_which_guests_and_the_plan_of_check_mode() -> None:
    api = an_api()
    report = await drain(api, check=True, stopped=False, templates=False, exclude=["ct"])
    assert [one["vmid"] for one in report.values["guests"]] == [100]
    assert of(report, 100)["outcome"] == "queued"
    assert of(report, 100)["target"] == "pve2"
    assert report.values["remaining"] == [101, 102, 200]
    assert report.diff == {"before": "web: qemu 100 on pve1\n", "after": "web: qemu 100 on pve2\n"}
    assert api.made("POST") == []
    report = await drain(api, guests=["db", 300])
    assert of(report, 101)["outcome"] == "ok"
    assert of(report, 300)["message"] == "it is on pve2 already"


@in_virtual_time
async def test_a_migration_that_fails_is_that_of_its_guest() -> None:
    api = an_api()
    api.ends["qmigrate 100"] = ["migration aborted"]
    report = await drain(api)
    assert of(report, 100)["outcome"] == "failed"
    assert "migration aborted" in str(report.problem)
    assert report.values["remaining"] == [100]
    assert (await drain(api)).problem is None


@in_virtual_time
async def test_a_migration_that_runs_is_adopted_wherever_it_goes() -> None:
    api = an_api()
    await api.post(("nodes", "pve1", "qemu", 100, "migrate"), {"target": "pve3", "online": 1})
    report = await drain(api)
    assert report.problem is None
    assert of(report, 100)["node"] == "pve3"
    assert len([call for call in api.made("POST") if "/100/" in call.path]) == 1


@in_virtual_time
async def test_what_happened_to_a_guest_until_its_turn_came_counts() -> None:
    api = an_api()
    api.seconds["qmigrate"] = 60.0
    run = asyncio.ensure_future(drain(api, parallel=1))
    await asyncio.sleep(30)
    api.cluster.guests[101].config["lock"] = "backup"
    api.cluster.guests[102].node = "pve3"
    api.cluster.remove(200)
    report = await run
    assert of(report, 101)["message"] == "it is locked (backup)"
    assert of(report, 102)["message"] == "it is on pve3 by now"
    assert of(report, 200)["message"] == "it was removed"
    assert [of(report, vmid)["outcome"] for vmid in (101, 102, 200)] == [
        "failed",
        "unchanged",
        "unchanged",
    ]
    assert len(api.made("POST")) == 1


@in_virtual_time
async def test_no_more_than_so_many_come_to_one_node_at_a_time() -> None:
    api = FakeApi()
    for vmid in range(100, 104):
        api.cluster.add(vmid, name=f"vm{vmid}")
    await drain(api, nodes=["pve2"], parallel_per_target=2)
    starts = sorted(call.at for call in api.made("POST"))
    assert starts[2] - starts[0] > 4


@in_virtual_time
async def test_what_left_comes_back_and_what_others_moved_stays() -> None:
    api = an_api()
    api.cluster.add(103, name="moved by another", status="running")
    await drain(api, exclude=[103])
    api.authid = "somebody@pve"
    await api.post(("nodes", "pve1", "qemu", 103, "migrate"), {"target": "pve3"})
    # One more is moved on by somebody else, and one is removed.
    on = api.cluster.guests[101].node
    await api.post(("nodes", on, "qemu", 101, "migrate"), {"target": "pve2"})
    await asyncio.sleep(30)
    api.cluster.guests[101].node = "pve2" if on == "pve3" else "pve3"
    api.cluster.remove(102)
    api.authid = "root@pam!ansible"
    plan = await drain(api, state="refilled", check=True)
    assert [one["vmid"] for one in plan.values["guests"]] == [100, 200]
    report = await drain(api, state="refilled")
    assert report.problem is None
    assert {vmid for vmid, node in places(api).items() if node == "pve1"} == {100, 200}
    assert report.values["remaining"] == []
    again = await drain(api, state="refilled")
    assert (again.changed, again.values["guests"]) == (False, [])


@in_virtual_time
async def test_what_left_long_ago_does_not_come_back_but_what_is_named_does() -> None:
    api = an_api()
    await drain(api)
    await asyncio.sleep(7200)
    report = await drain(api, state="refilled", since="1h")
    assert report.values["guests"] == []
    report = await drain(api, state="refilled", since="1h", guests=["web"])
    assert places(api)[100] == "pve1"
