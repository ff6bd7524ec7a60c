# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots: taking, listing, going back, removing."""

from __future__ import annotations

from typing import Any

SNAPSHOT = "qemu/100/snapshot"


async def take(cell: Any, *names: str) -> None:
    for name in names:
        params = {"snapname": name, "description": f"about {name}"}
        assert await cell.done("POST", SNAPSHOT, params) == "OK"


async def test_snapshots_form_a_line(cell: Any) -> None:
    await take(cell, "one", "two")
    one, two, now = await cell.call("GET", SNAPSHOT)
    assert (one["name"], one["description"], one["vmstate"]) == ("one", "about one", 0)
    assert "parent" not in one
    assert (two["name"], two["parent"]) == ("two", "one")
    assert (now["name"], now["parent"], now["running"]) == ("current", "two", 0)
    assert cell.world.guests[100].lock is None


async def test_a_name_that_is_used_fails_in_the_task_a_reserved_one_at_once(cell: Any) -> None:
    await take(cell, "one")
    status = await cell.done("POST", SNAPSHOT, {"snapname": "one"})
    assert status == "snapshot name 'one' already used"
    refusal = await cell.refusal("POST", SNAPSHOT, {"snapname": "current"})
    assert refusal.message == "unable to use snapshot name 'current' (reserved name)"


async def test_a_rollback_restores_the_old_config(cell: Any) -> None:
    await take(cell, "one")
    await cell.call("PUT", "qemu/100/config", {"cores": 8})
    assert await cell.done("POST", f"{SNAPSHOT}/one/rollback") == "OK"
    config = await cell.call("GET", "qemu/100/config")
    assert (config["cores"], config["parent"]) == (2, "one")


async def test_a_rollback_stops_a_running_guest(cell: Any) -> None:
    await take(cell, "one")
    await cell.done("POST", "qemu/100/status/start")
    assert await cell.done("POST", f"{SNAPSHOT}/one/rollback") == "OK"
    assert not cell.world.guests[100].running


async def test_a_snapshot_with_the_state_of_a_running_vm_starts_it_again(cell: Any) -> None:
    await cell.done("POST", "qemu/100/status/start")
    params = {"snapname": "live", "vmstate": 1}
    lines = await cell.lines("POST", SNAPSHOT, params)
    assert any(line.startswith("completed saving the VM state in ") for line in lines)
    await cell.done("POST", "qemu/100/status/stop")
    assert await cell.done("POST", f"{SNAPSHOT}/live/rollback") == "OK"
    assert cell.world.guests[100].running


async def test_the_memory_of_a_vm_is_a_volume_that_goes_with_the_snapshot(recorded: Any) -> None:
    await recorded.done("POST", "qemu/101/status/start")
    await recorded.done("POST", "qemu/101/snapshot", {"snapname": "live", "vmstate": 1})
    kept = await recorded.call("GET", "qemu/101/snapshot/live/config")
    assert kept["vmstate"] == "store1:101/vm-101-state-live.raw"
    assert kept["runningmachine"] == "pc-i440fx-10.0+pve1"
    assert "+kvm_pv_eoi" in kept["runningcpu"]
    path = "storage/store1/content"
    volumes = {v["volid"]: v for v in await recorded.call("GET", path)}
    assert volumes[kept["vmstate"]]["size"] == (2 * 128 + 500) << 20
    await recorded.done("POST", "qemu/101/snapshot/live/rollback")
    assert "vmstate" not in await recorded.call("GET", "qemu/101/config")
    await recorded.clock.sleep(40)  # `qm cleanup` holds the lock of the VM that runs again
    assert await recorded.done("DELETE", "qemu/101/snapshot/live") == "OK"
    volumes = {v["volid"]: v for v in await recorded.call("GET", path)}
    assert kept["vmstate"] not in volumes


async def test_removing_a_snapshot_keeps_the_chain_of_snapshots(cell: Any) -> None:
    await take(cell, "one", "two", "three")
    assert await cell.done("DELETE", f"{SNAPSHOT}/two") == "OK"
    entries = {e["name"]: e.get("parent") for e in await cell.call("GET", SNAPSHOT)}
    assert entries == {"one": None, "three": "one", "current": "three"}


async def test_a_killed_worker_leaves_its_lock_behind(cell: Any) -> None:
    await take(cell, "one")
    cell.world.add_task_fault(type="qmdelsnapshot", exitstatus="unexpected status")
    assert await cell.done("DELETE", f"{SNAPSHOT}/one") == "unexpected status"
    assert cell.world.guests[100].lock == "snapshot-delete"
    assert "one" in cell.world.guests[100].snapshots


async def test_missing_objects_fail_in_the_task(cell: Any) -> None:
    text = "snapshot 'nosuch' does not exist"
    assert await cell.done("DELETE", f"{SNAPSHOT}/nosuch") == text
    assert await cell.done("POST", f"{SNAPSHOT}/nosuch/rollback") == text
    assert (await cell.refusal("GET", f"{SNAPSHOT}/nosuch/config")).message == text


async def test_a_raw_file_has_no_snapshots(recorded: Any) -> None:
    status = await recorded.done("POST", "lxc/200/snapshot", {"snapname": "s1"})
    assert status == "snapshot feature is not available"


async def test_the_description_of_a_snapshot_can_be_changed(cell: Any) -> None:
    await take(cell, "one")
    await cell.call("PUT", f"{SNAPSHOT}/one/config", {"description": "new"})
    config = await cell.call("GET", f"{SNAPSHOT}/one/config")
    assert config["description"] == "new"
    assert isinstance(config["snaptime"], int)
