# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrating guests: what moves, what is refused before the task and what only in it."""

from __future__ import annotations

import re
from typing import Any

import pytest

STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")


def texts(lines: list[str]) -> list[str]:
    """The lines without their time stamps, which all but the last have."""
    assert all(STAMP.match(line) for line in lines[:-1])
    return [STAMP.sub("", line) for line in lines]


async def test_a_stopped_vm_on_shared_storage_moves_with_its_config_alone(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/migrate", {"target": "pve2"})
    assert ":qmigrate:100:" in upid
    assert upid.startswith("UPID:pve1:")
    assert await cell.end(upid) == "OK"
    assert cell.world.guests[100].node == "pve2"
    assert cell.world.guests[100].lock is None
    lines = texts(cell.task(upid).lines)
    assert lines[0] == "starting migration of VM 100 to node 'pve2' (192.0.2.12)"
    assert re.fullmatch(r"migration finished successfully \(duration 00:00:0\d\)", lines[1])
    refusal = await cell.refusal("GET", "qemu/100/status/current")
    assert refusal.message.startswith("Configuration file 'nodes/pve1/qemu-server/100.conf'")


async def test_a_running_vm_needs_online_and_local_disks_need_one_more_option(cell: Any) -> None:
    where = {"target": "pve1"}
    refusal = await cell.refusal("POST", "qemu/101/migrate", where, node="pve2")
    assert refusal.message == "can't migrate running VM without --online"
    upid = await cell.call("POST", "qemu/101/migrate", where | {"online": 1}, node="pve2")
    assert await cell.end(upid) == "migration aborted"
    reason = "can't live migrate attached local disks without with-local-disks option"
    scan = "Problem found while scanning volumes - can't migrate VM - check log"
    assert texts(cell.task(upid).lines)[2:] == [
        "found local disk 'local-lvm:vm-101-disk-0' (attached)",
        f"can't migrate local disk 'local-lvm:vm-101-disk-0': {reason}",
        f"ERROR: {scan}",
        "aborting phase 1 - cleanup resources",
        f"ERROR: migration aborted (duration 00:00:00): {scan}",
        "TASK ERROR: migration aborted",
    ]
    options = where | {"online": 1, "with-local-disks": 1}
    assert await cell.done("POST", "qemu/101/migrate", options, node="pve2") == "OK"
    guest = cell.world.guests[101]
    assert (guest.node, guest.running, guest.lock) == ("pve1", True, None)
    (volume,) = [v for v in cell.world.storages["local-lvm"].volumes if v.vmid == 101]
    assert volume.node == "pve1"


async def test_a_vm_is_locked_while_it_moves(cell: Any) -> None:
    options = {"target": "pve1", "online": 1, "with-local-disks": 1}
    upid = await cell.call("POST", "qemu/101/migrate", options, node="pve2")
    await cell.settle(1)
    assert cell.world.guests[101].lock == "migrate"
    refusal = await cell.refusal("POST", "qemu/101/migrate", options, node="pve2")
    assert refusal.message == "VM is locked (migrate)"
    await cell.call("DELETE", f"tasks/{upid}", node="pve2")
    assert cell.task(upid).exitstatus == "migration problems"
    reason = "online migrate failure - remote command failed with exit code -1"
    assert reason in cell.task(upid).lines[-5]
    guest = cell.world.guests[101]
    assert (guest.node, guest.lock, guest.running) == ("pve2", None, True)
    assert [v.node for v in cell.world.storages["local-lvm"].volumes if v.vmid == 101] == ["pve2"]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"target": "pve1"}, {"target": "target is local node."}),
        ({"target": "pve2", "force": 1}, {"force": "Only root may use this option."}),
    ],
)
async def test_a_parameter_refuses_invalid_values(cell: Any, params: Any, error: Any) -> None:
    assert (await cell.refusal("POST", "qemu/100/migrate", params)).errors == error


async def test_an_unknown_node_is_refused_and_a_dead_one_fails_in_the_task(cell: Any) -> None:
    refusal = await cell.refusal("POST", "qemu/100/migrate", {"target": "pve9"})
    assert refusal.message == "no such cluster node 'pve9'"
    cell.world.node_down("pve2")
    upid = await cell.call("POST", "qemu/100/migrate", {"target": "pve2"})
    assert await cell.end(upid) == "migration aborted"
    assert 3 < cell.task(upid).ended - cell.task(upid).started < 4
    assert cell.world.guests[100].node == "pve1"


