# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import GIB
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
CREATE = "POST /nodes/[^/]+/lxc$"


def an_api() -> FakeApi:
    api = FakeApi()
    api.cluster.templates = {node: [TEMPLATE] for node in api.cluster.nodes}
    return api


async def create(api: FakeApi, **options: Any) -> Report:
    return await run_command("container", api, **{"ostemplate": TEMPLATE, **options})


@in_virtual_time
async def test_one_container_with_every_option() -> None:
    api = an_api()
    report = await create(
        api,
        hostname="ct1",
        target_node="pve2",
        rootfs="ceph:8",
        cores=2,
        memory=1024,
        net={"name": "eth0", "bridge": "vmbr0", "ip": "dhcp", "firewall": True},
        password="s3cret-pass",
        ssh_public_keys=["ssh-ed25519 A a", "ssh-ed25519 B b"],
        unprivileged=True,
        features={"nesting": True, "mount": "nfs"},
        tags=["web", "prod"],
        onboot=False,
        params={"cmode": "tty", "protection": True},
    )
    assert report.problem is None
    [call] = api.made(CREATE)
    assert call.path == "/nodes/pve2/lxc"
    assert call.params == {
        "vmid": 100,
        "hostname": "ct1",
        "ostemplate": TEMPLATE,
        "rootfs": "ceph:8",
        "cores": 2,
        "memory": 1024,
        "net0": "name=eth0,bridge=vmbr0,ip=dhcp,firewall=1",
        "password": "s3cret-pass",
        "ssh-public-keys": "ssh-ed25519 A a\nssh-ed25519 B b",
        "unprivileged": True,
        "features": "nesting=1,mount=nfs",
        "tags": "web;prod",
        "onboot": False,
        "cmode": "tty",
        "protection": 1,
    }
    [guest] = report.values["guests"]
    assert (guest["vmid"], guest["name"], guest["node"], guest["type"]) == (
        100,
        "ct1",
        "pve2",
        "lxc",
    )
    assert "s3cret-pass" not in str(report)


@in_virtual_time
async def test_many_containers_are_created_side_by_side_with_the_top_level_as_defaults() -> None:
    api = an_api()
    guests: list[dict[str, Any]] = [{"hostname": f"ct{index}"} for index in range(5)]
    guests[4] |= {"memory": 2048, "params": {"cmode": "shell"}}
    params = {"cmode": "tty", "arch": "amd64"}
    report = await create(
        api, guests=guests, placement="round_robin", storage="ceph", memory=512, params=params
    )
    assert report.problem is None
    calls = sorted(api.made(CREATE), key=lambda call: str(call.params["hostname"]))
    assert [call.path for call in calls] == [
        f"/nodes/pve{number}/lxc" for number in (1, 2, 3, 1, 2)
    ]
    assert {call.params["memory"] for call in calls[:4]} == {512}
    assert (calls[4].params["memory"], calls[4].params["cmode"]) == (2048, "shell")
    assert calls[4].params["arch"] == "amd64"
    assert max(call.at for call in calls) < 1, (
        "nothing keeps containers from being created together"
    )


