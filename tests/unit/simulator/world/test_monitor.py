# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitor of a VM, and keys that are pressed."""

from __future__ import annotations

from typing import Any

from pvesim.guests import api_lock


async def monitor(cell: Any, command: str, **who: Any) -> Any:
    return await cell.call("POST", "qemu/101/monitor", {"command": command}, node="pve2", **who)


async def test_the_monitor_tells_whether_a_vm_runs(cell: Any) -> None:
    guest = cell.world.guests[101]
    guest.status = "stopped"
    assert await monitor(cell, "info status") == "ERROR: VM 101 not running\n"
    guest.status = "running"
    assert await monitor(cell, "info status") == "VM status: running\r\n"
    guest.paused = True
    assert await monitor(cell, "info status") == "VM status: paused\r\n"


async def test_an_unknown_command_is_not_an_error_of_the_call(cell: Any) -> None:
    cell.world.guests[101].status = "running"
    assert await monitor(cell, "nosuch") == "unknown command: 'nosuch'\r\n"


async def test_a_command_that_changes_something_needs_another_privilege(cell: Any) -> None:
    def auditor(_path: str, privilege: str) -> bool:
        return privilege == "Sys.Audit"

    params = {"command": "sendkey ret"}
    refusal = await cell.refusal("POST", "qemu/101/monitor", params, node="pve2", may=auditor)
    assert refusal.status == 403


async def test_a_key_waits_for_the_lock(cell: Any) -> None:
    cell.world.guests[101].status = "running"
    path, key = "qemu/101/sendkey", {"key": "ret"}
    assert await cell.call("PUT", path, key, node="pve2") is None
    async with api_lock(cell.world, "qemu", "pve2", 101):
        refusal = await cell.refusal("PUT", path, key, node="pve2")
    assert refusal.message.endswith("lock-101.conf' - got timeout")


async def test_a_stopped_vm_takes_no_keys(cell: Any) -> None:
    cell.world.guests[101].status = "stopped"
    refusal = await cell.refusal("PUT", "qemu/101/sendkey", {"key": "ret"}, node="pve2")
    assert refusal.message == "VM 101 not running"
