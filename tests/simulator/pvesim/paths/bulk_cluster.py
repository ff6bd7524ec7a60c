# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk actions on guests of the whole cluster (`PVE/API2/Cluster/BulkAction/Guest.pm`).

Other than those of a node, the task fails when a guest failed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
POWER = "VM.PowerMgmt"
DEFAULT_TIMEOUT = 180


@dataclass(frozen=True)
class _Action:
    """One action: the type of its task, the words of its log, and what it needs."""

    task_type: str
    heading: str
    verb: str
    failing: str
    privilege: str
    skipped: Callable[[Guest], str | None]
    """The warning about a guest that is left out, empty where it is left out silently."""


def _chosen(
    world: World, call: Call, action: _Action, *, backwards: bool
) -> tuple[list[int], list[Guest]]:
    """The VMIDs of the call, and the guests: missing ones and templates are ignored."""
    wanted = wanted_ids(call)
    if wanted is None:
        may = call.caller.may
        wanted = [vmid for vmid in sorted(world.guests) if may(f"/vms/{vmid}", action.privilege)]
    else:
        for vmid in wanted:
            check_allowed(call, f"/vms/{vmid}", action.privilege)
    there = [world.guests[vmid] for vmid in wanted if vmid in world.guests]
    guests = in_order((guest for guest in there if not guest.template), backwards=backwards)
    return wanted, guests


def _run(world: World, call: Call, action: _Action, act: Act, *, backwards: bool = False) -> str:
    """The task of an action; `act` starts the task of one guest."""
    wanted, guests = _chosen(world, call, action, backwards=backwards)

    async def work(worker: Worker) -> None:
        worker.log(f"{action.heading}: {', '.join(str(vmid) for vmid in wanted)}")

        async def start(guest: Guest) -> str:
            worker.log(action.verb.format(f"{guest.label} {guest.vmid}"))
            return await act(guest)

        verb = action.verb.partition(" {}")[0]
        count, skipped = workers(world, call), action.skipped
        bulk = Bulk(worker, verb, start, count, cluster=True, skipped=skipped)
        await bulk.run(guests)
        if bulk.failed:
            ids = ", ".join(str(vmid) for vmid in sorted(bulk.failed))
            raise Died(f"Some guests failed to {action.failing} {ids}")

    return world.tasks.start(call.node, call.caller.authid, action.task_type, "", work)


def _not_running(guest: Guest) -> str | None:
    return None if guest.running else f"Skipping {guest.label} {guest.vmid}, not running."


def _not_suspended(guest: Guest) -> str | None:
    if guest.type == "lxc":
        return f"skipping {guest.vmid}, only VMs can be suspended"
    return _not_running(guest)


@call("POST", "/cluster/bulk-action/guest/start")
async def start(world: World, call: Call) -> str:
    """Start guests wherever they are; those that run are left out silently."""
    check_quorum(world)

    async def act(guest: Guest) -> str:
        return await guest_call(world, call.caller, guest, ("status/start", {}))

    def skipped(guest: Guest) -> str | None:
        return "" if guest.running else None

    action = _Action("bulk-start", "Starting guests", "Starting {}", "start:", POWER, skipped)
    return _run(world, call, action, act)


@call("POST", "/cluster/bulk-action/guest/shutdown")
async def shutdown(world: World, call: Call) -> str:
    """Shut guests down, those that start first last."""
    params: dict[str, Any] = {"forceStop": int(call.params.get("force-stop", 1))}
    timeout = int(call.params.get("timeout", DEFAULT_TIMEOUT))
    if "timeout" in call.params:
        params["timeout"] = timeout

    async def act(guest: Guest) -> str:
        return await guest_call(world, call.caller, guest, ("status/shutdown", params))

    verb = f"Shutting down {{}} (Timeout = {timeout} seconds)"
    head = "Shutting down guests"
    action = _Action("bulk-shutdown", head, verb, "shutdown", POWER, _not_running)
    return _run(world, call, action, act, backwards=True)


@call("POST", "/cluster/bulk-action/guest/suspend")
async def suspend(world: World, call: Call) -> str:
    """Pause VMs, or save them to disk."""
    params = {"todisk": int(call.params.get("to-disk", 0))}

    async def act(guest: Guest) -> str:
        return await guest_call(world, call.caller, guest, ("status/suspend", params))

    head = "Suspending guests"
    action = _Action("bulk-suspend", head, "Suspending {}", "suspend", POWER, _not_suspended)
    return _run(world, call, action, act, backwards=True)


@call("POST", "/cluster/bulk-action/guest/migrate")
async def migrate(world: World, call: Call) -> str:
    """Move guests to one node; those that are there stay."""
    target = str(call.params["target"])

    async def act(guest: Guest) -> str:
        world.check_node(target)
        return await start_migration(world, call, guest, target)

    def skipped(guest: Guest) -> str | None:
        return "" if guest.node == target else None

    head = f"Migrating guests to {target}"
    action = _Action("bulk-migrate", head, "Migrating {}", "migrate", "VM.Migrate", skipped)
    return _run(world, call, action, act)
