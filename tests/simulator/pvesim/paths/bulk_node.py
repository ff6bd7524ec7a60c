# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, stopping, suspending and moving the guests of a node (`PVE/API2/Nodes.pm`).

The task ends OK also when guests failed: their failures are in its log only.
"""

from __future__ import annotations

from typing import Any

from pvesim.bulk import Bulk, check_power, check_workers, in_order, startup, wanted_ids, workers
from pvesim.calls import Call, CallError, call
from pvesim.drives import drives
from pvesim.entities import Guest
from pvesim.nested import guest_call
from pvesim.volumes import find_volume
from pvesim.worker import Worker
from pvesim.world import World

from .qemu_migrate import check_target

STOP_TIMEOUT = 180


def _guests(world: World, call: Call) -> list[Guest]:
    """The guests of the node that are meant; templates never are."""
    wanted = wanted_ids(call)
    found = (g for g in world.guests_on(call.node) if wanted is None or g.vmid in wanted)
    return in_order(guest for guest in found if not guest.template)


def _start(world: World, call: Call, task_type: str, work: Any) -> str:
    return world.tasks.start(call.node, call.caller.authid, task_type, "", work)


@call("POST", "/nodes/{node}/startall")
async def startall(world: World, call: Call) -> str:
    """Start guests one after the other: those that start at boot, or all with `force`."""
    check_power(call, "VM.PowerMgmt")
    force = bool(call.params.get("force"))

    async def work(worker: Worker) -> None:
        async def start(guest: Guest) -> str:
            worker.log(f"Starting {guest.label} {guest.vmid}")
            return await guest_call(world, call.caller, guest, ("status/start", {}))

        for guest in _guests(world, call):
            if guest.running or not (force or guest.config.get("onboot")):
                continue
            await Bulk(worker, "Starting", start, 1).run([guest])
            if delay := startup(guest, "up"):
                worker.log(f"Waiting for {delay} seconds (startup delay)")
                await worker.sleep(delay)

    return _start(world, call, "startall", work)


@call("POST", "/nodes/{node}/stopall")
async def stopall(world: World, call: Call) -> str:
    """Shut guests down in the reverse of their order, by default with force in the end."""
    check_power(call, "VM.PowerMgmt")
    force = int(call.params.get("force-stop", 1))

    async def work(worker: Worker) -> None:
        async def stop(guest: Guest) -> str:
            seconds = startup(guest, "down") or int(call.params.get("timeout", STOP_TIMEOUT))
            worker.log(f"Stopping {guest.label} {guest.vmid} (timeout = {seconds} seconds)")
            params = {"timeout": seconds, "forceStop": force}
            return await guest_call(world, call.caller, guest, ("status/shutdown", params))

        running = [guest for guest in _guests(world, call)[::-1] if guest.running]
        await Bulk(worker, "Stopping", stop, workers(world, call)).run(running)

    return _start(world, call, "stopall", work)


@call("POST", "/nodes/{node}/suspendall")
async def suspendall(world: World, call: Call) -> str:
    """Suspend the running VMs of a node to disk."""
    check_power(call, "VM.PowerMgmt")

    async def work(worker: Worker) -> None:
        async def suspend(guest: Guest) -> str:
            worker.log(f"Suspending VM {guest.vmid}")
            return await guest_call(world, call.caller, guest, ("status/suspend", {"todisk": 1}))

        chosen = [g for g in _guests(world, call)[::-1] if g.running and g.type == "qemu"]
        await Bulk(worker, "Suspending", suspend, workers(world, call)).run(chosen)

    return _start(world, call, "suspendall", work)


@call("POST", "/nodes/{node}/migrateall")
async def migrateall(world: World, call: Call) -> str:
    """Move guests to another node; running containers are restarted there."""
    check_power(call, "VM.Migrate")
    target = check_target(world, call)
    check_workers(world, call)

    async def work(worker: Worker) -> None:
        async def migrate(guest: Guest) -> str:
            worker.log(f"Migrating {guest.label} {guest.vmid}")
            return await start_migration(world, call, guest, target)

        wanted = wanted_ids(call)
        chosen = [g for g in world.guests_on(call.node) if wanted is None or g.vmid in wanted]
        await Bulk(worker, "Migrating", migrate, workers(world, call)).run(chosen)

    return _start(world, call, "migrateall", work)


async def start_migration(world: World, call: Call, guest: Guest, target: str) -> str:
    """The migration of one guest; raises CallError for one that cannot go along."""
    with_disks = bool(call.params.get("with-local-disks"))
    if guest.type == "lxc":
        params: dict[str, Any] = {"target": target, "restart": int(guest.running)}
        return await guest_call(world, call.caller, guest, ("migrate", params))
    local = [
        drive.volume
        for drive in drives("qemu", guest.config)
        if (volume := find_volume(world, drive.volume, guest.node)) and volume.node is not None
    ]
    if guest.running and local and not with_disks:
        found = ", ".join(local)
        raise CallError(500, f"precondition check failed:\n  Has local disks: {found}")
    params = {"target": target, "online": int(guest.running), "with-local-disks": int(with_disks)}
    return await guest_call(world, call.caller, guest, ("migrate", params))
