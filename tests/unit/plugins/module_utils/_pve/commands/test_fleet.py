# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.cloning import an_api
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

NAMES = ("web1", "web2", "web3")
TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"


async def fleet(api: FakeApi, /, **options: Any) -> Report:
    return await run_command("fleet", api, **options)


def steps(report: Report) -> list[list[tuple[str, str]]]:
    return [
        [(step["name"], step["outcome"]) for step in guest["steps"]]
        for guest in report.values["guests"]
    ]


@in_virtual_time
async def test_guests_are_cloned_configured_and_started_each_at_its_own_pace() -> None:
    api = an_api()
    guests = [{"name": name} for name in NAMES]
    report = await fleet(api, source="tpl", memory=4096, guests=guests)
    assert report.problem is None, report.problem
    made = {guest.name: guest for guest in api.cluster.guests.values()}
    assert {made[name].config["memory"] for name in NAMES} == {"4096"}
    assert {made[name].status for name in NAMES} == {"running"}
    for one in steps(report):
        assert one == [
            ("clone", "ok"),
            ("check", "unchanged"),
            ("configure", "ok"),
            ("start", "ok"),
        ]
    calls = len(api.calls)
    again = await fleet(api, source="tpl", memory=4096, guests=guests)
    assert (again.changed, again.problem) == (False, None)
    assert len(api.calls) - calls < 12


@in_virtual_time
async def test_one_guest_with_an_impossible_request_is_one_failure() -> None:
    api = an_api()
    api.disturb("POST .*/qemu/[0-9]+/config", ApiError("POST", 500, "no such bridge"))
    guests: list[dict[str, Any]] = [
        {"name": "web1", "memory": 4096},
        {"name": "web2"},
        {"name": "web3", "vmid": 100},
        {"name": "web4", "disks": {"scsi9": 4}},
        {"name": "web5", "source": "nobody"},
    ]
    report = await fleet(api, source="tpl", guests=guests)
    outcomes = {guest["name"]: guest["outcome"] for guest in report.values["guests"]}
    assert outcomes == {
        "web1": "failed", "web2": "ok", "web3": "failed", "web4": "failed", "web5": "failed",
    }  # fmt: skip
    messages = {guest["name"]: str(guest["message"]) for guest in report.values["guests"]}
    assert "no such bridge" in messages["web1"]
    assert "taken by VM 100 (app1)" in messages["web3"]
    assert "scsi9" in messages["web4"]
    assert "there is no guest 'nobody'" in messages["web5"]
    assert str(report.problem).startswith("4 of 5 guests failed:")
    assert {guest["step"] for guest in report.values["guests"]} == {"configure", "start", None}


@in_virtual_time
async def test_disks_grow_interfaces_keep_their_macs_and_nothing_else_is_touched() -> None:
    api = an_api()
    mac = "virtio=BC:24:11:00:00:01,bridge=vmbr0"
    api.cluster.add(201, name="web1", scsi0="ceph:vm-201-disk-0,size=8G", net0=mac, cores=2)
    wish = {
        "name": "web1",
        "disks": {"scsi0": {"size": 16, "discard": "on"}},
        "nics": {"net0": {"model": "virtio", "bridge": "vmbr0", "tag": 5}},
        "state": "present",
    }
    report = await fleet(api, guests=[wish])
    assert report.problem is None, report.problem
    config = api.cluster.guests[201].config
    assert "ceph:vm-201-disk-0" in config["scsi0"]
    assert "discard=on" in config["scsi0"]
    assert "BC:24:11:00:00:01" in config["net0"]
    assert "tag=5" in config["net0"]
    assert api.made("PUT .*/201/resize")
    again = await fleet(api, guests=[wish])
    assert (again.changed, again.problem) == (False, None)


