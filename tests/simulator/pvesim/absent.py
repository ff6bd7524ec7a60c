# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that start a task also for a guest that is not on the node, which fails in the task."""

from __future__ import annotations

from .calls import Call
from .guests import config_file, type_of
from .worker import Died, Worker
from .world import World


def is_absent(world: World, call: Call) -> bool:
    """Whether the guest of a path is missing: absent, on another node or of the other type."""
    guest = world.guests.get(int(call.params["vmid"]))
    return guest is None or (guest.type, guest.node) != (type_of(call), call.node)


def no_config(call: Call) -> str:
    """The text of most calls."""
    name = config_file(type_of(call), call.node, int(call.params["vmid"]))
    return f"Configuration file '{name}' does not exist"


def not_found(call: Call) -> str:
    """The text of what stops a VM."""
    return f"unable to find configuration file for VM {call.params['vmid']} on node '{call.node}'"


def failing(world: World, call: Call, task_type: str, text: str) -> str:
    """A task that finds out."""

    async def work(_worker: Worker) -> None:
        raise Died(text)

    vmid = call.params["vmid"]
    return world.tasks.start(call.node, call.caller.authid, task_type, vmid, work)
