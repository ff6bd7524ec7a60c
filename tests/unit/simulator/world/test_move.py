# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving disks and volumes: to another storage, and to another guest."""

from __future__ import annotations

from typing import Any

import pytest


def names(cell: Any, storage: str, vmid: int) -> list[str]:
    """The volumes of a guest on a storage."""
    return sorted(v.volid for v in cell.world.storages[storage].volumes if v.vmid == vmid)


async def test_a_moved_disk_leaves_its_source_unused(cell: Any) -> None:
    params = {"disk": "scsi0", "storage": "local-lvm"}
    upid = await cell.call("POST", "qemu/100/move_disk", params)
    assert ":qmmove:100:" in upid
    await cell.settle(1)
    assert cell.world.guests[100].lock is None
    assert await cell.end(upid) == "OK"
    config = cell.world.guests[100].config
    assert config["scsi0"] == "local-lvm:vm-100-disk-0,size=16G"
    assert config["unused0"] == "ceph:vm-100-disk-0"
    lines = cell.task(upid).lines
    storages = "from current storage 'ceph' to target storage 'local-lvm'"
    assert lines[:2] == [
        f"copying volume 'ceph:vm-100-disk-0' {storages}",
        "create full clone of drive scsi0 (ceph:vm-100-disk-0)",
    ]
    assert "(100.00%)" in lines[-3]
    assert lines[-2] == "adding source volume 'ceph:vm-100-disk-0' as 'unused0' to config"


async def test_with_delete_the_source_is_removed(recorded: Any) -> None:
    params = {"disk": "scsi0", "storage": "local", "delete": 1}
    assert await recorded.done("POST", "qemu/101/move_disk", params) == "OK"
    assert names(recorded, "store1", 101) == []
    assert names(recorded, "local", 101) == ["local:101/vm-101-disk-0.qcow2"]
    assert "unused0" not in recorded.world.guests[101].config


async def test_the_lock_is_held_for_the_whole_copy(cell: Any) -> None:
    cell.world.add_task_fault(type="qmmove", seconds=40)
    await cell.call("POST", "qemu/100/move_disk", {"disk": "scsi0", "storage": "local-lvm"})
    await cell.settle(1)
    lock = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout"
    begun = cell.clock.now()
    assert (await cell.refusal("PUT", "qemu/100/config", {"cores": 1})).message == lock
    assert 10 <= cell.clock.now() - begun < 10.1


async def test_a_stopped_move_leaves_nothing(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/move_disk", {"disk": "scsi0", "storage": "local-lvm"})
    await cell.settle(2)
    await cell.call("DELETE", f"tasks/{upid}")
    assert cell.task(upid).exitstatus.startswith("storage migration failed: copy failed: command ")
    assert names(cell, "local-lvm", 100) == []
    assert cell.world.guests[100].config["scsi0"].startswith("ceph:vm-100-disk-0")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"disk": "scsi9", "storage": "local-lvm"}, "disk 'scsi9' does not exist"),
        ({"disk": "scsi0", "storage": "nosuch"}, "storage 'nosuch' does not exist"),
        (
            {"disk": "scsi0", "storage": "ceph"},
            "you can't move to the same storage with same format",
        ),
        ({"disk": "scsi0"}, "either set storage or target-vmid, but not both\n"),
        (
            {"disk": "scsi0", "target-vmid": 9000},
            "Can't move disks from or to template VMs",
        ),
    ],
)
async def test_a_move_refuses_invalid_requests(cell: Any, params: Any, message: str) -> None:
    assert (await cell.refusal("POST", "qemu/100/move_disk", params)).message == message


async def test_a_disk_given_to_another_vm_is_renamed(cell: Any) -> None:
    assert await cell.done("POST", "qemu", {"vmid": 200, "name": "taker"}) == "OK"
    params = {"disk": "scsi0", "target-vmid": 200, "target-disk": "scsi1"}
    upid = await cell.call("POST", "qemu/100/move_disk", params)
    assert ":qmmove:100-scsi0>200-scsi1:" in upid
    assert await cell.end(upid) == "OK"
    assert names(cell, "ceph", 200) == ["ceph:vm-200-disk-0"]
    assert "scsi0" not in cell.world.guests[100].config
    assert cell.world.guests[200].config["scsi1"] == "ceph:vm-200-disk-0,size=16G"


async def make_ct(cell: Any, vmid: int) -> None:
    """A container with a root and one more volume on ceph."""
    params = {
        "vmid": vmid,
        "ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
        "rootfs": "ceph:2",
        "mp0": "ceph:1,mp=/srv",
    }
    assert await cell.done("POST", "lxc", params) == "OK"


async def test_a_container_is_locked_by_the_call_itself(cell: Any) -> None:
    await make_ct(cell, 200)
    params = {"volume": "mp0", "storage": "local-lvm", "delete": 1}
    upid = await cell.call("POST", "lxc/200/move_volume", params)
    assert ":move_volume:200:" in upid
    assert cell.world.guests[200].lock == "disk"
    refusal = await cell.refusal("POST", "lxc/200/move_volume", params)
    assert refusal.message == "CT is locked (disk)"
    assert await cell.end(upid) == "OK"
    assert cell.world.guests[200].lock is None
    assert cell.world.guests[200].config["mp0"] == "local-lvm:vm-200-disk-0,mp=/srv,size=1G"
    assert len(names(cell, "ceph", 200)) == 1


async def test_a_killed_move_leaves_the_container_locked(cell: Any) -> None:
    await make_ct(cell, 200)
    params = {"volume": "mp0", "storage": "local-lvm"}
    upid = await cell.call("POST", "lxc/200/move_volume", params)
    await cell.settle(1)
    cell.world.tasks.kill(cell.task(upid))
    assert await cell.end(upid) == "unexpected status"
    assert cell.world.guests[200].lock == "disk"
    assert names(cell, "local-lvm", 200) == ["local-lvm:vm-200-disk-0"]


async def test_a_volume_given_to_another_container_is_renamed(cell: Any) -> None:
    await make_ct(cell, 200)
    await make_ct(cell, 201)
    params = {"volume": "mp0", "target-vmid": 201, "target-volume": "mp1"}
    upid = await cell.call("POST", "lxc/200/move_volume", params)
    assert ":move_volume:200-mp0>201-mp1:" in upid
    assert await cell.end(upid) == "OK"
    assert cell.world.guests[201].config["mp1"] == "ceph:vm-201-disk-2,mp=/srv,size=1G"
    params = {"volume": "rootfs", "target-vmid": 201, "target-volume": "mp2"}
    refusal = await cell.refusal("POST", "lxc/200/move_volume", params)
    assert refusal.message == "Can't move to/from 'rootfs'"


async def test_a_disk_is_detached_and_removed(cell: Any) -> None:
    assert await cell.call("PUT", "qemu/100/unlink", {"idlist": "scsi0"}) is None
    assert cell.world.guests[100].config["unused0"] == "ceph:vm-100-disk-0"
    await cell.call("PUT", "qemu/100/unlink", {"idlist": "unused0"})
    assert names(cell, "ceph", 100) == []


async def test_without_quorum_a_copy_is_made_and_then_discarded(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/move_disk", {"disk": "scsi0", "storage": "local-lvm"})
    cell.world.quorate = False
    status = await cell.end(upid)
    assert status.startswith("storage migration failed: unable to open file '/etc/pve/nodes/pve1/")
    assert names(cell, "local-lvm", 100) == []
    assert cell.world.guests[100].config["scsi0"].startswith("ceph:vm-100-disk-0")