@in_virtual_time
async def test_containers_and_vms_from_scratch_are_created_as_requested() -> None:
    api = an_api()
    api.cluster.templates = {"pve1": [TEMPLATE]}
    guests = [
        {
            "name": "ct1",
            "ostemplate": TEMPLATE,
            "node": "pve1",
            "storage": "ceph",
            "disks": {"rootfs": 4},
            "memory": 512,
        },
        {"name": "vm1", "node": "pve1", "storage": "ceph", "disks": {"scsi0": 8}, "cores": 4},
    ]
    report = await fleet(api, guests=guests)
    assert report.problem is None, report.problem
    [container] = api.made("POST .*/lxc$")
    assert container.params["rootfs"] == "ceph:4"
    assert container.params["memory"] == 512
    [vm] = api.made("POST .*/qemu$")
    assert (vm.params["scsi0"], vm.params["cores"]) == ("ceph:8", 4)
    calls = len(api.made("(POST|PUT) .*"))
    again = await fleet(api, guests=guests)
    assert (again.changed, again.problem) == (False, None)
    assert len(api.made("(POST|PUT) .*")) == calls


@in_virtual_time
async def test_unlisted_guests_are_stopped_and_deleted_and_nothing_else_is() -> None:
    api = an_api()
    for vmid, name, tags in ((201, "web1", "prod"), (202, "old", "prod"), (203, "app", "dev")):
        api.cluster.add(vmid, name=name, tags=tags)
    api.cluster.guests[202].status = "running"
    api.cluster.add(204, name="gold", tags="prod", template=1)
    options: dict[str, Any] = {
        "guests": [{"name": "web1", "state": "present"}],
        "exact": True,
        "selector": {"tag": "prod"},
        "allow_destructive": True,
    }
    plan = await run_command("fleet", api, check=True, **options)
    assert plan.changed
    assert {202, 201, 203, 204} <= set(api.cluster.guests)
    assert "old" in str(plan.diff)
    report = await fleet(api, **options)
    assert report.problem is None, report.problem
    assert {201, 203, 204} <= set(api.cluster.guests)
    assert 202 not in api.cluster.guests
    assert steps(report)[1] == [("stop", "ok"), ("delete", "ok"), ("verify", "unchanged")]


