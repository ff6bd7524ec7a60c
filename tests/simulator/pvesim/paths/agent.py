# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of guests: guest agent of a VM, interfaces of a container."""

from __future__ import annotations

from typing import Any

from pvesim.addresses import booted, container_interfaces, vm_interfaces
from pvesim.calls import Call, CallError, call
from pvesim.entities import Guest
from pvesim.guests import guest_of
from pvesim.world import World


def answering(world: World, call: Call) -> Guest:
    """The VM, if its agent answers (`PVE/QemuServer/Agent.pm`)."""
    guest = guest_of(world, call)
    enabled = str(guest.config.get("agent", "0")).split(",", maxsplit=1)[0].removeprefix("enabled=")
    if enabled != "1":
        raise CallError(500, "No QEMU guest agent configured")
    if not guest.running:
        raise CallError(500, f"VM {guest.vmid} is not running")
    if guest.paused or not booted(world, guest):
        raise CallError(500, "QEMU guest agent is not running")
    return guest


@call("GET", "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces")
async def network_get_interfaces(world: World, call: Call) -> dict[str, Any]:
    """What the agent reports about the network, unchanged."""
    return {"result": vm_interfaces(world, answering(world, call))}


@call("POST", "/nodes/{node}/qemu/{vmid}/agent/ping")
async def ping(world: World, call: Call) -> dict[str, Any]:
    """Whether the agent answers."""
    answering(world, call)
    return {"result": {}}


@call("GET", "/nodes/{node}/qemu/{vmid}/agent/get-host-name")
async def get_host_name(world: World, call: Call) -> dict[str, Any]:
    """The host name inside the guest."""
    guest = answering(world, call)
    return {"result": {"host-name": guest.name or f"vm{guest.vmid}"}}


@call("GET", "/nodes/{node}/qemu/{vmid}/agent/get-osinfo")
async def get_osinfo(world: World, call: Call) -> dict[str, Any]:
    """The operating system inside the guest."""
    answering(world, call)
    return {
        "result": {
            "id": "debian",
            "name": "Debian GNU/Linux",
            "pretty-name": "Debian GNU/Linux 12 (bookworm)",
            "version": "12 (bookworm)",
            "version-id": "12",
            "machine": "x86_64",
            "kernel-release": "6.1.0-25-amd64",
            "kernel-version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.106-3 (2024-08-26)",
        }
    }


@call("GET", "/nodes/{node}/qemu/{vmid}/agent/get-users")
async def get_users(world: World, call: Call) -> dict[str, Any]:
    """Who is logged in inside the guest: nobody."""
    answering(world, call)
    return {"result": []}


@call("GET", "/nodes/{node}/qemu/{vmid}/agent/get-time")
async def get_time(world: World, call: Call) -> dict[str, Any]:
    """The clock of the guest, in nanoseconds since the epoch."""
    answering(world, call)
    return {"result": int(world.clock.now() * 1_000_000_000)}


@call("GET", "/nodes/{node}/lxc/{vmid}/interfaces")
async def interfaces(world: World, call: Call) -> list[dict[str, Any]] | None:
    """The interfaces of a running container; null for one that does not run, or not here."""
    guest = world.guests.get(int(call.params["vmid"]))
    if guest is None or (guest.type, guest.node) != ("lxc", call.node) or not guest.running:
        return None
    return container_interfaces(world, guest)
