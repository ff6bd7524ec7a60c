# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloning containers: one at a time, because the source is locked by the call itself."""

from __future__ import annotations

from typing import Any

import pytest

CLONE = "lxc/9100/clone"


async def test_a_template_is_cloned_linked_with_another_address(cell: Any) -> None:
    assert await cell.done("POST", CLONE, {"newid": 200, "hostname": "web"}) == "OK"
    clone, source = cell.world.guests[200].config, cell.world.guests[9100].config
    assert clone["rootfs"] == "ceph:base-9100-disk-0/vm-200-disk-0,size=4G"
    assert clone["hostname"] == "web"
    assert clone["net0"] != source["net0"]
    assert "lock" not in clone
    assert "lock" not in source


async def test_while_one_runs_the_source_and_the_target_are_locked(cell: Any) -> None:
    upid = await cell.call("POST", CLONE, {"newid": 200, "full": 1})
    assert cell.world.guests[9100].lock == "disk"
    assert cell.world.guests[200].lock == "create"
    refusals = [
        await cell.refusal("POST", CLONE, {"newid": 201}),
        await cell.refusal("DELETE", "lxc/9100"),
        await cell.refusal("PUT", "lxc/9100/config", {"description": "x"}),
    ]
    assert {refusal.message for refusal in refusals} == {"CT is locked (disk)"}
    assert await cell.done("POST", "lxc/9100/status/start") == "CT is locked (disk)"
    assert await cell.end(upid) == "OK"
    assert cell.task(upid).lines[0] == "creating a clone of container 9100 with ID 200"
    assert await cell.done("POST", CLONE, {"newid": 201}) == "OK"


async def test_a_vmid_in_use_anywhere_is_refused_and_the_source_unlocked(cell: Any) -> None:
    for newid, text in (
        (100, "VM 100 already exists on node 'pve1'"),
        (101, "VM 101 already exists on node 'pve2'"),
    ):
        assert (await cell.refusal("POST", CLONE, {"newid": newid})).message == text
        assert cell.world.guests[9100].lock is None


async def test_a_stopped_clone_leaves_nothing_and_unlocks_the_source(cell: Any) -> None:
    upid = await cell.call("POST", CLONE, {"newid": 200, "full": 1})
    await cell.settle(1)
    await cell.call("DELETE", f"tasks/{upid}")
    assert cell.task(upid).exitstatus == "clone failed: interrupted by signal"
    assert 200 not in cell.world.guests
    assert cell.world.guests[9100].lock is None
    assert not any(v.vmid == 200 for v in cell.world.storages["ceph"].volumes)


async def test_a_killed_clone_leaves_both_locks(cell: Any) -> None:
    cell.world.add_task_fault(type="vzclone", exitstatus="unexpected status")
    assert await cell.done("POST", CLONE, {"newid": 200}) == "unexpected status"
    assert cell.world.guests[9100].lock == "disk"
    assert cell.world.guests[200].lock == "create"


async def test_a_running_container_is_cloned_from_a_snapshot_only(cell: Any) -> None:
    await cell.done("POST", CLONE, {"newid": 200})
    assert await cell.done("POST", "lxc/200/snapshot", {"snapname": "one"}) == "OK"
    assert await cell.done("POST", "lxc/200/status/start") == "OK"
    refusal = await cell.refusal("POST", "lxc/200/clone", {"newid": 201})
    assert refusal.message == "Full clone of a running container is only possible from a snapshot"
    assert await cell.done("POST", "lxc/200/clone", {"newid": 201, "snapname": "one"}) == "OK"


async def test_a_linked_clone_of_a_guest_that_is_not_a_template_is_refused(cell: Any) -> None:
    await cell.done("POST", CLONE, {"newid": 200, "full": 1})
    refusal = await cell.refusal("POST", "lxc/200/clone", {"newid": 201, "full": 0})
    assert refusal.message == "Linked clone feature for 'ceph:vm-200-disk-0' is not available"


async def test_a_clone_can_go_to_another_node_and_into_a_pool(cell: Any) -> None:
    refusal = await cell.refusal("POST", CLONE, {"newid": 200, "pool": "nosuch"})
    assert (refusal.status, refusal.message) == (
        403,
        "Permission check failed (pool 'nosuch' does not exist)",
    )
    assert await cell.done("POST", CLONE, {"newid": 200, "target": "pve3"}) == "OK"
    assert cell.world.guests[200].node == "pve3"


@pytest.mark.parametrize(
    ("mount", "kind"), [("/srv/data,mp=/srv", "bind"), ("/dev/sdb1,mp=/srv", "device")]
)
async def test_volumes_outside_the_storages_are_not_cloned(
    cell: Any, mount: str, kind: str
) -> None:
    cell.world.guests[9100].config["mp0"] = mount
    refusal = await cell.refusal("POST", CLONE, {"newid": 200})
    assert refusal.message == f"unable to clone mountpoint 'mp0' (type {kind})"
    assert cell.world.guests[9100].lock is None
    assert 200 not in cell.world.guests
