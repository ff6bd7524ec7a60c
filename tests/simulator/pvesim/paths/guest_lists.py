# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of a node's guests and their running state."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, call
from pvesim.guests import guest_of, may_see, type_of
from pvesim.vmstatus import current, full_status, vmstatus
from pvesim.world import World


@call("GET", "/nodes/{node}/qemu")
@call("GET", "/nodes/{node}/lxc")
async def guest_list(world: World, call: Call) -> list[dict[str, Any]]:
    """The guests of one type: names and locks are read from the configs, so they are fresh."""
    entries = []
    for guest in world.guests_on(call.node, type_of(call)):
        if not may_see(call, guest):
            continue
        status = full_status if call.params.get("full") else vmstatus
        entries.append(status(world, guest))
    return entries


@call("GET", "/nodes/{node}/qemu/{vmid}/status/current")
@call("GET", "/nodes/{node}/lxc/{vmid}/status/current")
async def status_current(world: World, call: Call) -> dict[str, Any]:
    """The running state of one guest."""
    return current(world, guest_of(world, call))


@call("GET", "/nodes/{node}/qemu/{vmid}/status")
@call("GET", "/nodes/{node}/lxc/{vmid}/status")
async def status_index(_world: World, call: Call) -> list[dict[str, str]]:
    """What there is below the path."""
    names = ["current", "start", "stop", "shutdown", "reboot", "suspend", "resume"]
    return [{"subdir": name} for name in names + ["reset"] * (type_of(call) == "qemu")]
