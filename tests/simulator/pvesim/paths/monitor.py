# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands to the QEMU of a VM itself: those of its monitor, and keys."""

from __future__ import annotations

import re

from pvesim.calls import Call, CallError, call
from pvesim.entities import Guest
from pvesim.guests import api_lock, check_allowed, guest_of
from pvesim.world import World

HARMLESS = re.compile(r"\s*(?:info(?:\s.*)?|help\s*)")
"""Commands that change nothing."""


@call("POST", "/nodes/{node}/qemu/{vmid}/monitor")
async def monitor(world: World, call: Call) -> str:
    """What the monitor says, also about its own errors; of its commands it knows two."""
    command, guest = str(call.params["command"]), guest_of(world, call)
    if not HARMLESS.fullmatch(command):
        check_allowed(call, f"/vms/{guest.vmid}", "Sys.Modify")
    if not guest.running:
        return f"ERROR: VM {guest.vmid} not running\n"
    return _said(guest, command)


def _said(guest: Guest, command: str) -> str:
    words = command.split()
    if words == ["info", "status"]:
        return f"VM status: {'paused' if guest.paused else 'running'}\r\n"
    if words[:1] == ["sendkey"] and len(words) > 1:
        return ""
    return f"unknown command: '{command}'\r\n"


@call("PUT", "/nodes/{node}/qemu/{vmid}/sendkey")
async def sendkey(world: World, call: Call) -> None:
    """Press a key, under the lock of the VM."""
    guest = guest_of(world, call)
    async with api_lock(world, guest.type, guest.node, guest.vmid):
        if not guest.running:
            raise CallError(500, f"VM {guest.vmid} not running")
