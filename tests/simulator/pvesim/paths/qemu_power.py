# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping VMs (`PVE/API2/Qemu.pm`, `PVE/QemuServer.pm`)."""

from __future__ import annotations

from datetime import datetime, timezone

from pvesim.absent import failing, is_absent, no_config, not_found
from pvesim.calls import Call, CallError, call
from pvesim.entities import Guest
from pvesim.guests import (
    as_death,
    check_lock,
    check_quorum,
    check_root_only,
    guest_of,
    reload,
    skiplock,
)
from pvesim.ha import Request, redirected, refuse_overrule, request, shutdown_request
from pvesim.power import check_start, clean_up, power_off, power_on, stop_tasks
from pvesim.states import drop_state, make_state
from pvesim.worker import Died, Worker
from pvesim.world import World

RESTART_DELAY = 0.3
TERMINATING = "VM quit/powerdown failed - terminating now with SIGTERM"
DEFAULT_TIMEOUT = 180


def _running(world: World, call: Call) -> Guest:
    guest = guest_of(world, call)
    if not guest.running:
        raise CallError(500, f"VM {guest.vmid} not running")
    return guest


@call("POST", "/nodes/{node}/qemu/{vmid}/status/start")
async def start(world: World, call: Call) -> str:
    """Start a VM; that it runs, is locked or a template is found in the task."""
    check_root_only(call, "stateuri", "migratedfrom", "migration_type", "migration_network")
    ignore_lock = skiplock(call)
    if is_absent(world, call):
        check_quorum(world)
        return failing(world, call, "qmstart", no_config(call))
    guest = guest_of(world, call)
    check_quorum(world)
    if redirected(world, call, guest):
        return request(world, call, guest, Request("start", "status/start"))
    return start_task(world, call.caller.authid, guest, ignore_lock)


def start_task(world: World, authid: str, guest: Guest, ignore_lock: bool = False) -> str:
    """A `qmstart` task."""

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            vm = reload(worker, guest)
            if vm.template:
                raise Died("you can't start a vm if it's a template")
            suspended = vm.lock == "suspended"
            if not ignore_lock and not suspended:
                check_lock(vm)
            if vm.running:
                raise Died(f"VM {vm.vmid} already running")
            if suspended:
                worker.log("Resuming suspended VM")
            check_start(worker, vm)
            await worker.work()
            power_on(worker, vm)
            if suspended:
                vm.config.pop("lock", None)
                drop_state(world, vm)
                worker.log("Resumed VM, removing state")

    return world.tasks.start(guest.node, authid, "qmstart", guest.vmid, work)


@call("POST", "/nodes/{node}/qemu/{vmid}/status/stop")
async def stop(world: World, call: Call) -> str:
    """Turn a VM off."""
    check_root_only(call, "keepActive", "migratedfrom")
    ignore_lock = skiplock(call)
    if is_absent(world, call):
        return failing(world, call, "qmstop", not_found(call))
    guest = guest_of(world, call)
    if redirected(world, call, guest):
        refuse_overrule(call)
        return request(world, call, guest, Request("stop", "status/stop"))

    async def work(worker: Worker) -> None:
        if call.params.get("overrule-shutdown"):
            await stop_tasks(world, worker, guest, "qmshutdown")
        if not guest.running:
            return
        async with worker.guest_lock(guest), as_death():
            if not ignore_lock:
                check_lock(guest)
            await worker.work()
            power_off(guest)
            clean_up(world, guest)

    return world.tasks.start(call.node, call.caller.authid, "qmstop", guest.vmid, work)


@call("POST", "/nodes/{node}/qemu/{vmid}/status/shutdown")
async def shutdown(world: World, call: Call) -> str:
    """Ask the guest to shut down; the lock is held until it has, or the time is over."""
    check_root_only(call, "keepActive")
    ignore_lock = skiplock(call)
    if is_absent(world, call):
        return failing(world, call, "qmshutdown", not_found(call))
    guest = guest_of(world, call)
    if redirected(world, call, guest):
        return request(world, call, guest, shutdown_request(call))

    async def work(worker: Worker) -> None:
        if not guest.running:
            return
        async with worker.guest_lock(guest), as_death():
            if not ignore_lock:
                check_lock(guest)
            await shut_down(worker, guest, call, force=bool(call.params.get("forceStop")))
            clean_up(world, guest)

    return world.tasks.start(call.node, call.caller.authid, "qmshutdown", guest.vmid, work)


