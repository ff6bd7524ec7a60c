# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lost quorum stops, when, and what it leaves behind."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pvesim.volumes import find_volume

DENIED = r"unable to open file '/etc/pve/nodes/pve1/{}\.conf\.tmp\.\d+' - {}"


async def lose_in_the_middle(cell: Any, path: str, params: dict[str, Any]) -> str:
    """Start a task, lose quorum while it works; its exit status."""
    upid = await cell.call("POST", path, params)
    await cell.settle(0.5)
    assert cell.task(upid).running
    cell.world.quorate = False
    status: str = await cell.end(upid)
    return status


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("qemu/100/status/start", {}),
        ("qemu/9000/clone", {"newid": 300}),
        ("lxc/9100/clone", {"newid": 300}),
        ("qemu", {"vmid": 300}),
        ("qemu/100/migrate", {"target": "pve2"}),
    ],
)
async def test_writes_are_refused_at_once(cell: Any, path: str, params: Any) -> None:
    cell.world.quorate = False
    began = cell.clock.now()
    refusal = await cell.refusal("POST", path, params)
    assert refusal.message == "cluster not ready - no quorum?"
    assert cell.clock.now() - began < 0.1


async def test_a_config_is_not_written(cell: Any) -> None:
    cell.world.quorate = False
    refusal = await cell.refusal("PUT", "qemu/100/config", {"description": "nq"})
    assert_denied(refusal.message, "qemu-server/100")


def assert_denied(text: str, file: str, why: str = "Permission denied", prefix: str = "") -> None:
    assert re.fullmatch(prefix + DENIED.format(file, why), text), text


async def test_a_clone_in_the_middle_leaves_its_config_locked(cell: Any) -> None:
    status = await lose_in_the_middle(cell, "qemu/9000/clone", {"newid": 300, "full": 1})
    assert_denied(status, "qemu-server/300", prefix="clone failed: ")
    assert cell.world.guests[300].config == {
        "lock": "clone",
        "description": " qmclone temporary file",
    }
    cell.world.quorate = True
    await cell.settle(60)
    assert cell.world.guests[300].lock == "clone", "nobody repairs it"


async def test_a_clone_of_a_container_leaves_both_locked(cell: Any) -> None:
    upid = await cell.call("POST", "lxc/9100/clone", {"newid": 300, "full": 1})
    await cell.settle(0.5)
    cell.world.quorate = False
    assert_denied(await cell.end(upid), "lxc/300", prefix="clone failed: ")
    assert cell.world.guests[9100].lock == "disk"
    assert cell.world.guests[300].lock == "create"
    assert cell.world.guests[300].name == cell.world.guests[9100].name
    assert cell.task(upid).lines[-3:-1] == [
        "Failed to remove target CT config - failed to remove config file: Permission denied",
        "",
    ]


async def test_a_delete_destroys_the_disks_and_then_fails(cell: Any) -> None:
    volume = str(cell.world.guests[100].config["scsi0"]).partition(",")[0]
    upid = await cell.call("DELETE", "qemu/100")
    cell.world.quorate = False
    assert_denied(await cell.end(upid), "qemu-server/100")
    assert 100 in cell.world.guests
    assert find_volume(cell.world, volume, "pve1") is None
    cell.world.quorate = True
    assert await cell.done("POST", "qemu/100/status/start") == f"volume '{volume}' does not exist"


async def test_a_snapshot_in_the_middle_leaves_its_lock(cell: Any) -> None:
    status = await lose_in_the_middle(cell, "qemu/100/snapshot", {"snapname": "s1"})
    assert_denied(status, "qemu-server/100")
    assert cell.world.guests[100].lock == "snapshot"


async def test_a_backup_in_the_middle_keeps_its_lock(cell: Any) -> None:
    status = await lose_in_the_middle(cell, "vzdump", {"vmid": "100", "storage": "local"})
    assert status == "job errors"
    assert cell.world.guests[100].lock == "backup"


async def test_without_pmxcfs_the_file_does_not_exist(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/9000/clone", {"newid": 300, "full": 1})
    await cell.settle(0.5)
    cell.world.set_pmxcfs("pve1", "down")
    status = await cell.end(upid)
    assert_denied(status, "qemu-server/300", "No such file or directory", "clone failed: ")


async def test_stopping_needs_no_quorum(cell: Any) -> None:
    await cell.done("POST", "qemu/100/status/start")
    cell.world.quorate = False
    assert await cell.done("POST", "qemu/100/status/stop") == "OK"
    assert await cell.call("GET", "/cluster/nextid") == "102"
