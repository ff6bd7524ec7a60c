# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What starting and stopping means for the state of a guest."""

from __future__ import annotations

import re
from contextlib import suppress

from .drives import NET, Drive, disks, drives
from .entities import Guest
from .locks import LockTimeout, guest_lock_file
from .sdn import bridges
from .volumes import find_volume
from .worker import Died, Worker
from .world import World

EXITED = "start failed: QEMU exited with code 1"
CLEANUP_DELAY = 0.5
"""Seconds at speed 1 until qmeventd has noticed the end and `qm cleanup` runs."""
CLEANUP_PATIENCE = 30
"""Seconds for which it waits for the end of a process that is another one by now."""


def _check_parts(world: World, guest: Guest) -> None:
    """Refuse to start without a bridge or a volume that the config names."""
    for key, value in sorted(guest.config.items()):
        bridge = Drive.parse(key, str(value)).options.get("bridge") if NET.fullmatch(key) else None
        if bridge is not None and bridge not in bridges(world, guest.node):
            raise Died(f"bridge '{bridge}' does not exist")
    for drive in disks(guest.type, guest.config):
        if find_volume(world, drive.volume, guest.node) is None:
            raise Died(f"volume '{drive.volume}' does not exist")


def check_start(worker: Worker, vm: Guest) -> None:
    """What QEMU or the server refuses about a VM before it runs."""
    _check_cpus(worker, vm)
    _warn_of_cdrom(worker, vm)
    _check_memory(worker, vm)


def _check_cpus(worker: Worker, guest: Guest) -> None:
    """A VM has no more CPUs than the node."""
    most = worker.world.nodes[guest.node].maxcpu
    if int(guest.config.get("sockets", 1)) * int(guest.config.get("cores", 1)) > most:
        raise Died(f"MAX {most} vcpus allowed per VM on this node")


def _check_memory(worker: Worker, guest: Guest) -> None:
    """QEMU does not begin with more memory than the node has."""
    words = re.findall(r"\d+", str(guest.config.get("memory", "")))
    if words and int(words[0]) << 20 > worker.world.nodes[guest.node].maxmem:
        worker.log("kvm: cannot set up guest memory 'pc.ram': Cannot allocate memory")
        raise Died(EXITED)


def _warn_of_cdrom(worker: Worker, guest: Guest) -> None:
    """The nodes have no CD-ROM drives that a VM could be given.

    A QEMU that knows drives of the host (`host_cdrom` of the node's system) does not begin then.
    """
    for drive in drives("qemu", guest.config):
        if drive.volume == "cdrom":
            worker.warn("no physical CD-ROM available, ignoring")
            if worker.world.nodes[guest.node].system.get("host_cdrom"):
                raise Died(EXITED)


def power_on(worker: Worker, guest: Guest) -> None:
    """The guest runs, with the changes that waited for this."""
    world = worker.world
    _check_parts(world, guest)
    for key, waiting in guest.pending.items():
        if waiting is None:
            guest.config.pop(key, None)
        else:
            guest.config[key] = waiting
    guest.pending.clear()
    guest.status, guest.started, guest.paused = "running", world.clock.now(), False
    for drive in disks(guest.type, guest.config):
        volume = find_volume(world, drive.volume, guest.node)
        if volume is not None and volume.used == 0:
            volume.used = None


def power_off(guest: Guest) -> None:
    """The guest does not run any more."""
    guest.status, guest.started, guest.paused = "stopped", None, False
    guest.frozen, guest.programs = False, []


def clean_up(world: World, guest: Guest) -> None:
    """After a VM has ended, `qm cleanup` holds its lock, for long when the VM runs again."""

    async def hold() -> None:
        path = guest_lock_file("qemu", guest.vmid)
        with suppress(LockTimeout):
            async with world.locks.flock(guest.node, path):
                for _second in range(CLEANUP_PATIENCE):
                    if not guest.running:
                        return
                    await world.clock.sleep(1.0)

    world.tasks.later(CLEANUP_DELAY / world.clock.speed, hold)


async def stop_tasks(world: World, worker: Worker, guest: Guest, task_type: str) -> None:
    """Stop the guest's running tasks of a type (abort_guest_tasks)."""
    overruled = [
        task
        for task in world.tasks.running(guest.node)
        if task.upid.type == task_type and task.upid.id == str(guest.vmid)
    ]
    for task in overruled:
        await world.tasks.stop(task)
    if overruled:
        upids = ", ".join(str(task.upid) for task in overruled)
        worker.log(f"overruled {task_type} tasks: {upids}")
