# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""API calls that the server makes itself, from inside a task or as HA does, and their tasks.

A nested task has its own UPID and is not stopped with the task that started it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .calls import CALLS, Call, Caller

if TYPE_CHECKING:
    from .entities import Guest
    from .task import Task
    from .worker import Worker
    from .world import World

POLL = 1.0
"""Seconds between two looks at a nested task."""


def root() -> Caller:
    """What the daemons of a node act as: root@pam without a token."""
    return Caller("root@pam", None, lambda _path, _privilege: True)


async def guest_call(
    world: World,
    caller: Caller,
    guest: Guest,
    what: tuple[str, dict[str, Any]],
    *,
    by_ha: bool = False,
) -> str:
    """POST `what` (the rest of the path, parameters) for a guest on its node; the UPID."""
    path, params = what
    template = f"/nodes/{{node}}/{guest.type}/{{vmid}}/{path}"
    given = {**params, "node": guest.node, "vmid": guest.vmid}
    call = Call("POST", template, given, caller, guest.node, by_ha=by_ha)
    return str(await CALLS["POST", template](world, call))


async def exit_status(worker: Worker, upid: str) -> str:
    """Wait in a task for another one, looking each second; its exit status."""
    task = worker.world.tasks.get(upid)
    while task.running:
        await worker.sleep(POLL)
    return task.exitstatus


async def ended_within(world: World, upid: str, seconds: int) -> Task | None:
    """Wait in an API call for its task; None when the seconds were not enough."""
    task = world.tasks.get(upid)
    deadline = world.clock.now() + seconds
    while task.running and world.clock.now() < deadline:
        await world.clock.sleep(POLL)
    return None if task.running else task


def is_error(status: str) -> bool:
    """Whether an exit status counts as a failure (status_is_error of `PVE/UPID.pm`)."""
    return status != "OK" and not status.startswith("WARNINGS: ")
