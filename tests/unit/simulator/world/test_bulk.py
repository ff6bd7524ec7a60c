# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions on many guests, of a node and of the cluster."""

from __future__ import annotations

from typing import Any

OS = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"


def types(cell: Any) -> list[str]:
    """`type id` of every task, in the order of their starts."""
    return [f"{t.upid.type} {t.upid.id}".strip() for t in cell.world.tasks.every()]


async def test_start_and_stop_of_a_node_read_as_recorded(recorded: Any) -> None:
    upid = await recorded.call("POST", "startall", {"force": 1, "vms": "101"})
    assert ":startall::" in upid
    await recorded.end(upid)
    assert recorded.task(upid).lines == ["Starting VM 101", "TASK OK"]
    assert recorded.world.guests[101].running
    lines = await recorded.lines("POST", "stopall", {"vms": "101"})
    assert lines == ["Stopping VM 101 (timeout = 180 seconds)", "TASK OK"]
    assert not recorded.world.guests[101].running
    assert types(recorded) == ["startall", "qmstart 101", "stopall", "qmshutdown 101"]
    assert {t.upid.user for t in recorded.world.tasks.every()} == {"root@pam!cli"}


async def test_only_what_starts_at_boot_is_started_and_in_its_order(cell: Any) -> None:
    for vmid, startup in ((200, "order=2"), (201, "order=1,up=30"), (202, None)):
        params = {"vmid": vmid} | ({"startup": startup, "onboot": 1} if startup else {})
        assert await cell.done("POST", "qemu", params) == "OK"
    upid = await cell.call("POST", "startall")
    assert await cell.end(upid) == "OK"
    assert cell.task(upid).lines == [
        "Starting VM 201",
        "Waiting for 30 seconds (startup delay)",
        "Starting VM 200",
        "TASK OK",
    ]
    assert not cell.world.guests[202].running


async def test_a_failed_guest_does_not_fail_the_task_of_a_node(cell: Any) -> None:
    cell.world.guests[100].config["lock"] = "backup"
    lines = await cell.lines("POST", "startall", {"force": 1})
    assert lines == [
        "Starting VM 100",
        "Starting VM 100 failed: VM is locked (backup)",
        "TASK OK",
    ]


async def test_a_failed_guest_fails_the_task_of_the_cluster(cell: Any) -> None:
    cell.world.guests[100].config["lock"] = "backup"
    assert await cell.done("POST", "qemu", {"vmid": 200}, node="pve3") == "OK"
    upid = await cell.call("POST", "/cluster/bulk-action/guest/start", {"vms": [100, 200]})
    assert ":bulk-start::" in upid
    assert await cell.end(upid) == "Some guests failed to start: 100"
    assert cell.world.guests[200].running


async def test_a_nested_task_continues_when_its_parent_is_stopped(cell: Any) -> None:
    cell.world.add_task_fault(type="qmstart", seconds=20)
    upid = await cell.call("POST", "startall", {"force": 1})
    await cell.settle(2)
    await cell.call("DELETE", f"tasks/{upid}")
    assert cell.task(upid).exitstatus == "received interrupt"
    await cell.settle(30)
    assert cell.world.guests[100].running


async def test_suspending_a_node_saves_its_vms_to_disk(cell: Any) -> None:
    lines = await cell.lines("POST", "suspendall", node="pve2")
    assert lines == ["Suspending VM 101", "TASK OK"]
    assert cell.world.guests[101].lock == "suspended"
    assert types(cell)[-1] == "qmsuspend 101"


async def test_a_cluster_is_suspended_and_shut_down(cell: Any) -> None:
    lines = await cell.lines("POST", "/cluster/bulk-action/guest/suspend")
    assert lines == [
        "Suspending guests: 100, 101, 9000, 9100",
        "WARN: Skipping VM 100, not running.",
        "Suspending VM 101",
        "TASK WARNINGS: 1",
    ]
    assert cell.world.guests[101].paused
    upid = await cell.call("POST", "/cluster/bulk-action/guest/shutdown", {"timeout": 20})
    assert await cell.end(upid) == "WARNINGS: 1"
    assert not cell.world.guests[101].running
    assert types(cell) == ["bulk-suspend", "qmpause 101", "bulk-shutdown", "qmshutdown 101"]


