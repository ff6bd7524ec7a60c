# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrating a VM (`PVE/API2/Qemu.pm`, `PVE/QemuMigrate.pm`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.drives import Drive, drives
from pvesim.entities import Guest, Volume
from pvesim.guests import check_lock, check_quorum, guest_of
from pvesim.ha import Request, redirected, request
from pvesim.migration import (
    CONNTRACK,
    Aborted,
    Migration,
    Problems,
    migrate,
    parse_mapping,
)
from pvesim.sizes import human_size
from pvesim.volumes import find_volume
from pvesim.worker import Interrupted, Worker
from pvesim.world import World

ROOT_ONLY = ("force", "migration_type", "migration_network")
START_SHARE, DISK_SHARE = 0.4, 0.3
"""The parts of the work that starting over there and the disks take; the rest is the memory."""
RAM_STEPS = 4
AT_ONCE = 80 << 20
"""So much memory went over within a second, before any line reported it."""
DOWNTIME_LIMIT = 0.1
"""Seconds that a VM may stand still at the end, unless its config says otherwise."""
LEAST_SPENT = 0.001
NOT_LIVE = "can't live migrate attached local disks without with-local-disks option"
SCANNING = "Problem found while scanning volumes - "


def check_target(world: World, call: Call) -> str:
    """The other node: known, and not this one."""
    target = str(call.params["target"])
    if target in (call.node, "localhost"):
        raise parameter_error(target="target is local node.")
    check_quorum(world)
    world.check_node(target)
    return target


@call("POST", "/nodes/{node}/qemu/{vmid}/migrate")
async def migrate_vm(world: World, call: Call) -> str:
    """Move a VM to another node; most of what can go wrong is found in the task."""
    target = check_target(world, call)
    for option in ROOT_ONLY:
        if option in call.params and call.caller.authid != "root@pam":
            raise parameter_error(**{option: "Only root may use this option."})
    guest = guest_of(world, call)
    check_lock(guest)
    if guest.running and not call.params.get("online"):
        raise CallError(500, "can't migrate running VM without --online")
    if not guest.running and not call.params.get("targetstorage"):
        _check_storages(world, guest, target)
    if redirected(world, call, guest):
        return request(world, call, guest, Request("migration", "migrate", {"target": target}))
    mapping = parse_mapping(call.params.get("targetstorage"))
    with_disks = bool(call.params.get("with-local-disks"))
    limit = int(call.params.get("bwlimit") or 0)

    async def work(worker: Worker) -> None:
        phases = partial(_phases, with_local_disks=with_disks, limit=limit)
        await migrate(Migration(worker, guest, target, mapping), phases, _warn)

    local = bool(_local_drives(world, guest))
    pace = "qmigrate" if local or guest.running else "qmigrate.shared"
    return world.tasks.start(call.node, call.caller.authid, "qmigrate", guest.vmid, work, pace=pace)


def _local_drives(world: World, guest: Guest) -> list[tuple[Drive, Volume]]:
    """The disks that only this node has."""
    return [
        (drive, volume)
        for drive in drives("qemu", guest.config)
        if (volume := find_volume(world, drive.volume, guest.node)) and volume.node is not None
    ]


def _check_storages(world: World, guest: Guest, target: str) -> None:
    """Every storage of a stopped VM has to be there on the target (check_storage_availability)."""
    for drive in drives("qemu", guest.config):
        storage = world.storages.get(drive.storage or "")
        if storage is not None and storage.nodes is not None and target not in storage.nodes:
            raise CallError(500, f"storage '{storage.id}' is not available on node '{target}'")


def _warn(migration: Migration) -> None:
    """Connections of a running VM may get lost."""
    if migration.guest.running:
        migration.say(CONNTRACK)


