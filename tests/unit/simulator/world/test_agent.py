# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest agent answers where it is configured and the VM has booted."""

from __future__ import annotations

from typing import Any

import pytest

COMMANDS = ["get-host-name", "get-osinfo", "get-users", "get-time", "network-get-interfaces"]


@pytest.mark.parametrize("command", COMMANDS)
async def test_the_agent_answers_under_result(cell: Any, command: str) -> None:
    cell.world.guests[101].config["agent"] = "enabled=1"
    answer = await cell.call("GET", f"qemu/101/agent/{command}", node="pve2")
    assert list(answer) == ["result"]


@pytest.mark.parametrize("command", COMMANDS)
async def test_without_an_agent_there_is_nothing_to_ask(cell: Any, command: str) -> None:
    cell.world.guests[101].config.pop("agent", None)
    refusal = await cell.refusal("GET", f"qemu/101/agent/{command}", node="pve2")
    assert (refusal.status, refusal.message) == (500, "No QEMU guest agent configured")


async def test_a_stopped_vm_has_no_agent(cell: Any) -> None:
    cell.world.guests[100].config["agent"] = "1"
    refusal = await cell.refusal("GET", "qemu/100/agent/get-osinfo")
    assert refusal.message == "VM 100 is not running"
