# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.tests.unit.cloning import (
    CLONE,
    OS_TEMPLATE,
    an_api,
    fleet,
    steps_of,
)
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

NAMES = ("web1", "web2", "web3")


@in_virtual_time
async def test_guests_are_cloned_configured_and_started_each_at_its_own_pace() -> None:
    api = an_api()
    guests = [{"name": name} for name in NAMES]
    report = await fleet(api, source="tpl", memory=4096, guests=guests)
    assert report.problem is None, report.problem
    made = {guest.name: guest for guest in api.cluster.guests.values()}
    assert {made[name].config["memory"] for name in NAMES} == {"4096"}
    assert {made[name].status for name in NAMES} == {"running"}
    for one in steps_of(report):
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
    assert len(str(report.problem).split("\n")) >= 4
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
    api.cluster.templates = {"pve1": [OS_TEMPLATE]}
    guests = [
        {
            "name": "ct1",
            "ostemplate": OS_TEMPLATE,
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
async def test_params_are_for_the_creation_alone_and_null_takes_an_interface_away() -> None:
    api = an_api()
    api.cluster.templates = {"pve1": [OS_TEMPLATE]}
    options: dict[str, Any] = {
        "ostemplate": OS_TEMPLATE,
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
async def test_a_source_that_is_named_in_several_ways_is_read_once() -> None:
    api = an_api()
    guests = [
        {"name": "web1", "source": "tpl"},
        {"name": "web2", "source": "9000"},
        {"name": "web3", "source": " tpl"},
    ]
    report = await fleet(api, guests=guests)
    assert report.problem is None, report.problem
    assert len(api.made("GET .*/9000/config")) == 1
    assert len(api.made(CLONE)) == 3
