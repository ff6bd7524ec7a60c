# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told to HA by its resources, and what it does then."""

from __future__ import annotations

from typing import Any

RESOURCES = "/cluster/ha/resources"
CYCLES = 60.0
"""Seconds after which CRM and LRM have had their turns and a start has ended."""


async def test_a_new_resource_is_started_and_listed(recorded: Any) -> None:
    assert await recorded.call("POST", RESOURCES, {"sid": "vm:101", "comment": "x"}) is None
    (entry,) = await recorded.call("GET", RESOURCES, {"type": "vm"})
    assert await recorded.call("GET", RESOURCES, {"type": "ct"}) == []
    assert await recorded.call("GET", f"{RESOURCES}/101") == entry
    assert (entry["sid"], entry["type"], entry["comment"]) == ("vm:101", "vm", "x")
    assert not recorded.world.guests[101].running
    await recorded.clock.sleep(CYCLES)
    assert recorded.world.guests[101].running


async def test_a_resource_that_is_ignored_is_left_alone(recorded: Any) -> None:
    await recorded.call("POST", RESOURCES, {"sid": "110", "state": "ignored"})
    await recorded.clock.sleep(CYCLES)
    assert not recorded.world.guests[110].running
    refusal = await recorded.refusal("POST", f"{RESOURCES}/vm:110/migrate", {"node": "pve2"})
    assert refusal.message == "resource 'vm:110' is not HA managed"


async def test_a_new_state_is_followed(recorded: Any) -> None:
    await recorded.call("POST", RESOURCES, {"sid": "vm:101"})
    await recorded.clock.sleep(CYCLES)
    entry = await recorded.call("GET", f"{RESOURCES}/vm:101")
    change = {"state": "stopped", "digest": entry["digest"]}
    await recorded.call("PUT", f"{RESOURCES}/vm:101", change)
    await recorded.clock.sleep(2 * CYCLES)
    assert not recorded.world.guests[101].running
    refusal = await recorded.refusal("PUT", f"{RESOURCES}/vm:101", change)
    assert "detected modified configuration" in refusal.message


async def test_an_option_can_be_removed_but_not_the_id(recorded: Any) -> None:
    await recorded.call("POST", RESOURCES, {"sid": "ct:200", "comment": "x", "state": "ignored"})
    await recorded.call("PUT", f"{RESOURCES}/ct:200", {"delete": "comment"})
    assert "comment" not in await recorded.call("GET", f"{RESOURCES}/ct:200")
    refusal = await recorded.refusal("PUT", f"{RESOURCES}/ct:200", {"delete": "sid"})
    assert refusal.message == "unable to delete required option 'sid'"


async def test_a_removed_resource_leaves_its_guest_as_it_is(recorded: Any) -> None:
    await recorded.call("POST", RESOURCES, {"sid": "vm:101"})
    await recorded.clock.sleep(CYCLES)
    await recorded.call("DELETE", f"{RESOURCES}/vm:101")
    assert await recorded.call("GET", RESOURCES) == []
    assert recorded.world.guests[101].running


async def test_an_invalid_resource_is_refused(recorded: Any) -> None:
    async def message(sid: str, **params: str) -> str:
        refusal = await recorded.refusal("POST", RESOURCES, {"sid": sid, **params})
        assert refusal.status == 500
        return str(refusal.message)

    await recorded.call("POST", RESOURCES, {"sid": "vm:101"})
    again = "create resource failed: resource ID 'vm:101' already defined"
    assert await message("vm:101") == again
    assert await message("vm:555") == "resource 'vm:555' does not exist in cluster"
    assert await message("ct:110") == "resource 'ct:110' does not exist in cluster"
    assert await message("555") == "unable do add resource - VM/CT 555 does not exist"
    assert await message("x:110") == "unknown section type 'x'"
    assert await message("vm:110", type="ct") == "types does not match"
    recorded.world.quorate = False
    assert await message("vm:110") == "cluster not ready - no quorum?"


async def test_ha_moves_a_guest_on_request(cell: Any) -> None:
    guest = cell.world.guests[100]
    target = next(name for name in cell.world.nodes if name != guest.node)
    cell.world.ha["vm:100"] = {"state": "stopped"}
    answer = await cell.call("POST", f"{RESOURCES}/vm:100/migrate", {"node": target})
    assert answer == {"sid": "vm:100", "requested-node": target}
    await cell.clock.sleep(2 * CYCLES)
    assert cell.world.guests[100].node == target


async def test_a_guest_is_stopped_moved_and_started_by_a_relocation(cell: Any) -> None:
    cell.world.ha["vm:100"] = {"state": "started"}
    guest = cell.world.guests[100]
    guest.status, guest.started = "running", cell.world.born
    path = "/cluster/ha/resources/vm:100/relocate"
    answer = await cell.call("POST", path, {"node": "pve2"})
    assert answer == {"sid": "vm:100", "requested-node": "pve2"}
    await cell.settle(90)
    assert (guest.node, guest.status) == ("pve2", "running")
    kinds = [task.upid.type for task in cell.world.tasks.every()]
    assert kinds == ["qmshutdown", "qmigrate", "qmstart"]


async def test_disarmed_ha_does_nothing(cell: Any) -> None:
    cell.world.ha["vm:100"] = {"state": "stopped"}
    disarm = "/cluster/ha/status/disarm-ha"
    await cell.call("POST", disarm, {"resource-mode": "freeze"})
    fencing = (await cell.call("GET", "/cluster/ha/status/current"))[-2]
    assert fencing["armed-state"] == "disarmed"
    assert ":hastart:" in await cell.call("POST", "qemu/100/status/start")
    await cell.settle(60)
    assert not cell.world.guests[100].running
    await cell.call("POST", disarm, {"resource-mode": "ignore"})
    assert ":qmstart:" in await cell.call("POST", "qemu/100/status/start")
    await cell.call("POST", "/cluster/ha/status/arm-ha")
    assert ":hastop:" in await cell.call("POST", "qemu/100/status/shutdown")