async def _phases(migration: Migration, *, with_local_disks: bool, limit: int) -> None:
    """Scan, copy, and for a running VM its memory."""
    guest, running = migration.guest, migration.guest.running
    volumes = _scan(migration, with_local_disks or not running)
    guest.config["lock"] = "migrate"
    at_rest: list[tuple[Drive | None, Volume]] = [*(() if running else volumes)]
    at_rest += [(None, state) for state in migration.states()]
    if at_rest:
        migration.say("copying local disk images")
        await migration.copy(at_rest, 0.0 if running else 1.0)
    if running:
        await _online(migration, volumes, limit)
    elif not at_rest:
        await migration.worker.work()
    migration.worker.judge()
    migration.arrive()


def _scan(migration: Migration, movable: bool) -> list[tuple[Drive, Volume]]:
    """The local volumes; every one that cannot move is named before that is the end."""
    try:
        volumes = migration.local_volumes()
    except Aborted as exc:
        raise Aborted(f"{SCANNING}{exc}") from exc
    for name in [*(volume.volid for _drive, volume in volumes), *migration.missing]:
        migration.say(f"found local disk '{name}' (attached)")
    for state in migration.states():
        migration.say(f"found local disk '{state.volid}' (referenced by snapshot(s))")
    problems = {} if movable else {volume.volid: NOT_LIVE for _drive, volume in volumes}
    problems |= {name: f"volume '{name}' does not exist" for name in migration.missing}
    for name, problem in problems.items():
        migration.say(f"can't migrate local disk '{name}': {problem}")
    if problems:
        raise Aborted(f"{SCANNING}can't migrate VM - check log")
    return volumes


def _start_there(migration: Migration) -> asyncio.Event:
    """The task of `qm start` on the target, which ends when the event is set."""
    started = asyncio.Event()

    async def work(_worker: Worker) -> None:
        await started.wait()

    guest = migration.guest
    migration.world.tasks.start(migration.target, "root@pam", "qmstart", guest.vmid, work)
    return started


async def _online(migration: Migration, volumes: list[tuple[Drive, Volume]], limit: int) -> None:
    """The VM is started over there, then its disks and its memory follow."""
    guest, worker = migration.guest, migration.worker
    migration.say(f"starting VM {guest.vmid} on remote node '{migration.target}'")
    started = _start_there(migration)
    try:
        await worker.work(START_SHARE)
    except Interrupted as exc:
        raise Problems("remote command failed with exit code -1") from exc
    finally:
        started.set()
    migration.allocate_there(volumes)
    migration.say("start remote tunnel")
    migration.say("ssh tunnel ver 1")
    try:
        if volumes:
            await _disks(migration, [drive for drive, _volume in volumes], limit)
        spent = START_SHARE + (DISK_SHARE if volumes else 0.0)
        await _memory(migration, 1 - spent, limit)
    except Interrupted as exc:
        raise Problems("interrupted by signal") from exc
    if not volumes:
        return
    worker.log("all 'mirror' jobs are ready")
    for drive, _volume in volumes:
        for text in ("Completing block job...", "Completed successfully.", "mirror-job finished"):
            worker.log(f"mirror-{drive.key}: {text}")
    migration.say("stopping NBD storage migration server on target.")


async def _disks(migration: Migration, moved: Sequence[Drive], limit: int) -> None:
    """The disks go over, and are kept alike from then on."""
    migration.say("starting storage migration")
    for drive in moved:
        await _mirror(migration, drive, DISK_SHARE / len(moved), limit)
    migration.say("switching mirror jobs to actively synced mode")
    for drive in moved:
        job = f"mirror-{drive.key}"
        migration.worker.log(f"{job}: switching to actively synced mode")
        migration.worker.log(f"{job}: successfully switched to actively synced mode")