@in_virtual_time
async def test_a_guest_that_is_to_be_absent_is_deleted_and_stays_away() -> None:
    api = an_api()
    api.cluster.add(201, name="web1")
    options: dict[str, Any] = {
        "guests": [{"name": "web1", "state": "absent"}, {"vmid": 999, "state": "absent"}],
        "allow_destructive": True,
    }
    report = await fleet(api, **options)
    assert report.problem is None, report.problem
    assert 201 not in api.cluster.guests
    again = await fleet(api, **options)
    assert (again.changed, again.problem) == (False, None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"guests": [{"name": "a", "state": "absent"}]}, "allow_destructive"),
        ({"guests": [{"name": "a"}], "exact": True, "selector": {"tag": "x"}}, "allow_destructive"),
        ({"guests": [{"name": "a"}], "exact": True, "allow_destructive": True}, "selector"),
        ({"guests": [{"name": "a"}, {"name": "a"}]}, "listed more than once"),
        ({"guests": [{"name": "a", "ssh_public_keys": [None]}]}, "ssh_public_keys.* empty item"),
        ({"count": 2, "name_pattern": "web"}, "placeholder for a number"),
        ({"count": 1, "name_pattern": "web-%s-%d"}, "one placeholder for a number"),
        ({"guests": [{"name": "a", "type": "lxc"}]}, "OS template"),
        ({"guests": [{"name": "a", "source": "x", "ostemplate": "y"}]}, "set only one of them"),
        ({"guests": [{"name": "a", "nics": {"scsi0": 3}}]}, "nics"),
        ({"guests": [{"name": "a", "disks": {"scsi0": "big"}}]}, "number of GiB"),
        ({"guests": [{"name": "a", "config": {"scsi0": "b:1"}, "disks": {"scsi0": 3}}]}, "as well"),
    ],
)
def test_invalid_requests_are_refused_before_anything_starts(
    options: dict[str, Any], words: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        with pytest.raises(UsageError, match=words):
            await fleet(api, **options)
        assert api.made("(POST|PUT|DELETE) .*") == []

    scenario()


@pytest.mark.parametrize(
    ("ipconfig", "problem"),
    [
        ("ip=192.0.2.256/24", "'192.0.2.256/24' is not an IPv4 address with a prefix length"),
        ("ip=192.0.2.11", "'192.0.2.11' is not an IPv4 address with a prefix length"),
        ("ip6=192.0.2.11/24", "'192.0.2.11/24' is not an IPv6 address"),
        ("ip=192.0.2.0/24", "192.0.2.0/24 is the address of the network itself"),
        ("ip=192.0.2.255/24", "192.0.2.255/24 is the broadcast address of its network"),
        (
            "ip=192.0.2.11/24,gw=198.51.100.1",
            "192.0.2.11/24 is not in the network of its gateway 198.51.100.1",
        ),
        ("ip=192.0.2.1/24,gw=192.0.2.1", "192.0.2.1/24 is the address of its own gateway"),
        ("ip=192.0.2.1/24,gw=router", "gateway 'router' is not an address"),
    ],
)
def test_a_wrong_address_is_refused_before_anything_starts(ipconfig: str, problem: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        guests = [{"name": "web1", "ipconfig": "ip=dhcp"}, {"name": "web2", "ipconfig": ipconfig}]
        with pytest.raises(UsageError, match=re.escape(f"web2: {problem}")):
            await fleet(api, source="tpl", guests=guests)
        assert api.calls == []

    scenario()


@pytest.mark.parametrize(
    "ipconfig",
    [
        "ip=dhcp,ip6=auto",
        "ip=192.0.2.11/24,gw=192.0.2.1,ip6=2001:db8::11/64,gw6=2001:db8::1",
        "ip=192.0.2.11/32,gw=203.0.113.1",
        "ip=192.0.2.10/31,gw=192.0.2.11",
        "ip6=2001:db8::11/64,gw6=fe80::1",
    ],
)
def test_a_right_address_is_no_problem(ipconfig: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        guests = [{"name": "web1", "ipconfig": ipconfig}]
        report = await run_command("fleet", an_api(), check=True, source="tpl", guests=guests)
        assert report.problem is None, report.problem

    scenario()


def nic(**properties: object) -> dict[str, object]:
    return {"name": "eth0", "bridge": "vmbr0", "ip": "192.0.2.11/24", **properties}


@in_virtual_time
async def test_an_address_that_comes_twice_is_refused_before_anything_starts() -> None:
    api = an_api()
    guests: list[dict[str, Any]] = [
        {"name": "a", "nics": {"net0": "name=eth0,ip=dhcp", "net1": nic()}},
        {"name": "b", "nics": {"net0": nic(bridge="vmbr1")}},
        {"name": "c", "nics": {"net0": nic(tag=20)}},
        {"name": "d", "nics": {"net0": nic()}, "state": "absent"},
        {"name": "e", "params": {"net1": "name=eth1,bridge=vmbr0,ip=192.0.2.11/24"}},
    ]
    common = {"ostemplate": TEMPLATE, "node": "pve1", "allow_destructive": True}
    with pytest.raises(UsageError, match=r"a, e have the same address 192\.0\.2\.11"):
        await fleet(api, guests=guests, **common)
    assert api.calls == []


@in_virtual_time
async def test_params_are_for_the_creation_alone_and_null_takes_an_interface_away() -> None:
    api = an_api()
    api.cluster.templates = {"pve1": [TEMPLATE]}
    options: dict[str, Any] = {
        "ostemplate": TEMPLATE,
        "node": "pve1",
        "storage": "ceph",
        "state": "present",
        "params": {"mp0": "ceph:1,mp=/srv", "cmode": "shell"},
        "nics": {"net0": "name=eth0,bridge=vmbr0", "net1": "name=eth1,bridge=vmbr1"},
        "guests": [{"name": "a", "nics": {"net1": None}, "params": {"cmode": "tty"}}],
    }
    report = await fleet(api, **options)
    assert report.problem is None, report.problem
    [made] = api.made("POST .*/lxc$")
    assert (made.params["mp0"], made.params["cmode"]) == ("ceph:1,mp=/srv", "tty")
    assert made.params["net0"] == "name=eth0,bridge=vmbr0"
    assert "net1" not in made.params
    again = await fleet(api, **options)
    assert (again.changed, again.problem) == (False, None)
    wrong = await fleet(api, **{**options, "guests": [{"name": "b"}], "params": {"vmid": 300}})
    assert "params: vmid of b is also set by an option of its own" in str(wrong.problem)


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
    plan = await run_command("fleet", api, check=True, **options)
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
    guests = [{"name": name, "state": "present"} for name in NAMES]
    for check in (True, False):
        report = await run_command("fleet", api, check=check, guests=guests, addresses=True)
        assert (report.changed, report.problem) == (False, None)
        assert [one["addresses"] for one in report.values["guests"]] == [["192.0.2.7"], [], []]
    assert len(api.made("GET .*/agent/.*")) == 4
    api.calls.clear()
    await fleet(api, guests=guests)
    assert api.made("GET .*/(agent|pending).*") == []


@in_virtual_time
async def test_a_series_counts_names_vmids_and_addresses() -> None:
    api = an_api()
    report = await fleet(
        api,
        source="tpl",
        count=3,
        name_pattern="w-%02d",
        vmid_start=400,
        ipconfig="ip=192.0.2.%d/24",
        ipconfig_start=11,
        state="present",
    )
    assert report.problem is None, report.problem
    for index in range(3):
        guest = api.cluster.guests[400 + index]
        assert guest.name == f"w-{index + 1:02d}"
        assert guest.config["ipconfig0"] == f"ip=192.0.2.{11 + index}/24"


@in_virtual_time
async def test_check_mode_plans_and_changes_nothing() -> None:
    api = an_api()
    api.cluster.add(201, name="web1", memory="2048")
    report = await run_command(
        "fleet", api, check=True, source="tpl", memory=4096, guests=[{"name": n} for n in NAMES]
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


@in_virtual_time
async def test_settings_that_wait_for_a_restart_are_reported_or_the_guest_is_rebooted() -> None:
    for pending in ("report", "reboot"):
        api = an_api()
        api.cluster.add(201, name="web1", memory="2048")
        api.cluster.guests[201].status = "running"
        api.cluster.guests[201].pending["memory"] = "4096"
        warned: list[str] = []
        report = await run_command(
            "fleet", api, warned=warned, memory=4096, guests=[{"name": "web1"}], pending=pending
        )
        assert report.problem is None, report.problem
        assert report.values["guests"][0]["pending"] == ["memory"]
        assert bool(api.made("POST .*/reboot")) == (pending == "reboot")
        assert "pending until a restart: memory" in warned[0]


@in_virtual_time
async def test_a_guest_that_two_members_stand_for_is_refused() -> None:
    api = an_api()
    api.cluster.add(201, name="web1")
    guests: list[dict[str, Any]] = [{"name": "web1"}, {"vmid": 201, "state": "absent"}]
    with pytest.raises(UsageError, match="listed more than once"):
        await fleet(api, guests=guests, allow_destructive=True)
    assert 201 in api.cluster.guests
    assert api.made("(POST|PUT|DELETE) .*") == []


@in_virtual_time
async def test_the_source_of_a_clone_is_never_removed() -> None:
    api = an_api()
    api.cluster.add(202, name="gold", tags="prod", scsi0="ceph:vm-202-disk-0")
    report = await fleet(
        api,
        guests=[{"name": "web1", "source": "0202", "tags": ["prod"]}],
        exact=True,
        selector={"tag": "prod"},
        allow_destructive=True,
    )
    assert report.problem is None, report.problem
    assert 202 in api.cluster.guests
    assert api.made("DELETE .*") == []


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