async def test_a_node_is_drained(cell: Any) -> None:
    params = {"vmid": 200, "ostemplate": OS, "rootfs": "ceph:2", "start": 1}
    assert await cell.done("POST", "lxc", params) == "OK"
    await cell.settle(5)
    upid = await cell.call("POST", "migrateall", {"target": "pve3", "max-workers": 4})
    assert await cell.end(upid) == "OK"
    assert [g.vmid for g in cell.world.guests_on("pve1")] == []
    assert cell.world.guests[200].running
    assert cell.task(upid).lines[0] == "Migrating VM 100"


async def test_local_disks_of_a_running_vm_keep_it_where_it_is(cell: Any) -> None:
    lines = await cell.lines(
        "POST", "migrateall", {"target": "pve3", "max-workers": 4}, node="pve2"
    )
    assert lines == [
        "Migrating VM 101",
        "Migrating VM 101 failed: precondition check failed:",
        "  Has local disks: local-lvm:vm-101-disk-0",
        "TASK OK",
    ]
    params = {"target": "pve3", "with-local-disks": 1}
    assert await cell.done("POST", "/cluster/bulk-action/guest/migrate", params) == "OK"
    assert {g.node for g in cell.world.guests.values() if not g.template} == {"pve3"}


async def test_the_number_of_running_tasks_is_limited(cell: Any) -> None:
    vmids = [200, 201, 202, 203]
    for vmid in vmids:
        assert await cell.done("POST", "qemu", {"vmid": vmid}) == "OK"
    cell.world.add_task_fault(type="qmstart", seconds=10)
    params = {"vms": vmids, "max-workers": 2}
    upid = await cell.call("POST", "/cluster/bulk-action/guest/start", params)
    await cell.settle(5)
    running = [t for t in cell.world.tasks.running("pve1") if t.upid.type == "qmstart"]
    assert len(running) == 2
    assert await cell.end(upid) == "OK"
    assert 20 <= cell.task(upid).ended - cell.task(upid).started < 25


async def test_the_privilege_is_required_on_every_guest(cell: Any) -> None:
    only = {"may": lambda path, _privilege: path == "/vms/100", "userid": "operator@pve"}
    assert (await cell.refusal("POST", "startall", **only)).status == 403
    assert (await cell.refusal("POST", "stopall", {"vms": "100,101"}, **only)).status == 403
    assert await cell.done("POST", "startall", {"vms": "100", "force": 1}, **only) == "OK"
    lines = await cell.lines("POST", "/cluster/bulk-action/guest/shutdown", **only)
    assert lines == [
        "Shutting down guests: 100",
        "Shutting down VM 100 (Timeout = 180 seconds)",
        "TASK OK",
    ]


async def test_guests_already_in_the_wanted_state_are_skipped_with_a_warning(cell: Any) -> None:
    path = "/cluster/bulk-action/guest"
    await cell.done("POST", "lxc/9100/clone", {"newid": 200})
    assert await cell.lines("POST", f"{path}/suspend", {"vms": [200]}) == [
        "Suspending guests: 200",
        "WARN: skipping 200, only VMs can be suspended",
        "TASK WARNINGS: 1",
    ]
    assert await cell.lines("POST", f"{path}/start", {"vms": [101, 9000, 3999]}) == [
        "Starting guests: 101, 9000, 3999",
        "TASK OK",
    ]
    assert await cell.lines("POST", f"{path}/migrate", {"vms": [100], "target": "pve9"}) == [
        "Migrating guests to pve9: 100",
        "Migrating VM 100",
        "WARN: 500 no such cluster node 'pve9'",
        "TASK ERROR: Some guests failed to migrate 100",
    ]
