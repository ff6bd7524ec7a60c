# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consoles: each has a port and a ticket of its own, and the guest is on the node of the path."""

from __future__ import annotations

import base64
from typing import Any

import pytest

CONSOLES = ["qemu/100/vncproxy", "qemu/100/termproxy", "lxc/9100/vncproxy", "termproxy", "vncshell"]


@pytest.mark.parametrize("path", CONSOLES)
async def test_each_console_has_a_port_and_a_ticket(cell: Any, path: str) -> None:
    cell.world.add_task_fault(seconds=60)
    first, second = [await cell.call("POST", path) for _unused in range(2)]
    assert (first["port"], second["port"]) == ("5900", "5901")
    assert first["ticket"] != second["ticket"]
    prefix, when, _empty, signature = first["ticket"].split(":")[-4:]
    assert prefix == "PVEVNC"
    assert int(when, 16) == int(cell.clock.now())
    assert len(base64.b64decode(signature)) == 256
    assert first["user"] == "root@pam!cli"
    await cell.end(first["upid"])
    await cell.end(second["upid"])
    assert (await cell.call("POST", path))["port"] == "5900"


async def test_the_ticket_of_a_vm_begins_with_the_password(cell: Any) -> None:
    answer = await cell.call("POST", "qemu/100/vncproxy", {"websocket": 1})
    assert len(answer["password"]) == 8
    assert answer["ticket"].startswith(f"{answer['password']}:PVEVNC:")


@pytest.mark.parametrize("path", ["qemu/101/vncproxy", "qemu/101/termproxy"])
async def test_the_guest_is_on_the_node_of_the_path(cell: Any, path: str) -> None:
    answer = await cell.call("POST", f"/nodes/pve2/{path}", node="pve1")
    assert answer["upid"].startswith("UPID:pve1:")
    refusal = await cell.refusal("POST", f"/nodes/pve1/{path}", node="pve2")
    assert refusal.message == "Configuration file 'nodes/pve1/qemu-server/101.conf' does not exist"


async def test_consoles_run_out_of_ports(cell: Any) -> None:
    cell.world.add_task_fault(seconds=60)
    for _unused in range(100):
        await cell.call("POST", "termproxy")
    refusal = await cell.refusal("POST", "termproxy")
    assert refusal.message == "unable to find free port (5900-6000)"
