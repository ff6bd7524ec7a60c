# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What starting and stopping means for the state of a guest, and HA's part in it."""

from __future__ import annotations

from .calls import Call
from .drives import NET, Drive
from .entities import Guest
from .worker import Died, Worker
from .world import World


def managed(world: World, guest: Guest) -> bool:
    """Whether HA manages the guest."""
    resource = world.ha.get(service(guest))
    return resource is not None and resource.get("state") != "ignored"


def service(guest: Guest) -> str:
    """The guest's name in HA."""
    return f"{'vm' if guest.kind == 'qemu' else 'ct'}:{guest.vmid}"


def ha_task(world: World, call: Call, guest: Guest, what: str) -> str:
    """`hastart` or `hastop`: ends when the request is filed; HA acts some cycles later."""

    async def work(worker: Worker) -> None:
        worker.log(f"Requesting HA {what} for {guest.label} {guest.vmid}")
        await worker.work()
        world.ha[service(guest)]["state"] = "started" if what == "start" else "stopped"
        world.tasks.later(10.0, lambda: _ha_act(world, guest, what))

    return world.tasks.start(call.node, call.caller.authid, f"ha{what}", guest.vmid, work)


def _ha_act(world: World, guest: Guest, what: str) -> None:
    """The resource agent's own task, by root@pam."""

    async def work(worker: Worker) -> None:
        worker.log("task started by HA resource agent")
        async with worker.guest_lock(guest):
            if guest.running == (what == "start"):
                return
            await worker.work()
            if what == "start":
                power_on(worker, guest)
            else:
                power_off(guest)

    prefix = "qm" if guest.kind == "qemu" else "vz"
    kind = f"{prefix}start" if what == "start" else f"{prefix}shutdown"
    world.tasks.start(guest.node, "root@pam", kind, guest.vmid, work)


def power_on(worker: Worker, guest: Guest) -> None:
    """The guest runs, with the changes that waited for this."""
    world = worker.world
    for key, value in sorted(guest.config.items()):
        bridge = Drive.parse(key, str(value)).options.get("bridge") if NET.fullmatch(key) else None
        if bridge is not None and bridge not in world.nodes[guest.node].bridges:
            worker.log(f"bridge '{bridge}' does not exist")
            if guest.kind == "qemu":
                raise Died("start failed: QEMU exited with code 1")
            raise Died(f"startup for container '{guest.vmid}' failed")
    for key, waiting in guest.pending.items():
        if waiting is None:
            guest.config.pop(key, None)
        else:
            guest.config[key] = waiting
    guest.pending.clear()
    guest.status, guest.started, guest.paused = "running", world.clock.now(), False


def power_off(guest: Guest) -> None:
    """The guest does not run any more."""
    guest.status, guest.started, guest.paused = "stopped", None, False


async def stop_tasks(world: World, worker: Worker, guest: Guest, kind: str) -> None:
    """Stop the guest's running tasks of a kind (abort_guest_tasks)."""
    for task in list(world.tasks.running(guest.node)):
        if task.upid.type == kind and task.upid.id == str(guest.vmid):
            worker.log(f"Aborting running task '{task.upid}'")
            await world.tasks.stop(task)
