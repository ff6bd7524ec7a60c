# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consoles and tunnels: tasks with a port and a ticket of their own, to which nobody can connect.

Those of VNC and of the terminal run on the node that is asked, also for a guest of another node.
"""

from __future__ import annotations

import base64
import string
from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.entities import Guest
from pvesim.guests import find, type_of
from pvesim.worker import Worker
from pvesim.world import World

VNC_PORTS = range(5900, 6000)
SPICE_PORTS = range(61000, 61100)
SIGNATURE = 256
"""The bytes of a signature by the key of the cluster."""
PASSWORD = "".join(c for c in string.printable if c.isprintable() and c not in " :")


@call("POST", "/nodes/{node}/qemu/{vmid}/vncproxy")
async def vnc_of_vm(world: World, call: Call) -> dict[str, Any]:
    """A password of eight characters stands before the ticket, too."""
    password = "".join(world.random.choices(PASSWORD, k=8))
    answer = _console(world, call, "vncproxy", _guest(world, call).vmid)
    ticket = f"{password}:{answer['ticket']}"
    return {**answer, "ticket": ticket, "password": password, "cert": ""}


@call("POST", "/nodes/{node}/lxc/{vmid}/vncproxy")
async def vnc_of_ct(world: World, call: Call) -> dict[str, Any]:
    """The console of a container as VNC."""
    return {**_console(world, call, "vncproxy", _guest(world, call).vmid), "cert": ""}


@call("POST", "/nodes/{node}/qemu/{vmid}/termproxy")
@call("POST", "/nodes/{node}/lxc/{vmid}/termproxy")
async def terminal(world: World, call: Call) -> dict[str, Any]:
    """The serial console of a VM, or the console of a container."""
    return _console(world, call, "vncproxy", _guest(world, call).vmid)


@call("POST", "/nodes/{node}/vncshell")
async def vnc_of_node(world: World, call: Call) -> dict[str, Any]:
    """A shell of a node as VNC."""
    return {**_console(world, call, "vncshell"), "cert": ""}


@call("POST", "/nodes/{node}/termproxy")
async def shell(world: World, call: Call) -> dict[str, Any]:
    """A shell of a node."""
    return _console(world, call, "vncshell")


@call("POST", "/nodes/{node}/lxc/{vmid}/spiceproxy")
async def spice_of_ct(world: World, call: Call) -> dict[str, Any]:
    """The console of a container for virt-viewer."""
    return _spice(world, call, "spiceproxy", _guest(world, call).vmid)


@call("POST", "/nodes/{node}/spiceshell")
async def spice_of_node(world: World, call: Call) -> dict[str, Any]:
    """A shell of a node for virt-viewer."""
    return _spice(world, call, "spiceshell")


@call("POST", "/nodes/{node}/qemu/{vmid}/mtunnel")
async def tunnel_to_vm(world: World, call: Call) -> dict[str, Any]:
    """The end of a migration from another cluster."""
    vmid = _guest(world, call).vmid
    return _tunnel(world, call, "qmtunnel", vmid, f"/run/qemu-server/{vmid}.mtunnel")


@call("POST", "/nodes/{node}/lxc/{vmid}/mtunnel")
async def tunnel_to_ct(world: World, call: Call) -> dict[str, Any]:
    """The end of a migration from another cluster."""
    vmid = _guest(world, call).vmid
    return _tunnel(world, call, "vzmtunnel", vmid, f"/run/pve/ct-{vmid}.mtunnel")


def _guest(world: World, call: Call) -> Guest:
    """The guest on the node of the path, whichever node is asked."""
    return find(world, type_of(call), str(call.params["node"]), int(call.params["vmid"]))


def _console(world: World, call: Call, task_type: str, ident: object = "") -> dict[str, Any]:
    port = _free_port(world, call.node, VNC_PORTS)
    upid = _start(world, call, task_type, ident, port)
    ticket = _ticket(world, call.node, "PVEVNC")
    return {"user": call.caller.authid, "ticket": ticket, "port": str(port), "upid": upid}


def _spice(world: World, call: Call, task_type: str, ident: object = "") -> dict[str, Any]:
    port = _free_port(world, call.node, SPICE_PORTS)
    _start(world, call, task_type, ident, port)
    password = world.random.randbytes(20).hex()
    proxy = f"http://{call.node}:3128"
    return {"type": "spice", "proxy": proxy, "password": password, "tls-port": port}


def _tunnel(world: World, call: Call, task_type: str, vmid: int, socket: str) -> dict[str, Any]:
    upid = _start(world, call, task_type, vmid)
    return {"ticket": _ticket(world, call.node, "PVETUNNEL"), "socket": socket, "upid": upid}


def _start(world: World, call: Call, task_type: str, ident: object, port: int | None = None) -> str:
    upid = world.tasks.start(call.node, call.caller.authid, task_type, ident, _work)
    if port is not None:
        world.consoles[upid] = port
    return upid


async def _work(worker: Worker) -> None:
    await worker.work()


def _free_port(world: World, node: str, ports: range) -> int:
    """The lowest port that no console of the node holds."""
    running = {str(task.upid) for task in world.tasks.history(node).running}
    taken = {port for upid, port in world.consoles.items() if upid in running}
    for port in ports:
        if port not in taken:
            return port
    raise CallError(500, f"unable to find free port ({ports[0]}-{ports[-1] + 1})")


def _ticket(world: World, node: str, prefix: str) -> str:
    """A ticket of this second; the signature is one of nobody."""
    signature = base64.b64encode(world.random.randbytes(SIGNATURE)).decode()
    return f"{prefix}:{int(world.time_at(node)):08X}::{signature}"
