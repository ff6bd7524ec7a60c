# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping containers (`PVE/API2/LXC/Status.pm`)."""

from __future__ import annotations

from pvesim.absent import failing, is_absent, no_config
from pvesim.calls import Call, CallError, call
from pvesim.entities import Guest
from pvesim.guests import as_death, check_lock, check_quorum, guest_of, reload, skiplock
from pvesim.ha import Request, redirected, refuse_overrule, request, shutdown_request
from pvesim.power import power_off, power_on, stop_tasks
from pvesim.worker import Died, Worker
from pvesim.world import World

DEFAULT_TIMEOUT = 60


def _running(world: World, call: Call) -> Guest:
    if is_absent(world, call):
        raise CallError(500, f"CT {call.params['vmid']} not running")
    guest = guest_of(world, call)
    if not guest.running:
        raise CallError(500, f"CT {guest.vmid} not running")
    return guest


@call("POST", "/nodes/{node}/lxc/{vmid}/status/start")
async def start(world: World, call: Call) -> str:
    """Start a container; a running one is refused at once."""
    if is_absent(world, call):
        check_quorum(world)
        return failing(world, call, "vzstart", no_config(call))
    guest = guest_of(world, call)
    ignore_lock = skiplock(call)
    if guest.running:
        raise CallError(500, f"CT {guest.vmid} already running")
    check_quorum(world)
    if redirected(world, call, guest):
        return request(world, call, guest, Request("start", "status/start"))
    return start_task(world, call.caller.authid, guest, ignore_lock)


def start_task(world: World, authid: str, guest: Guest, ignore_lock: bool = False) -> str:
    """A `vzstart` task."""

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            ct = reload(worker, guest)
            if not ignore_lock:
                check_lock(ct)
            if ct.template:
                raise Died("you can't start a CT if it's a template")
            if ct.running:
                raise Died(f"CT {ct.vmid} already running")
            await worker.work()
            power_on(worker, ct)

    return world.tasks.start(guest.node, authid, "vzstart", guest.vmid, work)


@call("POST", "/nodes/{node}/lxc/{vmid}/status/stop")
async def stop(world: World, call: Call) -> str:
    """Kill a container."""
    guest = _running(world, call)
    ignore_lock = skiplock(call)
    if redirected(world, call, guest):
        refuse_overrule(call)
        return request(world, call, guest, Request("stop", "status/stop"))

    async def work(worker: Worker) -> None:
        if call.params.get("overrule-shutdown"):
            await stop_tasks(world, worker, guest, "vzshutdown")
        async with worker.guest_lock(guest), as_death():
            if not ignore_lock:
                check_lock(guest)
            await worker.work()
            power_off(guest)

    return world.tasks.start(call.node, call.caller.authid, "vzstop", guest.vmid, work)


@call("POST", "/nodes/{node}/lxc/{vmid}/status/shutdown")
async def shutdown(world: World, call: Call) -> str:
    """Ask a container to shut down."""
    guest = _running(world, call)
    if redirected(world, call, guest):
        return request(world, call, guest, shutdown_request(call))

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            check_lock(guest)
            await _shut_down(worker, call, bool(call.params.get("forceStop")))
            power_off(guest)

    return world.tasks.start(call.node, call.caller.authid, "vzshutdown", guest.vmid, work)


TOOL = "lxc-checkpoint: {}: ../src/lxc/tools/lxc_checkpoint.c:"
CRIU = "lxc-checkpoint: {}: ../src/lxc/criu.c:"
NOTHING_SAVED = f"""\
{CRIU} exec_criu: 467 Invalid argument - lxc.console.path configured on source host but not target
{CRIU} do_restore: 1038 Invalid argument - Failed to execute criu
{CRIU} do_restore: 1070 criu process exited 1, output:

{CRIU} __criu_restore: 1403 restore process died
{TOOL} restore_finalize: 203 Restoring {{}} failed"""
"""What LXC prints if there is no saved state of a container."""


async def _shut_down(worker: Worker, call: Call, force: bool) -> None:
    """Wait for the end of the container; the timeout is the server's own, never scaled."""
    timeout = float(call.params.get("timeout") or DEFAULT_TIMEOUT)
    if worker.duration / worker.world.clock.speed <= timeout:
        await worker.work()
        return
    await worker.sleep(timeout)
    if not force:
        raise Died("container did not stop")


@call("POST", "/nodes/{node}/lxc/{vmid}/status/reboot")
async def reboot(world: World, call: Call) -> str:
    """Stop and start a container in one task; a stopped one is called a VM."""
    guest = guest_of(world, call)
    if not guest.running:
        raise CallError(500, f"VM {guest.vmid} not running")

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            check_lock(guest)
            await _shut_down(worker, call, force=False)
            power_off(guest)
            power_on(worker, guest)

    return world.tasks.start(call.node, call.caller.authid, "vzreboot", guest.vmid, work)


@call("POST", "/nodes/{node}/lxc/{vmid}/status/suspend")
async def suspend(world: World, call: Call) -> str:
    """Write a container to the disk of its node and stop it (`lxc-checkpoint -s`, CRIU)."""
    guest = _running(world, call)

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            check_lock(guest)
            await worker.work()
            power_off(guest)
            guest.paused = True

    return world.tasks.start(call.node, call.caller.authid, "vzsuspend", guest.vmid, work)


@call("POST", "/nodes/{node}/lxc/{vmid}/status/resume")
async def resume(world: World, call: Call) -> str:
    """Let a saved container go on; that nothing is saved is found out in the task."""
    guest = guest_of(world, call)

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            if guest.running or not guest.paused:
                for line in NOTHING_SAVED.split("\n"):
                    worker.log(line.replace("{}", str(guest.vmid)))
                command = f"lxc-checkpoint -n {guest.vmid} -r --foreground -D /var/lib/vz/dump"
                raise Died(f"command '{command}' failed: exit code 1")
            await worker.work()
            power_on(worker, guest)

    return world.tasks.start(call.node, call.caller.authid, "vzresume", guest.vmid, work)
