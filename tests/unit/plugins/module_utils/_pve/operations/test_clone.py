# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.clone import (
    CloneSource,
    clone_job,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.lane import Lane

VM = Guest(100, "qemu", "pve1", "app1", "stopped")
CT = Guest(200, "lxc", "pve2", "ct1", "stopped")


def job(
    guest: Guest, *, storages: tuple[str, ...] = (), movable: bool = False, **options: Any
) -> Job:
    target = Guest(301, guest.type, options.pop("node", guest.node), "web1")
    return clone_job(CloneSource(guest, storages), target, options, None, movable=movable)


@pytest.mark.parametrize(
    ("guest", "exclusive"),
    [
        (VM, False),
        (replace(VM, template=True), False),
        (replace(VM, status="running"), True),
        (CT, True),
        (replace(CT, template=True), True),
    ],
    ids=lambda value: getattr(value, "title", value),
)
def test_proxmox_ve_s_own_locks_decide_whether_a_source_is_shared(
    guest: Guest, exclusive: bool
) -> None:
    assert Lane(f"source {guest.vmid}", exclusive) in job(guest).lanes


def test_a_vm_is_cloned_on_its_own_node_and_moves_at_the_end() -> None:
    made = job(VM, node="pve3", full=True)
    assert made.path == ("nodes", "pve1", "qemu", 100, "clone")
    assert made.params == {"newid": 301, "name": "web1", "target": "pve3", "full": True}
    assert (made.node, made.target.node) == ("pve1", "pve3")
    assert (made.task_type, made.task_id, made.timeout) == ("qmclone", "100", 7200)


def test_a_container_has_a_hostname() -> None:
    made = job(CT)
    assert made.params == {"newid": 301, "hostname": "web1", "target": None}
    assert (made.task_type, made.path[2]) == ("vzclone", "lxc")


@pytest.mark.parametrize(
    ("storages", "options", "storage"),
    [((), {}, None), (("ceph", "nfs"), {}, "ceph"), (("ceph",), {"storage": "nfs"}, "nfs")],
)
def test_the_storage_that_fills_has_a_lane(
    storages: tuple[str, ...], options: dict[str, Any], storage: str | None
) -> None:
    made = job(VM, storages=storages, **options)
    assert made.storage == storage
    assert (Lane(f"storage {storage}") in made.lanes) is (storage is not None)


def test_a_movable_job_can_have_another_vmid() -> None:
    made = job(VM, movable=True, node="pve3")
    assert made.readdress is not None
    other = made.readdress(400)
    assert (other.target.vmid, other.params["newid"], other.target.name) == (400, 400, "web1")
    assert Lane("vmid 400", exclusive=True) in other.lanes
    assert Lane("vmid 301", exclusive=True) not in other.lanes
    assert other.readdress is not None
    assert job(VM).readdress is None


def test_the_storages_of_a_source_are_those_of_its_disks() -> None:
    config = {
        "scsi0": "ceph:vm-100-disk-0,size=8G",
        "virtio1": "nfs:100/vm-100-disk-1.qcow2,size=8G",
        "ide2": "none,media=cdrom",
        "net0": "virtio=BC:24:11:00:01:00,bridge=vmbr0",
        "name": "local:not-a-disk",
        "mp0": "local-lvm:vm-100-disk-2,mp=/srv",
        "cores": 2,
    }
    assert CloneSource.read(VM, config).storages == ("ceph", "local-lvm", "nfs")
