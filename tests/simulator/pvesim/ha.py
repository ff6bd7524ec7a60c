# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that HA manages: a call only files a request, HA acts some cycles later.

The CRM looks at the requests every ten seconds (`PVE/HA/CRM.pm`), the LRM of the guest's node
acts at least five seconds after (`PVE/HA/LRM.pm`), in a task of root@pam.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .calls import Call, parameter_error
from .entities import Guest
from .nested import guest_call, root
from .worker import Worker
from .world import World

CRM_CYCLE = 10.0
LRM_DELAY = 5.0
DEFAULT_TIMEOUT = 60
FIRST_LINE = "task started by HA resource agent"
TYPES = {"start": "hastart", "stop": "hastop", "migration": "hamigrate"}


@dataclass(frozen=True)
class Request:
    """What is asked of HA: `what` names it in the log, `path` and `params` what HA calls."""

    what: str
    path: str
    params: dict[str, Any] = field(default_factory=dict)


def service(guest: Guest) -> str:
    """The guest's name in HA."""
    return f"{'vm' if guest.type == 'qemu' else 'ct'}:{guest.vmid}"


def managed(world: World, guest: Guest) -> bool:
    """Whether HA manages the guest."""
    resource = world.ha.get(service(guest))
    if world.ha_disarmed == "ignore":
        return False
    return resource is not None and resource.get("state") != "ignored"


def redirected(world: World, call: Call, guest: Guest) -> bool:
    """Whether a call goes to HA instead of being done: not when HA itself makes it."""
    return managed(world, guest) and not call.by_ha


def shutdown_request(call: Call) -> Request:
    """An ordinary shutdown, which HA forces after the time that was given, or a minute."""
    timeout = int(call.params.get("timeout") or DEFAULT_TIMEOUT)
    return Request("stop", "status/shutdown", {"timeout": timeout, "forceStop": 1})


def refuse_overrule(call: Call) -> None:
    """Shutdown tasks of HA are not overruled."""
    if call.params.get("overrule-shutdown"):
        text = "not supported for HA resources"
        raise parameter_error(**{"overrule-shutdown": text})


def request(world: World, call: Call, guest: Guest, wanted: Request) -> str:
    """A task that ends as soon as the request is filed."""
    where = f" to node {wanted.params['target']}" if "target" in wanted.params else ""

    async def work(worker: Worker) -> None:
        worker.log(f"Requesting HA {wanted.what} for {guest.label} {guest.vmid}{where}")
        await worker.work()
        if wanted.what != "migration":
            state = "started" if wanted.what == "start" else "stopped"
            world.ha[service(guest)]["state"] = state
        follow(world, guest, wanted)

    return world.tasks.start(call.node, call.caller.authid, TYPES[wanted.what], guest.vmid, work)


def follow(world: World, guest: Guest, wanted: Request) -> None:
    """Let HA do what is requested, after the next cycles of CRM and LRM."""
    age = (world.clock.now() - world.born) % CRM_CYCLE
    world.tasks.later(CRM_CYCLE - age + LRM_DELAY, lambda: act(world, guest, wanted))


async def act(world: World, guest: Guest, wanted: Request) -> str | None:
    """The resource agent does what was asked, unless that is so already; the UPID of its task."""
    if world.guests.get(guest.vmid) is not guest or world.nodes[guest.node].state == "down":
        return None
    if world.ha_disarmed:
        return None
    if not managed(world, guest) or _is_so(guest, wanted):
        return None
    params = dict(wanted.params)
    if wanted.what == "migration":
        params["online" if guest.type == "qemu" else "restart"] = int(guest.running)
    upid = await guest_call(world, root(), guest, (wanted.path, params), by_ha=True)
    world.tasks.get(upid).write(f"{FIRST_LINE}\n")
    return upid


def relocate(world: World, guest: Guest, target: str) -> None:
    """Let HA stop the guest, move it and start it again, after the next cycles."""

    async def act_in_turn() -> None:
        was_running = guest.running
        wanted = [Request("stop", "status/shutdown", {"timeout": DEFAULT_TIMEOUT, "forceStop": 1})]
        wanted.append(Request("migration", "migrate", {"target": target}))
        wanted += [Request("start", "status/start")] if was_running else []
        for step in wanted:
            upid = await act(world, guest, step)
            while upid is not None and world.tasks.get(upid).running:
                await world.clock.sleep(1.0)

    age = (world.clock.now() - world.born) % CRM_CYCLE
    world.tasks.later(CRM_CYCLE - age + LRM_DELAY, act_in_turn)


def state_request(state: str) -> Request | None:
    """What HA does to reach the state that is configured; None for one that it leaves alone."""
    if state in ("started", "enabled"):
        return Request("start", "status/start")
    if state in ("stopped", "disabled"):
        return Request("stop", "status/shutdown", {"timeout": DEFAULT_TIMEOUT, "forceStop": 1})
    return None


def _is_so(guest: Guest, wanted: Request) -> bool:
    if wanted.what == "migration":
        return bool(guest.node == wanted.params["target"])
    return guest.running == (wanted.what == "start")
