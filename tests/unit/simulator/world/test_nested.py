# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that start tasks, calls that wait for theirs, and what HA does with a request."""

from __future__ import annotations

from typing import Any

import pytest

OS = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
VM = ("qemu", {"vmid": 200, "scsi0": "ceph:1"})
CT = ("lxc", {"vmid": 200, "ostemplate": OS, "rootfs": "ceph:1"})


def types(cell: Any) -> list[str]:
    """The types of all tasks, in the order of their starts."""
    return [task.upid.type for task in cell.world.tasks.every()]


@pytest.mark.parametrize(("made", "prefix"), [(VM, "qm"), (CT, "vz")])
async def test_a_guest_is_started_by_a_task_of_its_own(
    cell: Any, made: tuple[str, dict[str, Any]], prefix: str
) -> None:
    path, params = made
    cell.world.add_task_fault(type=f"{prefix}start", exitstatus="start failed")
    assert await cell.done("POST", path, params | {"start": 1}) == "OK"
    await cell.settle(5)
    assert types(cell) == [f"{prefix}create", f"{prefix}start"]
    statuses = [task.exitstatus for task in cell.world.tasks.every()]
    assert statuses == ["OK", "start failed"]
    assert {t.upid.user for t in cell.world.tasks.every()} == {"root@pam!cli"}


@pytest.mark.parametrize(("made", "second"), [(VM, "hastart"), (CT, "vzstart")])
async def test_a_vm_is_handed_to_ha_before_its_start_and_a_container_after(
    cell: Any, made: tuple[str, dict[str, Any]], second: str
) -> None:
    path, params = made
    assert await cell.done("POST", path, params | {"start": 1, "ha-managed": 1}) == "OK"
    await cell.settle(30)
    assert types(cell)[1] == second
    assert cell.world.guests[200].running
    assert [e["sid"] for e in await cell.call("GET", "/cluster/ha/resources")] == [
        "vm:200" if path == "qemu" else "ct:200"
    ]


@pytest.mark.parametrize(("made", "status"), [(VM, "OK"), (CT, "struck")])
async def test_a_start_that_cannot_begin_fails_the_creation_of_a_container_alone(
    cell: Any, made: tuple[str, dict[str, Any]], status: str
) -> None:
    path, params = made
    lost = "got no worker upid - start worker failed"
    task_type = "qmstart" if path == "qemu" else "vzstart"
    cell.world.add_task_fault(type=task_type, exitstatus=lost)
    upid = await cell.call("POST", path, params | {"start": 1})
    assert await cell.end(upid) == (lost if status == "struck" else status)
    assert lost in " ".join(cell.task(upid).lines)
    assert 200 in cell.world.guests


async def test_a_rollback_starts_the_guest_in_another_task(cell: Any) -> None:
    assert await cell.done("POST", "qemu/100/snapshot", {"snapname": "one"}) == "OK"
    upid = await cell.call("POST", "qemu/100/snapshot/one/rollback", {"start": 1})
    assert await cell.end(upid) == "OK"
    await cell.settle(5)
    assert types(cell) == ["qmsnapshot", "qmrollback", "qmstart"]
    assert cell.world.guests[100].running


async def test_a_change_of_a_config_can_be_synchronous(cell: Any) -> None:
    path = "qemu/100/config"
    assert await cell.call("POST", path, {"cores": 3, "background_delay": 5}) is None
    assert cell.world.guests[100].config["cores"] == 3
    cell.world.add_task_fault(type="qmconfig", exitstatus="struck", count=1)
    refusal = await cell.refusal("POST", path, {"cores": 4, "background_delay": 5})
    assert (refusal.status, refusal.message) == (500, "failed to update VM 100: struck")
    cell.world.add_task_fault(type="qmconfig", seconds=20)
    begun = cell.clock.now()
    upid = await cell.call("POST", path, {"cores": 5, "background_delay": 3})
    assert 3 <= cell.clock.now() - begun < 4
    assert await cell.end(upid) == "OK"


async def test_ha_does_only_what_is_necessary(cell: Any) -> None:
    cell.world.ha["vm:100"] = {"state": "stopped"}
    assert await cell.done("POST", "qemu/100/status/stop") == "OK"
    await cell.settle(30)
    assert types(cell) == ["hastop"]


async def test_ha_stops_or_shuts_down_as_requested(cell: Any) -> None:
    guest = cell.world.guests[100]
    cell.world.ha["vm:100"] = {"state": "started"}
    for what, real in (("stop", "qmstop"), ("shutdown", "qmshutdown")):
        guest.status, guest.started = "running", cell.clock.now()
        upid = await cell.call("POST", f"qemu/100/status/{what}")
        assert ":hastop:100:" in upid
        await cell.settle(40)
        assert types(cell)[-1] == real
        assert not guest.running
    guest.status = "running"
    refusal = await cell.refusal("POST", "qemu/100/status/stop", {"overrule-shutdown": 1})
    assert refusal.status == 400


async def test_a_guest_that_ha_ignores_is_handled_by_the_call_itself(cell: Any) -> None:
    cell.world.ha["vm:100"] = {"state": "ignored"}
    assert ":qmstart:" in await cell.call("POST", "qemu/100/status/start")


async def test_a_request_ends_with_its_guest(cell: Any) -> None:
    cell.world.ha["vm:100"] = {"state": "stopped"}
    assert await cell.done("POST", "qemu/100/status/start") == "OK"
    assert await cell.done("DELETE", "qemu/100", {"purge": 1}) == "OK"
    await cell.settle(30)
    assert types(cell) == ["hastart", "qmdestroy"]


async def test_a_nested_start_that_is_refused_ends_its_task(cell: Any) -> None:
    lost = "got no worker upid - start worker failed"
    cell.world.add_task_fault(type="srvreload", exitstatus=lost)
    assert await cell.done("PUT", "/cluster/sdn") == lost


async def test_a_restart_that_is_refused_leaves_the_vm_stopped(cell: Any) -> None:
    lost = "got no worker upid - start worker failed"
    cell.world.add_task_fault(type="qmstart", exitstatus=lost)
    assert await cell.done("POST", "qemu/101/status/reboot", node="pve2") == "OK"
    await cell.settle(5)
    assert not cell.world.guests[101].running