@pytest.mark.parametrize("known_by", ["hostname", "vmid"])
def test_the_same_call_again_changes_nothing(known_by: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        guests = [{"hostname": f"ct{index}", "vmid": 300 + index} for index in range(4)]
        again = [{known_by: guest[known_by]} for guest in guests]
        await create(api, guests=guests, placement="least_memory")
        api.calls.clear()
        report = await create(api, guests=again, placement="least_memory")
        assert (report.changed, report.problem) == (False, None)
        assert len(api.calls) <= 8

    scenario()


@pytest.mark.parametrize("known_by", ["hostname", "vmid"])
@pytest.mark.parametrize("wait", [True, False])
def test_what_is_on_its_way_is_taken_over_wherever_it_would_be_placed_now(
    known_by: str, wait: bool
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.seconds = {"vzcreate": 100}
        guest = {"hostname": "ct1", "vmid": 301}
        await create(api, **guest, target_node="pve2", wait=False)
        await asyncio.sleep(5)
        again = {known_by: guest[known_by]}
        report = await create(api, **again, placement="round_robin", wait=wait)
        assert report.problem is None
        assert len(api.made(CREATE)) == 1
        [told] = report.values["guests"]
        assert (told["vmid"], told["node"]) == (301, "pve2")
        if wait:
            assert (told["outcome"], told["changed"]) == ("ok", True)

    scenario()


@in_virtual_time
async def test_a_leftover_is_searched_for_on_its_node() -> None:
    api = an_api()
    dead = api.cluster.start(
        "pve2", "vzcreate", 301, 5, api.authid, started=-600, exitstatus="unexpected status"
    )
    api.cluster.add(301, "lxc", "pve2", lock="create")
    report = await create(api, hostname="ct1", vmid=301, placement="round_robin")
    assert report.problem is not None
    assert str(dead.upid) in report.problem
    assert "pct unlock 301 && pct destroy 301" in report.problem


@in_virtual_time
async def test_check_mode_returns_the_plan_and_does_nothing() -> None:
    api = an_api()
    report = await create(api, hostname="ct1", target_node="pve3", check=True)
    [guest] = report.values["guests"]
    assert (guest["vmid"], guest["node"], guest["outcome"]) == (None, "pve3", "queued")
    assert report.changed
    assert {call.method for call in api.calls} == {"GET"}
    assert report.diff is not None
    assert report.diff["after"] == "ct1: lxc with a free VMID on pve3, created\n"


@in_virtual_time
async def test_a_cluster_of_one_node_needs_no_target_node() -> None:
    api = an_api()
    api.cluster.nodes = {"pve": (64 * GIB, 0)}
    api.cluster.templates = {"pve": [TEMPLATE]}
    report = await create(api, hostname="ct1")
    assert report.values["guests"][0]["node"] == "pve"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hostname": "ct1"}, "target_node: ct1 needs a node, or set placement"),
        ({"hostname": "ct_1", "target_node": "pve1"}, "hostname: 'ct_1' is not a valid DNS name"),
        (
            {"hostname": "ct1", "target_node": "pve1", "memory": 512, "params": {"memory": 1024}},
            "params: memory is also set by an option of its own",
        ),
        (
            {"hostname": "ct1", "target_node": "pve1", "params": {"vmid": 5}},
            "params: vmid is also set by an option of its own",
        ),
        (
            {"hostname": "ct1", "placement": "least_memory", "params": {"memory": "x"}},
            "memory: 'x' of ct1 is not a number of MiB",
        ),
    ],
)
def test_impossible_requests_are_refused_before_anything_is_started(
    options: dict[str, Any], message: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.cluster.add(100, name="app1")
        with pytest.raises(UsageError, match=message):
            await create(api, **options)
        assert {call.method for call in api.calls} <= {"GET"}

    scenario()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"target_node": "pve9"}, "target_node: there is no node 'pve9'"),
        ({"vmid": 100}, "vmid: 100 is taken by VM 100"),
        (
            {"ostemplate": "local:vztmpl/none.tar.gz"},
            "ostemplate: 'local:vztmpl/none.tar.gz' is not on node pve1; available: local:vztmpl/",
        ),
        ({"ostemplate": "nfs:vztmpl/x.tar.gz"}, "GET content: 500 storage 'nfs' does not exist"),
    ],
)
def test_one_wrong_container_fails_alone(wrong: dict[str, Any], message: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        api.cluster.add(100, name="app1")
        text = "storage 'nfs' does not exist"
        api.disturb("GET .*/nfs/content", ApiError("GET content", 500, text), count=None)
        guests = [{"hostname": "a"}, {"hostname": "bad", **wrong}, {"hostname": "b"}]
        report = await create(api, guests=guests, target_node="pve1")
        assert [guest["outcome"] for guest in report.values["guests"]] == ["ok", "failed", "ok"]
        assert message in str(report.problem)

    scenario()


@in_virtual_time
async def test_a_caller_who_may_not_list_templates_is_trusted() -> None:
    api = an_api()
    api.disturb("content", ApiError("GET content", 403, "Permission check failed"))
    report = await create(api, hostname="ct1", target_node="pve1")
    assert report.problem is None


@in_virtual_time
async def test_templates_are_read_once_for_each_storage_of_a_node() -> None:
    api = an_api()
    names = [{"hostname": f"ct{number}"} for number in range(5)]
    report = await create(api, guests=names, target_node="pve1")
    assert report.problem is None
    assert len(api.made("GET /nodes/pve1/storage/local/content")) == 1


@in_virtual_time
async def test_failures_are_reported_with_their_exit_status() -> None:
    api = an_api()
    api.ends = {"vzcreate": ["unable to create CT 100 - no space"]}
    report = await create(api, guests=[{"hostname": "a"}, {"hostname": "b"}], target_node="pve1")
    assert [guest["outcome"] for guest in report.values["guests"]] == ["failed", "ok"]
    assert report.problem is not None
    assert "unable to create CT 100 - no space" in report.problem


@in_virtual_time
async def test_a_vmid_that_another_user_takes_is_replaced() -> None:
    api = an_api()
    text = "CT 100 already exists on node 'pve3'"
    api.disturb(CREATE, ApiError("POST", 500, text))
    report = await create(api, hostname="ct1", target_node="pve1")
    assert report.problem is None
    [guest] = report.values["guests"]
    assert (guest["vmid"], guest["attempts"]) == (101, 2)
