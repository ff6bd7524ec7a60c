# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrating a container (`PVE/API2/LXC.pm`, `PVE/LXC/Migrate.pm`): running ones are restarted."""

from __future__ import annotations

from functools import partial
from typing import Any

from pvesim.calls import Call, CallError, call
from pvesim.drives import drives
from pvesim.entities import Guest
from pvesim.guests import guest_of
from pvesim.ha import Request, redirected, request
from pvesim.migration import Migration, migrate, parse_mapping, ssh_keys
from pvesim.power import power_off, power_on
from pvesim.volumes import find_volume
from pvesim.worker import Worker
from pvesim.world import World

from .qemu_migrate import check_target


@call("POST", "/nodes/{node}/lxc/{vmid}/migrate")
async def migrate_ct(world: World, call: Call) -> str:
    """Move a container to another node."""
    target = check_target(world, call)
    guest = guest_of(world, call)
    restart, online = bool(call.params.get("restart")), bool(call.params.get("online"))
    if guest.running and not online and not restart:
        raise CallError(500, "can't migrate running container without --online or --restart")
    if redirected(world, call, guest):
        return request(world, call, guest, Request("migration", "migrate", {"target": target}))
    mapping = parse_mapping(call.params.get("target-storage"))

    async def work(worker: Worker) -> None:
        migration = Migration(worker, guest, target, mapping, restart)
        await migrate(migration, partial(_phases, was_running=guest.running), _shut_down)

    pace = "vzmigrate" if _is_local(world, guest) else "vzmigrate.shared"
    return world.tasks.start(
        call.node, call.caller.authid, "vzmigrate", guest.vmid, work, pace=pace
    )


def _is_local(world: World, guest: Guest) -> bool:
    found = (find_volume(world, d.volume, guest.node) for d in drives("lxc", guest.config))
    return any(volume is not None and volume.node is not None for volume in found)


def _shut_down(migration: Migration) -> None:
    """A running container is stopped first."""
    if migration.guest.running:
        migration.say(f"shutdown CT {migration.guest.vmid}")
        power_off(migration.guest)


async def _phases(migration: Migration, *, was_running: bool) -> None:
    """Copy what is local, start it over there if it ran."""
    guest, worker = migration.guest, migration.worker
    volumes = migration.local_volumes()
    guest.config["lock"] = "migrate"
    for _drive, volume in volumes:
        migration.say(f"found local volume '{volume.volid}' (in current VM config)")
    await migration.copy(volumes, 1.0)
    if not volumes:
        await worker.work()
    worker.judge()
    migration.say("start final cleanup")
    migration.arrive()
    if was_running:
        migration.say("start container on target node")
        migration.say(
            f"# /usr/bin/ssh -e none -o 'BatchMode=yes' -o {ssh_keys(migration.target)} "
            f"root@{migration.world.nodes[migration.target].address} pct start {guest.vmid}"
        )
        power_on(worker, guest)


@call("GET", "/nodes/{node}/lxc/{vmid}/migrate")
async def preconditions(world: World, call: Call) -> dict[str, Any]:
    """Whether it runs, and where it may go."""
    guest = guest_of(world, call)
    return {
        "running": int(guest.running),
        "allowed-nodes": [name for name in world.nodes if name != call.node],
        "not-allowed-nodes": {},
    }