async def _mirror(migration: Migration, drive: Drive, share: float, limit: int) -> None:
    """A disk goes over through NBD; the rest is reported each second."""
    worker, vmid = migration.worker, migration.guest.vmid
    migration.say(
        f"{drive.key}: start migration to "
        f"nbd:unix:/run/qemu-server/{vmid}_nbd.migrate:exportname=drive-{drive.key}"
    )
    limited = f" with bandwidth limit: {limit} KiB/s" if limit else ""
    worker.log(f"drive mirror is starting for drive-{drive.key}{limited}")
    seconds = worker.duration * share
    if limit:
        seconds = max(seconds, drive.size / (limit * 1024))
    whole = max(1, int(seconds))
    size = human_size(drive.size)
    for age in range(whole + 1):
        if age and limit:
            await worker.boot(seconds / whole)
        elif age:
            await worker.work(share / whole)
        done = f"{human_size(drive.size * age // whole)} of {size} ({100 * age / whole:.2f}%)"
        ready = ", ready" if age == whole else ""
        worker.log(f"mirror-{drive.key}: transferred {done} in {age}s{ready}")
    if limit:
        await worker.work(share)
    worker.log("all 'mirror' jobs are ready")


async def _memory(migration: Migration, share: float, limit: int) -> None:
    """The memory of a running VM goes over line by line."""
    guest = migration.guest
    size = int(guest.config.get("memory", 512)) << 20
    socket = f"unix:/run/qemu-server/{guest.vmid}.migrate"
    downtime_limit = float(guest.config.get("migrate_downtime", DOWNTIME_LIMIT))
    migration.say(f"starting online/live migration on {socket}")
    migration.say("set migration capabilities")
    if limit:
        migration.say(f"migration speed limit: {human_size(limit * 1024)}/s")
    migration.say(f"migration downtime limit: {downtime_limit * 1000:.0f} ms")
    # A tenth of the memory, as the power of two above it.
    migration.say(f"migration cachesize: {human_size(1 << (size // 10 - 1).bit_length())}")
    migration.say("set migration parameters")
    migration.say(f"start migrate command to {socket}")
    clock = migration.worker.world.clock
    began = clock.now()
    steps = RAM_STEPS if size > AT_ONCE else 1
    for step in range(1, steps + 1):
        before = clock.now()
        await migration.worker.work(share / steps)
        if steps == 1:
            break
        rate = size / steps / _spent(migration, before)
        done = human_size(size * step // steps)
        migration.say(
            f"migration active, transferred {done} of {human_size(size)} VM-state, "
            f"{human_size(rate)}/s"
        )
    rate = size / _spent(migration, began)
    # The VM stands still while the last part goes over, which is what fits into the limit.
    downtime = min(downtime_limit, size / RAM_STEPS / rate) * 1000
    migration.say(f"average migration speed: {human_size(rate)}/s - downtime {downtime:.0f} ms")
    migration.say("migration completed, transferred " + human_size(size) + " VM-state")
    migration.say("migration status: completed")


def _spent(migration: Migration, since: float) -> float:
    """Seconds of work since then, as a cluster of speed 1 would have needed."""
    clock = migration.worker.world.clock
    return max(LEAST_SPENT, (clock.now() - since) * clock.speed)


@call("GET", "/nodes/{node}/qemu/{vmid}/migrate")
async def preconditions(world: World, call: Call) -> dict[str, Any]:
    """Whether it runs, and what keeps it from moving."""
    guest = guest_of(world, call)
    local = [
        {
            "volid": drive.volume,
            "drivename": drive.key,
            "size": volume.size,
            "cdrom": int(drive.cdrom),
            "is_attached": 1,
            "is_cloudinit": int(drive.cloudinit),
            "is_tpmstate": int(drive.key == "tpmstate0"),
            "is_unused": 0,
            "is_vmstate": 0,
            "replicate": int(drive.options.get("replicate", "1")),
            "shared": 0,
        }
        for drive, volume in _local_drives(world, guest)
    ]
    answer: dict[str, Any] = {
        "running": int(guest.running),
        "local_disks": local,
        "local_resources": [],
        "mapped-resources": [],
        "mapped-resource-info": {},
        "has-dbus-vmstate": 1,
        "allowed_nodes": [n for n in world.nodes if n != call.node],
        "not_allowed_nodes": {n: {} for n in world.nodes if n != call.node},
    }
    return answer
