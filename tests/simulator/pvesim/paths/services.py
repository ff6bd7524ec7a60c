# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a node (`PVE/API2/Services.pm`)."""

from __future__ import annotations

from typing import Any

from pvesim.calls import Call, Handler, call
from pvesim.worker import Died, Worker
from pvesim.world import World

DESCRIPTIONS = {
    "chrony": "chrony, an NTP client/server",
    "corosync": "Corosync Cluster Engine",
    "cron": "Regular background program processing daemon",
    "ksmtuned": "Kernel Samepage Merging (KSM) Tuning Daemon",
    "postfix": "Postfix Mail Transport Agent",
    "proxmox-firewall": "Proxmox nftables firewall",
    "pve-cluster": "The Proxmox VE cluster filesystem",
    "pve-firewall": "Proxmox VE firewall",
    "pve-ha-crm": "PVE Cluster HA Resource Manager Daemon",
    "pve-ha-lrm": "PVE Local HA Resource Manager Daemon",
    "pvedaemon": "PVE API Daemon",
    "pvefw-logger": "Proxmox VE firewall logger",
    "pveproxy": "PVE API Proxy Server",
    "pvescheduler": "Proxmox VE scheduler",
    "pvestatd": "PVE Status Daemon",
    "qmeventd": "PVE Qemu Event Daemon",
    "spiceproxy": "PVE SPICE Proxy Server",
    "sshd": "OpenBSD Secure Shell server",
    "syslog": "System Logging Service",
    "systemd-journald": "Journal Service",
    "systemd-timesyncd": "Network Time Synchronization",
}
ESSENTIAL = ("pve-cluster", "pvedaemon", "pveproxy")
"""What cannot be stopped by way of itself."""


def _entry(world: World, node: str, service: str) -> dict[str, Any]:
    stopped = service in world.nodes[node].stopped_services
    return {
        "service": service,
        "name": service,
        "desc": DESCRIPTIONS.get(service, service),
        "state": "dead" if stopped else "running",
        "active-state": "inactive" if stopped else "active",
        "unit-state": "enabled",
    }


@call("GET", "/nodes/{node}/services")
async def services(world: World, call: Call) -> list[dict[str, Any]]:
    """The services with their states."""
    return [_entry(world, call.node, service) for service in DESCRIPTIONS]


@call("GET", "/nodes/{node}/services/{service}")
async def service_index(_world: World, _call: Call) -> list[dict[str, str]]:
    """What there is below a service."""
    return [{"subdir": what} for what in ("state", "start", "stop", "restart", "reload")]


@call("GET", "/nodes/{node}/services/{service}/state")
async def service_state(world: World, call: Call) -> dict[str, Any]:
    """The state of one service."""
    return _entry(world, call.node, call.params["service"])


def _action(action: str) -> Handler:
    """The call that starts, stops, restarts or reloads a service."""

    async def act(world: World, call: Call) -> str:
        service = str(call.params["service"])
        stopped = world.nodes[call.node].stopped_services

        async def work(worker: Worker) -> None:
            if action == "stop" and service in ESSENTIAL:
                text = f"invalid service cmd '{service} stop': refusing to stop essential service"
                raise Died(f"{text}!")
            if action == "reload" and service in stopped:
                worker.log(f"{service}.service is not active, cannot reload.")
                raise Died(f"command 'systemctl reload {service}' failed: exit code 1")
            await worker.work()
            if action == "stop":
                stopped.add(service)
            else:
                stopped.discard(service)

        return world.tasks.start(call.node, call.caller.authid, f"srv{action}", service, work)

    return act


for _name in ("start", "stop", "restart", "reload"):
    call("POST", f"/nodes/{{node}}/services/{{service}}/{_name}")(_action(_name))
