# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configurations on a simulated cluster: no volume or address is lost, nothing is set twice."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import Cluster, cluster

VM, CT = 100, 300


def operate(there: Cluster, operation: str, vmid: int, **options: Any) -> Report:
    return asyncio.run(there.run("operation", operation=operation, guests=[vmid], **options))


def configure(there: Cluster, vmid: int, params: dict[str, Any], **options: Any) -> Report:
    """Configure a guest, and check that a second call has nothing to do."""
    report = operate(there, "configure", vmid, params=params, **options)
    assert report.problem is None, report.problem
    again = operate(there, "configure", vmid, params=params, **options)
    assert not again.changed, again.diff
    return report


def config(there: Cluster, vmid: int) -> dict[str, Any]:
    values: dict[str, Any] = dict(there.truth().guests[vmid]["config"])
    return values


def volume(value: str) -> str:
    return value.split(",", 1)[0]


def a_container(there: Cluster) -> None:
    """A running full clone of the container template."""
    report = asyncio.run(there.run("clone", source=9100, vmid=CT, name="ct1", full=True))
    assert report.problem is None, report.problem
    assert operate(there, "start", CT).problem is None


@pytest.mark.parametrize("running", [False, True])
def test_a_disk_is_created_once_and_kept_with_other_properties(running: bool) -> None:
    with cluster() as there:
        if running:
            operate(there, "start", VM)
        configure(there, VM, {"scsi1": "ceph:64"})
        disk = volume(config(there, VM)["scsi1"])
        configure(there, VM, {"scsi1": "ceph:64,discard=on"})
        assert volume(config(there, VM)["scsi1"]) == disk
        assert "discard=on" in config(there, VM)["scsi1"]
        assert not [name for name in config(there, VM) if name.startswith("unused")]


@pytest.mark.parametrize(
    ("option", "wish"),
    [
        ("efidisk0", "ceph:1,efitype=4m,pre-enrolled-keys=1"),
        ("tpmstate0", "ceph:1,version=v2.0"),
        ("ide2", "ceph:cloudinit"),
    ],
)
def test_a_special_disk_is_created_once(option: str, wish: str) -> None:
    with cluster() as there:
        configure(there, VM, {option: wish})
        disk = volume(config(there, VM)[option])
        configure(there, VM, {option: wish})
        assert volume(config(there, VM)[option]) == disk


def test_a_mount_point_is_created_once_and_kept() -> None:
    with cluster() as there:
        a_container(there)
        configure(there, CT, {"mp0": "ceph:8,mp=/data"})
        disk = volume(config(there, CT)["mp0"])
        configure(there, CT, {"mp0": {"volume": "ceph:8", "mp": "/data", "backup": True}})
        assert volume(config(there, CT)["mp0"]) == disk


def test_an_interface_keeps_its_address_when_its_tag_changes() -> None:
    with cluster() as there:
        [address] = re.findall("BC:24:11[0-9A-F:]+", config(there, VM)["net0"])
        configure(there, VM, {"net0": "virtio,bridge=vmbr0,firewall=1"})
        configure(there, VM, {"net0": {"virtio": None, "bridge": "vmbr0", "tag": 20}})
        now = config(there, VM)["net0"]
        assert address in now
        assert "tag=20" in now
        assert "firewall" not in now


def test_pending_changes_take_effect_by_a_reboot_if_requested() -> None:
    with cluster() as there:
        operate(there, "start", VM)
        wish = {"memory": 4096, "balloon": 0, "cores": 2}
        report = configure(there, VM, wish)
        assert report.values["guests"][0]["pending"]
        report = operate(there, "configure", VM, params=wish, apply="now")
        assert report.problem is None, report.problem
        assert report.values["guests"][0]["pending"] == []
        assert there.truth().guests[VM]["status"] == "running"
        assert len(there.truth().of_type("qmreboot")) == 1


def test_what_is_pending_is_reverted_once() -> None:
    with cluster() as there:
        operate(there, "start", VM)
        pending = configure(there, VM, {"memory": 4096}).values["guests"][0]["pending"]
        report = configure(there, VM, {"revert": pending})
        assert report.values["guests"][0]["changed"]
        assert report.values["guests"][0]["pending"] == []


@pytest.mark.parametrize("vmid", [VM, CT])
def test_a_running_guest_is_stopped_and_deleted_if_requested(vmid: int) -> None:
    with cluster() as there:
        if vmid == CT:
            a_container(there)
        else:
            operate(there, "start", VM)
        report = operate(there, "delete", vmid, allow_destructive=True, force_stop=True)
        assert report.problem is None, report.problem
        assert report.values["guests"][0]["outcome"] == "ok"
        assert vmid not in there.truth().guests


def test_a_volume_of_a_container_whose_answer_got_lost_is_not_created_twice() -> None:
    with cluster() as there:
        a_container(there)
        there.fault("drop", when="after", method="PUT", path="/nodes/*/lxc/*/config")
        report = operate(there, "configure", CT, params={"mp0": "ceph:8,mp=/data"})
        assert report.problem is None, report.problem
        assert "mp0" in config(there, CT)
        assert not [name for name in config(there, CT) if name.startswith("unused")]
        assert len(volumes(there, CT)) == 2


def volumes(there: Cluster, vmid: int) -> list[str]:
    """The volumes of a guest on the storage ceph, even unreferenced ones."""
    listed = asyncio.run(_content(there))
    return [one["volid"] for one in listed if f"-{vmid}-" in one["volid"]]


async def _content(there: Cluster) -> list[dict[str, Any]]:
    async with there.client() as client:
        answer = await client.get(("nodes", "pve1", "storage", "ceph", "content"))
    return list(answer.data)
