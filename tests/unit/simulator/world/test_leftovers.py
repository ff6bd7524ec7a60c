# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker leaves behind when it is killed, and who can clear it away."""

from __future__ import annotations

from typing import Any

import pytest

OS = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
RUNNING = {"target": "pve1", "online": 1, "with-local-disks": 1}

# Method, path, parameters, node; then the guests whose config keeps a lock, and that lock.
KILLED: list[tuple[str, str, dict[str, Any], str, dict[int, str]]] = [
    ("POST", "qemu/100/clone", {"newid": 200}, "pve1", {200: "clone"}),
    ("POST", "lxc/9100/clone", {"newid": 200}, "pve1", {9100: "disk", 200: "create"}),
    ("POST", "qemu", {"vmid": 200, "scsi0": "ceph:1"}, "pve1", {200: "create"}),
    ("POST", "lxc", {"vmid": 200, "ostemplate": OS, "rootfs": "ceph:1"}, "pve1", {200: "create"}),
    ("POST", "qemu/100/snapshot", {"snapname": "one"}, "pve1", {100: "snapshot"}),
    ("DELETE", "qemu/100/snapshot/old", {}, "pve1", {100: "snapshot-delete"}),
    ("POST", "qemu/100/snapshot/old/rollback", {}, "pve1", {100: "rollback"}),
    ("POST", "qemu/101/status/suspend", {"todisk": 1}, "pve2", {101: "suspending"}),
    ("POST", "vzdump", {"vmid": "100"}, "pve1", {100: "backup"}),
    ("POST", "qemu/101/migrate", RUNNING, "pve2", {101: "migrate"}),
    ("POST", "qemu/100/status/start", {}, "pve1", {}),
    ("DELETE", "qemu/100", {}, "pve1", {}),
]


def locks(cell: Any) -> dict[int, str]:
    """The locks in the configs of all guests."""
    return {guest.vmid: guest.lock for guest in cell.world.guests.values() if guest.lock}


async def prepare(cell: Any) -> None:
    assert await cell.done("POST", "qemu/100/snapshot", {"snapname": "old"}) == "OK"
    cell.world.add_task_fault(seconds=30)


@pytest.mark.parametrize(
    ("method", "path", "params", "node", "left"), KILLED, ids=lambda value: str(value)[:40]
)
async def test_a_killed_worker_leaves_its_lock(
    cell: Any, method: str, path: str, params: Any, node: str, left: dict[int, str]
) -> None:
    await prepare(cell)
    upid = await cell.call(method, path, params, node=node)
    await cell.settle(2)
    cell.world.tasks.kill(cell.task(upid))
    assert await cell.end(upid) == "unexpected status"
    assert not cell.task(upid).lines or not cell.task(upid).lines[-1].startswith("TASK ")
    assert locks(cell) == left


@pytest.mark.parametrize(
    ("method", "path", "params", "node", "_left"), KILLED, ids=lambda value: str(value)[:40]
)
async def test_a_stopped_worker_leaves_no_lock(
    cell: Any, method: str, path: str, params: Any, node: str, _left: dict[int, str]
) -> None:
    await prepare(cell)
    upid = await cell.call(method, path, params, node=node)
    await cell.settle(2)
    await cell.call("DELETE", f"tasks/{upid}", node=node)
    assert cell.task(upid).exitstatus not in ("OK", "unexpected status")
    assert locks(cell) == {}
    assert 200 not in cell.world.guests


async def test_the_flocks_of_a_killed_worker_are_free(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/clone", {"newid": 200})
    await cell.settle(2)
    cell.world.tasks.kill(cell.task(upid))
    await cell.end(upid)
    begun = cell.clock.now()
    assert await cell.done("POST", "qemu/100/status/start") == "OK"
    assert cell.clock.now() - begun < 5


async def test_only_root_with_a_ticket_removes_what_is_locked(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/clone", {"newid": 200})
    await cell.settle(2)
    cell.world.tasks.kill(cell.task(upid))
    await cell.end(upid)
    orphan = [v.volid for v in cell.world.storages["ceph"].volumes if v.vmid == 200]
    assert cell.world.guests[200].config == {
        "lock": "clone",
        "description": " qmclone temporary file",
    }
    assert await cell.done("DELETE", "qemu/200") == "VM is locked (clone)"
    refusal = await cell.refusal("DELETE", "qemu/200", {"skiplock": 1})
    assert refusal.errors == {"skiplock": "Only root may use this option."}
    assert await cell.done("DELETE", "qemu/200", {"skiplock": 1}, tokenid=None) == "OK"
    assert 200 not in cell.world.guests
    # The config did not name the half-copied disk, so that it stays.
    assert [v.volid for v in cell.world.storages["ceph"].volumes if v.vmid == 200] == orphan


async def test_a_container_source_stays_locked_until_it_is_unlocked(cell: Any) -> None:
    upid = await cell.call("POST", "lxc/9100/clone", {"newid": 200})
    await cell.settle(0.5)
    cell.world.tasks.kill(cell.task(upid))
    await cell.end(upid)
    refusal = await cell.refusal("POST", "lxc/9100/clone", {"newid": 201})
    assert (refusal.status, refusal.message) == (500, "CT is locked (disk)")
    assert (await cell.refusal("DELETE", "lxc/200")).message == "CT is locked (create)"


async def test_a_stopped_clone_takes_a_second_to_clean_up(cell: Any) -> None:
    cell.world.add_task_fault(type="qmclone", seconds=60)
    upid = await cell.call("POST", "qemu/100/clone", {"newid": 200})
    await cell.settle(2)
    begun = cell.clock.now()
    await cell.call("DELETE", f"tasks/{upid}")
    assert 1 <= cell.clock.now() - begun <= 5.1
    assert cell.task(upid).exitstatus.startswith("clone failed: copy failed: command ")
    assert 200 not in cell.world.guests
