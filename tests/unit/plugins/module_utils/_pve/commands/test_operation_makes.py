# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""operation on what is made on a node: it is made once, and removed once."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.guest import place_job
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

BY_ID = "/dev/disk/by-id/ata-SIM_{}"
OSD = {"name": "osd.3", "children": []}
LISTS: dict[str, Any] = {
    "disks/list": [
        {"devpath": "/dev/sdb", "by_id_link": BY_ID.format("b"), "osdid": -1},
        {"devpath": "/dev/sdb1", "parent": "/dev/sdb", "mounted": 1, "osdid": -1},
        {"devpath": "/dev/sdc", "by_id_link": BY_ID.format("c"), "osdid": 3},
        {"devpath": "/dev/nvme0n1", "by_id_link": BY_ID.format("n"), "osdid": -1},
    ],
    "disks/directory": [{"path": "/mnt/pve/one", "device": "/dev/disk/by-uuid/1"}],
    "disks/lvm": {
        "leaf": 0,
        "children": [{"name": "one", "children": [{"name": "/dev/sdb", "leaf": 1}]}],
    },
    "disks/lvmthin": [{"vg": "one", "lv": "one"}, {"vg": "one", "lv": "data"}],
    "disks/zfs": [{"name": "one"}],
    "disks/zfs/one": {
        "name": "one",
        "children": [
            {
                "name": "one",
                "children": [{"name": BY_ID.format("b-part1")}, {"name": "/dev/nvme0n1p1"}],
            }
        ],
    },
    "ceph/mon": [{"name": "one", "host": "pve1"}, {"name": "two", "host": "pve2"}],
    "ceph/mgr": [{"name": "one", "host": "pve1"}],
    "ceph/mds": [{"name": "one", "host": "pve1"}],
    "ceph/osd": {"root": {"children": [{"name": "default", "children": [OSD]}]}},
    "ceph/pool": [{"pool_name": "one"}, {"pool_name": "coded-metadata"}],
    "ceph/fs": [{"name": "one"}],
}
CLUSTER = {
    "acme/account": [{"name": "default"}],
    "ceph/flags": [{"name": "noout", "value": 1}, {"name": "noin", "value": 0}],
}
SDB = {"name": "one", "device": BY_ID.format("b")}
SDC = {"name": "one", "device": "/dev/sdc"}
MIRROR = {"raidlevel": "mirror", "devices": ["/dev/sdb", "/dev/nvme0n1"]}


def an_api(status: int | None = None) -> FakeApi:
    """A cluster with these lists, or one that refuses them."""
    api = FakeApi()
    lists = {**{f"/nodes/pve1/{path}": rows for path, rows in LISTS.items()}}
    lists |= {f"/cluster/{path}": rows for path, rows in CLUSTER.items()}
    for path, rows in lists.items():
        reply = ApiError(f"GET {path}", status, "no") if status else Answer(rows)
        api.disturb(f"GET {path}$", reply, count=None)
    return api


async def operate(api: FakeApi, operation: str, params: dict[str, Any], **more: Any) -> Report:
    if OPERATIONS[operation].scope == "node":
        more = {"nodes": ["pve1"], **more}
    return await run_command(
        "operation", api, operation=operation, params=params, allow_destructive=True, **more
    )


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("create_directory", SDB),
        ("create_lvm", SDB),
        ("create_lvm", {"name": "one", "device": "/dev/sdb"}),
        ("create_lvm_thin", SDB),
        ("create_zfs", {"name": "one", **MIRROR}),
        ("ceph_create_mon", {"monid": "one"}),
        ("ceph_create_mgr", {"id": "one"}),
        ("ceph_create_mds", {"name": "one"}),
        ("ceph_create_osd", {"dev": "/dev/sdc"}),
        ("ceph_create_pool", {"name": "one"}),
        ("ceph_create_pool", {"name": "coded", "erasure-coding": "k=2,m=1"}),
        ("ceph_create_fs", {"name": "one"}),
        ("ceph_set_flags", {"noout": True}),
        ("ceph_set_flags", {"noout": True, "noin": False}),
        ("acme_account_register", {"contact": "a@example.com"}),
        ("remove_directory", {"name": "gone"}),
        ("remove_lvm", {"name": "gone"}),
        ("remove_lvm_thin", {"name": "data", "volume-group": "other"}),
        ("remove_zfs", {"name": "gone"}),
        ("ceph_destroy_mon", {"monid": "gone"}),
        ("ceph_destroy_mgr", {"id": "gone"}),
        ("ceph_destroy_mds", {"name": "gone"}),
        ("ceph_destroy_osd", {"osdid": 4}),
        ("ceph_destroy_pool", {"name": "gone"}),
        ("ceph_destroy_fs", {"name": "gone"}),
        ("acme_account_deactivate", {"name": "gone"}),
    ],
)
def test_what_is_so_already_is_unchanged(operation: str, params: dict[str, Any]) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        report = await operate(api, operation, params)
        assert [one["outcome"] for one in report.values["targets"]] == ["unchanged"]
        assert report.values["targets"][0]["message"] == "it is as wanted already"
        assert not report.changed
        assert not api.made("(POST|PUT|DELETE) ")

    scenario()


@pytest.mark.parametrize(
    ("operation", "params", "said"),
    [
        ("create_directory", SDC, "'one' already, which is not on /dev/sdc"),
        ("create_lvm", SDC, "'one' already, which is not on /dev/sdc"),
        ("create_lvm_thin", SDC, "'one' already"),
        (
            "create_zfs",
            {"name": "one", "raidlevel": "single", "devices": ["/dev/sdc"]},
            "'one' already",
        ),
        ("ceph_create_mon", {"monid": "two"}, "'two' already, which is not on pve1"),
    ],
)
def test_another_one_of_the_name_is_refused(
    operation: str, params: dict[str, Any], said: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        for check in (False, True):
            api = an_api()
            report = await operate(api, operation, params, check=check)
            assert said in str(report.problem)
            assert not api.made("(POST|PUT|DELETE) ")

    scenario()


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("create_directory", {"name": "new", "device": "/dev/nvme0n1"}),
        ("create_zfs", {"name": "new", **MIRROR}),
        ("ceph_create_osd", {"dev": "/dev/nvme0n1"}),
        ("ceph_create_pool", {"name": "coded"}),
        ("ceph_set_flags", {"noin": True}),
        ("remove_lvm_thin", {"name": "data", "volume-group": "one"}),
        ("ceph_destroy_osd", {"osdid": 3}),
    ],
)
def test_what_is_not_so_yet_is_planned(operation: str, params: dict[str, Any]) -> None:
    @in_virtual_time
    async def scenario() -> None:
        report = await operate(an_api(), operation, params, check=True)
        assert [one["outcome"] for one in report.values["targets"]] == ["queued"]

    scenario()


@in_virtual_time
async def test_who_may_not_read_the_list_leaves_it_to_the_server() -> None:
    report = await operate(an_api(403), "create_lvm", SDB, check=True)
    assert [one["outcome"] for one in report.values["targets"]] == ["queued"]
    report = await operate(an_api(595), "create_lvm", SDB, check=True)
    assert report.problem is not None


def test_a_pool_with_erasure_coding_has_a_task_with_a_longer_name() -> None:
    operation = OPERATIONS["ceph_create_pool"]
    coded = {"name": "web", "erasure-coding": "k=2,m=1"}
    assert place_job(operation, "pve1", None, coded, None).task_id == "web-metadata"
    assert place_job(operation, "pve1", None, {"name": "web"}, None).task_id == "web"
