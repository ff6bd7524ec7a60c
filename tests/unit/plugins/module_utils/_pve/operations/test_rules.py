# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import (
    Cluster,
    Guest,
    Node,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.config import Configuration
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.snapshots import Snapshot
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.rules import (
    Need,
    Situation,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid

VM = Guest(100, "qemu", "pve1", "app1", "running")
OFF = replace(VM, status="stopped")
CT = Guest(200, "lxc", "pve1", "ct1", "running")
HIBERNATED = replace(OFF, lock="suspended")
OTHERS = (Guest(101, "qemu", "pve1", "app2", "stopped"), Guest(102, "qemu", "pve2", "app3"), CT)
CLUSTER = Cluster(
    {name: Node(name, online=True) for name in ("pve1", "pve2")},
    {guest.vmid: guest for guest in (VM, *OTHERS)},
)
TASK = Upid.parse("UPID:pve1:00000001:00000001:6B49D200:vzdump:100:root@pam:")
CONFIG = {
    "scsi0": "ceph:vm-100-disk-0,size=32G",
    "scsi1": "local:100/vm-100-disk-1.qcow2,size=8G",
    "ide2": "none,media=cdrom",
    "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0",
}


def decide(operation: str, guest: Guest = VM, /, **more: Any) -> Need:
    params = more.pop("params", {})
    return OPERATIONS[operation].rule(Situation(guest, params, CLUSTER, **more))


def acts(operation: str, guest: Guest = VM, /, **more: Any) -> bool:
    return decide(operation, guest, **more).params is not None


def refusal(operation: str, guest: Guest = VM, /, **more: Any) -> str:
    with pytest.raises(UsageError) as refused:
        decide(operation, guest, **more)
    return str(refused.value)


# Power.


def test_a_template_is_not_started() -> None:
    assert "is a template" in refusal("start", replace(OFF, template=True))
    assert not acts("shutdown", replace(OFF, template=True))


@pytest.mark.parametrize("operation", ["shutdown", "stop"])
def test_what_ha_has_given_up_is_not_asked_of_it(operation: str) -> None:
    assert "HA is in state error" in refusal(operation, replace(VM, ha="error"))
    assert acts(operation, replace(VM, ha="started"))


def test_a_guest_that_is_as_wished_is_left_alone_whatever_ha_says() -> None:
    assert not acts("start", replace(VM, ha="error"))
    assert "HA is in state error" in refusal("start", replace(OFF, ha="error"))


def test_a_migration_is_not_asked_of_ha_that_has_given_up() -> None:
    params = {"target": "pve2"}
    assert "HA is in state error" in refusal("migrate", replace(VM, ha="error"), params=params)
    assert not acts("migrate", replace(VM, ha="error"), params={"target": "pve1"})


@pytest.mark.parametrize("operation", ["reboot", "reset", "suspend", "hibernate"])
def test_only_what_runs_can_be(operation: str) -> None:
    assert refusal(operation, OFF) == "VM 100 (app1) on pve1 is not running"
    assert acts(operation)


def test_a_vm_is_paused_once() -> None:
    assert acts("suspend", status={"qmpstatus": "running"})
    assert not acts("suspend", status={"qmpstatus": "paused"})
    assert "is hibernated" in refusal("suspend", HIBERNATED, status={"qmpstatus": "stopped"})


def test_a_container_is_suspended_where_it_runs() -> None:
    assert acts("suspend", CT)
    assert "is not running" in refusal("suspend", replace(CT, status="stopped"))


def test_a_vm_hibernates_once_and_not_under_ha() -> None:
    assert not acts("hibernate", HIBERNATED)
    assert "managed by HA" in refusal("hibernate", replace(VM, ha="started"))


def test_what_is_paused_or_hibernated_is_resumed() -> None:
    assert acts("resume", status={"qmpstatus": "paused"})
    assert acts("resume", HIBERNATED, status={"qmpstatus": "stopped"})
    assert not acts("resume", status={"qmpstatus": "running"})
    assert "can be started, not resumed" in refusal("resume", OFF, status={"qmpstatus": "stopped"})


def test_a_container_that_stands_still_may_be_a_suspended_one() -> None:
    assert acts("resume", replace(CT, status="stopped"))
    assert not acts("resume", CT)


# Snapshots.

OLD, NEW = Snapshot("old", 1_800_000_000), Snapshot("new", 1_800_000_100)


def test_a_snapshot_of_a_name_is_taken_once() -> None:
    assert acts("snapshot", params={"snapname": "old"})
    assert not acts("snapshot", params={"snapname": "old"}, snapshots=(OLD, NEW))


@pytest.mark.parametrize(
    ("guest", "params", "why"),
    [
        (VM, {}, "snapname is missing"),
        (VM, {"snapname": "current"}, "reserved"),
        (VM, {"snapname": "pending"}, "reserved"),
        (CT, {"snapname": "a1", "vmstate": 1}, "vmstate is for VMs"),
        (replace(OFF, template=True), {"snapname": "a1"}, "is a template"),
    ],
)
def test_a_snapshot_that_cannot_be(guest: Guest, params: dict[str, Any], why: str) -> None:
    assert why in refusal("snapshot", guest, params=params)


def test_a_guest_goes_back_to_a_snapshot_that_it_has() -> None:
    assert acts("rollback", params={"snapname": "old"}, snapshots=(OLD, NEW))
    why = refusal("rollback", params={"snapname": "gone"}, snapshots=(OLD, NEW))
    assert why == "VM 100 (app1) on pve1 has no snapshot 'gone'; there are old, new"
    assert "there are none" in refusal("rollback", params={"snapname": "gone"})


def test_zfs_goes_back_to_the_newest_snapshot_alone() -> None:
    there = {
        "snapshots": (OLD, NEW),
        "current": Configuration({"scsi0": "tank:vm-100-disk-0", "scsi1": "ceph:vm-100-disk-1"}),
        "storages": {"tank": "zfspool", "ceph": "rbd"},
    }
    why = refusal("rollback", params={"snapname": "old"}, **there)
    assert "disks on tank" in why
    assert "deleted first: new" in why
    assert acts("rollback", params={"snapname": "new"}, **there)
    assert acts("rollback", params={"snapname": "old"}, **{**there, "storages": {}})


def test_a_snapshot_that_is_not_there_counts_as_deleted() -> None:
    assert not acts("delete_snapshot", params={"snapname": "gone"}, snapshots=(OLD,))
    assert acts("delete_snapshot", params={"snapname": "old"}, snapshots=(OLD,))


# Disks.


def test_a_disk_is_moved_where_it_is_not_there_yet() -> None:
    current = Configuration(CONFIG)
    assert acts("move_disk", params={"disk": "scsi0", "storage": "nfs"}, current=current)
    assert not acts("move_disk", params={"disk": "scsi0", "storage": "ceph"}, current=current)


def test_another_format_is_a_move_too() -> None:
    params, current = {"disk": "scsi1", "storage": "local"}, Configuration(CONFIG)
    assert not acts("move_disk", params={**params, "format": "qcow2"}, current=current)
    assert acts("move_disk", params={**params, "format": "raw"}, current=current)


def test_a_volume_of_a_container_is_moved_by_either_name() -> None:
    current = Configuration({"mp0": "volume=ceph:vm-200-disk-1,mp=/data"})
    for name in ("disk", "volume"):
        assert not acts("move_disk", CT, params={name: "mp0", "storage": "ceph"}, current=current)
        assert acts("move_disk", CT, params={name: "mp0", "storage": "nfs"}, current=current)


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"storage": "nfs"}, "disk is missing"),
        ({"disk": "scsi0"}, "storage is missing"),
        ({"disk": "scsi9", "storage": "nfs"}, "has no disk 'scsi9'"),
        ({"disk": "ide2", "storage": "nfs"}, "which cannot be moved"),
    ],
)
def test_a_disk_that_cannot_be_moved(params: dict[str, Any], why: str) -> None:
    assert why in refusal("move_disk", params=params, current=Configuration(CONFIG))