async def shut_down(worker: Worker, guest: Guest, call: Call, *, force: bool) -> None:
    """Wait until the guest has shut down; the timeout is the server's own, never scaled."""
    timeout = float(call.params.get("timeout") or DEFAULT_TIMEOUT)
    if worker.duration / worker.world.clock.speed <= timeout:
        await worker.work()
    else:
        await worker.sleep(timeout)
        if not force:
            raise Died("VM quit/powerdown failed - got timeout")
        worker.log(TERMINATING)
    power_off(guest)


@call("POST", "/nodes/{node}/qemu/{vmid}/status/reboot")
async def reboot(world: World, call: Call) -> str:
    """Shut down; when the VM has stopped, qmeventd starts it again in a task of root@pam."""
    guest = _running(world, call)

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            check_lock(guest)
            await shut_down(worker, guest, call, force=False)

        async def start_again() -> None:
            start_task(world, "root@pam", guest)

        world.tasks.later(RESTART_DELAY, start_again)

    return world.tasks.start(call.node, call.caller.authid, "qmreboot", guest.vmid, work)


@call("POST", "/nodes/{node}/qemu/{vmid}/status/reset")
async def reset(world: World, call: Call) -> str:
    """Reset a running VM."""
    guest = _running(world, call)
    ignore_lock = skiplock(call)

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            if not ignore_lock:
                check_lock(guest)
            await worker.work()
            guest.started = world.clock.now()

    return world.tasks.start(call.node, call.caller.authid, "qmreset", guest.vmid, work)


@call("POST", "/nodes/{node}/qemu/{vmid}/status/suspend")
async def suspend(world: World, call: Call) -> str:
    """Pause a VM, or save its state to disk and stop it."""
    if is_absent(world, call):
        raise CallError(500, not_found(call))
    guest = _running(world, call)
    ignore_lock = skiplock(call)
    to_disk = bool(call.params.get("todisk"))
    if to_disk and redirected(world, call, guest):
        raise CallError(500, "Cannot suspend VM to disk - it is managed by HA")

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            if not ignore_lock and (to_disk or guest.lock != "backup"):
                check_lock(guest)
            if to_disk:
                guest.config["lock"] = "suspending"
                today = datetime.fromtimestamp(worker.now(), tz=timezone.utc)
                guest.config["vmstate"] = await make_state(worker, guest, f"suspend-{today:%F}")
            try:
                await worker.work()
            except Died:
                guest.config.pop("lock", None)
                drop_state(world, guest)
                raise
            if not to_disk:
                guest.paused = True
                return
            worker.log("State saved, quitting")
            power_off(guest)
            clean_up(world, guest)
            guest.config["lock"] = "suspended"

    task_type = "qmsuspend" if to_disk else "qmpause"
    return world.tasks.start(call.node, call.caller.authid, task_type, guest.vmid, work)


@call("POST", "/nodes/{node}/qemu/{vmid}/status/resume")
async def resume(world: World, call: Call) -> str:
    """Let a paused VM go on; one that was saved to disk is started."""
    guest = guest_of(world, call)
    ignore_lock = skiplock(call)
    suspended = guest.lock == "suspended"
    if not guest.running and not suspended:
        raise CallError(500, f"VM {guest.vmid} not running")

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            if not ignore_lock and not suspended and guest.lock != "backup":
                check_lock(guest)
            await worker.work()
            if suspended:
                power_on(worker, guest)
                guest.config.pop("lock", None)
                drop_state(world, guest)
            guest.paused = False

    return world.tasks.start(call.node, call.caller.authid, "qmresume", guest.vmid, work)