async def test_a_storage_that_the_target_lacks_is_refused_or_mapped(cell: Any) -> None:
    cell.world.storages["ceph"].nodes = ("pve1",)
    refusal = await cell.refusal("POST", "qemu/100/migrate", {"target": "pve2"})
    assert refusal.message == "storage 'ceph' is not available on node 'pve2'"
    cell.world.guests[101].status = "stopped"
    cell.world.storages["fast"] = cell.world.storages["ceph"]
    params = {"target": "pve3", "targetstorage": "local-lvm:nosuch"}
    upid = await cell.call("POST", "qemu/101/migrate", params, node="pve2")
    assert await cell.end(upid) == "migration aborted"
    assert "storage 'nosuch' does not exist" in cell.task(upid).lines[1]


async def make_ct(cell: Any, **more: Any) -> None:
    """Container 200 on pve1, its disk on local-lvm."""
    params = {
        "vmid": 200,
        "ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
        "rootfs": "local-lvm:2",
    }
    assert await cell.done("POST", "lxc", params | more) == "OK"


async def test_a_running_container_is_restarted_on_the_other_node(cell: Any) -> None:
    await make_ct(cell, start=1)
    await cell.settle(5)
    path, where = "lxc/200/migrate", {"target": "pve3"}
    refusal = await cell.refusal("POST", path, where)
    assert refusal.message == "can't migrate running container without --online or --restart"
    assert await cell.done("POST", path, where | {"online": 1}) == "migration aborted"
    lines = texts(await cell.lines("POST", path, where | {"restart": 1}))
    assert lines[:3] == [
        "shutdown CT 200",
        "starting migration of CT 200 to node 'pve3' (192.0.2.13)",
        "found local volume 'local-lvm:vm-200-disk-0' (in current VM config)",
    ]
    assert "start container on target node" in lines
    guest = cell.world.guests[200]
    assert (guest.node, guest.running, guest.lock) == ("pve3", True, None)


async def test_a_migration_to_another_cluster_finds_no_cluster(cell: Any) -> None:
    params = {"target-endpoint": "host=203.0.113.1,apitoken=x", "target-storage": "1"}
    for path in ("qemu/100", "lxc/9100"):
        refusal = await cell.refusal("POST", f"{path}/remote_migrate", params)
        assert (refusal.status, refusal.message) == (
            500,
            "Can't connect to 203.0.113.1:8006 (No route to host)",
        )
    cell.world.ha["vm:100"] = {"state": "started"}
    assert (await cell.refusal("POST", "qemu/100/remote_migrate", params)).status == 400


async def test_ha_moves_a_guest_after_its_cycles(cell: Any) -> None:
    cell.world.ha["vm:100"] = {"state": "stopped"}
    lines = await cell.lines("POST", "qemu/100/migrate", {"target": "pve3"})
    assert lines == ["Requesting HA migration for VM 100 to node pve3", "TASK OK"]
    assert cell.world.guests[100].node == "pve1"
    await cell.settle(20)
    assert cell.world.guests[100].node == "pve3"
    (real,) = [t for t in cell.world.tasks.every() if t.upid.type == "qmigrate"]
    assert (real.upid.user, real.lines[0]) == ("root@pam", "task started by HA resource agent")


async def test_the_preconditions_name_local_disks(cell: Any) -> None:
    answer = await cell.call("GET", "qemu/101/migrate", node="pve2")
    assert answer["running"] == 1
    assert [disk["volid"] for disk in answer["local_disks"]] == ["local-lvm:vm-101-disk-0"]
    assert (await cell.call("GET", "qemu/100/migrate"))["allowed_nodes"] == ["pve2", "pve3"]
    assert (await cell.call("GET", "lxc/9100/migrate"))["running"] == 0


async def test_a_running_vm_is_started_on_the_target_by_root(cell: Any) -> None:
    await cell.done("POST", "qemu/100/status/start")
    params = {"target": "pve2", "online": 1, "with-local-disks": 1}
    assert await cell.done("POST", "qemu/100/migrate", params) == "OK"
    started = [
        task
        for task in cell.world.tasks.every()
        if (task.upid.node, task.upid.type, task.upid.id) == ("pve2", "qmstart", "100")
    ]
    assert [(task.upid.user, task.exitstatus) for task in started] == [("root@pam", "OK")]
