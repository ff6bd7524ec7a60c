# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrating a VM (`PVE/API2/Qemu.pm`, `PVE/QemuMigrate.pm`)."""

from __future__ import annotations

from functools import partial
from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.drives import Drive, drives
from pvesim.entities import Guest
from pvesim.guests import check_lock, check_quorum, guest_of
from pvesim.ha import Request, redirected, request
from pvesim.migration import Aborted, Migration, migrate, parse_mapping
from pvesim.sizes import human_size
from pvesim.volumes import find_volume
from pvesim.worker import Worker
from pvesim.world import World

ROOT_ONLY = ("force", "migration_type", "migration_network")
RAM_SHARE = 0.5
RAM_STEPS = 4
DOWNTIME_LIMIT = 0.1
"""Seconds that a VM may stand still at the end, unless its config says otherwise."""
LEAST_SPENT = 0.001
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

    async def work(worker: Worker) -> None:
        phases = partial(_phases, with_local_disks=with_disks)
        await migrate(Migration(worker, guest, target, mapping), phases)

    local = bool(_local_drives(world, guest))
    pace = "qmigrate" if local or guest.running else "qmigrate.shared"
    return world.tasks.start(call.node, call.caller.authid, "qmigrate", guest.vmid, work, pace=pace)


def _local_drives(world: World, guest: Guest) -> list[Drive]:
    """The disks that only this node has."""
    return [
        drive
        for drive in drives("qemu", guest.config)
        if (volume := find_volume(world, drive.volume, guest.node)) and volume.node is not None
    ]


def _check_storages(world: World, guest: Guest, target: str) -> None:
    """Every storage of a stopped VM has to be there on the target (check_storage_availability)."""
    for drive in drives("qemu", guest.config):
        storage = world.storages.get(drive.storage or "")
        if storage is not None and storage.nodes is not None and target not in storage.nodes:
            raise CallError(500, f"storage '{storage.id}' is not available on node '{target}'")


async def _phases(migration: Migration, *, with_local_disks: bool) -> None:
    """Scan, copy, and for a running VM its memory."""
    guest, running = migration.guest, migration.guest.running
    try:
        volumes = migration.local_volumes()
    except Aborted as exc:
        raise Aborted(f"{SCANNING}{exc}") from exc
    if volumes and running and not with_local_disks:
        text = "can't live migrate attached local disks without with-local-disks option"
        raise Aborted(f"{SCANNING}{text}")
    guest.config["lock"] = "migrate"
    for _drive, volume in volumes:
        migration.say(f"found local disk '{volume.volid}' (attached)")
    if volumes:
        migration.say("copying local disk images")
    await migration.copy(volumes, 1 - RAM_SHARE if running else 1.0)
    if running:
        await _memory(migration, RAM_SHARE if volumes else 1.0)
    elif not volumes:
        await migration.worker.work()
    migration.worker.judge()
    migration.arrive()


async def _memory(migration: Migration, share: float) -> None:
    """The memory of a running VM goes over line by line."""
    guest = migration.guest
    size = int(guest.config.get("memory", 512)) << 20
    migration.say(f"starting VM {guest.vmid} on remote node '{migration.target}'")
    migration.say("start remote tunnel")
    migration.say(f"starting online/live migration on unix:/run/qemu-server/{guest.vmid}.migrate")
    clock = migration.worker.world.clock
    began = clock.now()
    for step in range(1, RAM_STEPS + 1):
        before = clock.now()
        await migration.worker.work(share / RAM_STEPS)
        rate = size / RAM_STEPS / _spent(migration, before)
        done = human_size(size * step // RAM_STEPS)
        migration.say(
            f"migration active, transferred {done} of {human_size(size)} VM-state, "
            f"{human_size(rate)}/s"
        )
    rate = size / _spent(migration, began)
    # The VM stands still while the last part goes over, which is what fits into the limit.
    limit = float(guest.config.get("migrate_downtime", DOWNTIME_LIMIT))
    downtime = min(limit, size / RAM_STEPS / rate) * 1000
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
            "size": drive.size,
            "cdrom": int(drive.cdrom),
            "is_attached": 1,
            "is_cloudinit": int(drive.cloudinit),
            "is_tpmstate": int(drive.key == "tpmstate0"),
            "is_unused": 0,
            "is_vmstate": 0,
            "replicate": int(drive.options.get("replicate", "1")),
            "shared": 0,
        }
        for drive in _local_drives(world, guest)
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


@call("POST", "/nodes/{node}/qemu/{vmid}/remote_migrate")
@call("POST", "/nodes/{node}/lxc/{vmid}/remote_migrate")
async def remote_migrate(world: World, call: Call) -> str:
    """Move a guest to another cluster: none can be reached from here, which the call finds out."""
    guest = guest_of(world, call)
    check_lock(guest)
    if redirected(world, call, guest):
        raise CallError(400, "cannot remote-migrate HA-managed guest")
    endpoint = dict(
        part.partition("=")[::2] for part in str(call.params["target-endpoint"]).split(",")
    )
    host = f"{endpoint.get('host', '')}:{endpoint.get('port', 8006)}"
    raise CallError(500, f"Can't connect to {host} (No route to host)")
