# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk actions on guests of the whole cluster (`PVE/API2/Cluster/BulkAction/Guest.pm`).

Other than those of a node, the task fails when a guest failed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pvesim.bulk import Bulk, in_order, wanted_ids, workers
from pvesim.calls import Call, call
from pvesim.entities import Guest
from pvesim.guests import check_allowed, check_quorum
from pvesim.nested import guest_call
from pvesim.worker import Died, Worker
from pvesim.world import World

from .bulk_node import start_migration

Act = Callable[[Guest], Awaitable[str]]


def _guests(world: World, call: Call, privilege: str) -> list[Guest]:
    """The guests that are meant: the caller must have the right on each that he names."""
    wanted = wanted_ids(call)
    if wanted is None:
        chosen = [g for g in world.guests.values() if call.caller.may(f"/vms/{g.vmid}", privilege)]
    else:
        for vmid in wanted:
            check_allowed(call, f"/vms/{vmid}", privilege)
        chosen = [world.guests[vmid] for vmid in wanted if vmid in world.guests]
    return in_order(guest for guest in chosen if not guest.template)


def _run(
    world: World, call: Call, what: tuple[str, str, str], guests: list[Guest], act: Act
) -> str:
    """The task; `what` is its type, the verb of its log and that of its failure."""
    kind, verb, failing = what

    async def work(worker: Worker) -> None:
        async def start(guest: Guest) -> str:
            worker.log(f"{verb} {guest.label} {guest.vmid} on node '{guest.node}'")
            return await act(guest)

        bulk = Bulk(worker, verb, start, workers(world, call))
        await bulk.run(guests)
        if bulk.failed:
            ids = ", ".join(str(vmid) for vmid in sorted(bulk.failed))
            raise Died(f"Some guests failed to {failing} {ids}")

    return world.tasks.start(call.node, call.caller.authid, kind, "", work)


@call("POST", "/cluster/bulk-action/guest/start")
async def start(world: World, call: Call) -> str:
    """Start guests wherever they are."""
    check_quorum(world)
    guests = [g for g in _guests(world, call, "VM.PowerMgmt") if not g.running]

    async def act(guest: Guest) -> str:
        return await guest_call(world, call.caller, guest, ("status/start", {}))

    return _run(world, call, ("bulk-start", "Starting", "start"), guests, act)


@call("POST", "/cluster/bulk-action/guest/shutdown")
async def shutdown(world: World, call: Call) -> str:
    """Shut guests down, those that start first last."""
    guests = [g for g in _guests(world, call, "VM.PowerMgmt")[::-1] if g.running]
    params: dict[str, Any] = {"forceStop": int(call.params.get("force-stop", 1))}
    if "timeout" in call.params:
        params["timeout"] = int(call.params["timeout"])

    async def act(guest: Guest) -> str:
        return await guest_call(world, call.caller, guest, ("status/shutdown", params))

    return _run(world, call, ("bulk-shutdown", "Stopping", "shutdown"), guests, act)


@call("POST", "/cluster/bulk-action/guest/suspend")
async def suspend(world: World, call: Call) -> str:
    """Pause VMs, or save them to disk."""
    chosen = _guests(world, call, "VM.PowerMgmt")[::-1]
    guests = [g for g in chosen if g.running and g.kind == "qemu"]
    params = {"todisk": int(call.params.get("to-disk", 0))}

    async def act(guest: Guest) -> str:
        return await guest_call(world, call.caller, guest, ("status/suspend", params))

    return _run(world, call, ("bulk-suspend", "Suspending", "suspend"), guests, act)


@call("POST", "/cluster/bulk-action/guest/migrate")
async def migrate(world: World, call: Call) -> str:
    """Move guests to one node; those that are there stay."""
    target = str(call.params["target"])
    world.check_node(target)
    guests = [g for g in _guests(world, call, "VM.Migrate") if g.node != target]

    async def act(guest: Guest) -> str:
        return await start_migration(world, call, guest, target)

    return _run(world, call, ("bulk-migrate", "Migrating", "migrate"), guests, act)