def test_a_disk_is_detached_once() -> None:
    params, current = {"disk": "scsi1"}, Configuration(CONFIG)
    assert acts("detach_disk", params=params, current=current)
    assert not acts("detach_disk", params=params, current=Configuration({}))
    need = decide("detach_disk", params=params, current=replace(current, pending={"scsi1": None}))
    assert need == Need(None, ("scsi1",))


@pytest.mark.parametrize("disk", ["rootfs", "unused0", "net0", ""])
def test_what_is_no_disk_is_not_detached(disk: str) -> None:
    refusal("detach_disk", CT, params={"disk": disk}, current=Configuration(CONFIG))


def test_a_disk_is_given_to_a_guest_beside_its_own() -> None:
    params, current = {"disk": "scsi1", "target-vmid": 101}, Configuration(CONFIG)
    assert acts("reassign_disk", params=params, current=current)
    for vmid, why in ((999, "no guest 999"), (102, "same node"), (200, "both have to be VMs")):
        given = {**params, "target-vmid": vmid}
        assert why in refusal("reassign_disk", params=given, current=current)
    given = {**params, "disk": "scsi9"}
    assert "has no disk" in refusal("reassign_disk", params=given, current=current)


# Locks, creations, restores.


def test_a_lock_goes_that_nobody_holds() -> None:
    locked = replace(OFF, lock="backup")
    assert acts("unlock", locked)
    assert not acts("unlock", OFF)
    assert str(TASK) in refusal("unlock", locked, tasks=(TASK,))


def test_a_guest_is_created_where_there_is_none() -> None:
    assert acts("create_vm", params={"name": "app1"}, exists=False)
    assert not acts("create_vm", params={"name": "app1"})
    assert not acts("create_vm")
    assert "not 'other'" in refusal("create_vm", params={"name": "other"})


def test_a_backup_takes_the_place_of_a_guest_only_with_force_and_where_it_stands_still() -> None:
    forced = {"archive": "local:backup/a.vma", "force": 1}
    assert acts("restore", params={"archive": "local:backup/a.vma"}, exists=False)
    assert "with force" in refusal("restore", OFF, params={"archive": "local:backup/a.vma"})
    assert acts("restore", OFF, params=forced)
    assert "set force_stop" in refusal("restore", params=forced)
    assert decide("restore", params=forced, force_stop=True) == Need(forced, stop_first=True)


def test_a_clone_does_not_get_the_vmid_of_another_guest() -> None:
    assert acts("clone", params={"newid": 300})
    assert "newid 101 is VM 101" in refusal("clone", params={"newid": 101})


def test_what_ha_manages_does_not_leave_the_cluster() -> None:
    assert "managed by HA" in refusal("remote_migrate", replace(VM, ha="started"))
    assert acts("remote_migrate")
