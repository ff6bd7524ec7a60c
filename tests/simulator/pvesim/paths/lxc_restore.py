# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring a container from a backup (`PVE/API2/LXC.pm`, `PVE/LXC/Create.pm`)."""

from __future__ import annotations

from pvesim.archives import directory, packed, tar_records, tar_totals
from pvesim.autostart import autostart
from pvesim.calls import Call, CallError
from pvesim.containers import make_volume
from pvesim.drives import LXC_DRIVE, disks
from pvesim.entities import CONFIG_VALUE
from pvesim.guests import as_death
from pvesim.options import plain_value
from pvesim.restoring import Restore, prepare
from pvesim.volumes import find_storage, storage_of
from pvesim.worker import Died, Worker
from pvesim.world import World

from .template import convert

NOT_CONFIG = frozenset({
    "node", "vmid", "ostemplate", "storage", "pool", "start", "password", "ssh-public-keys",
    "force", "restore", "unique", "bwlimit", "ignore-unpack-errors", "ha-managed",
})  # fmt: skip


async def restore_ct(world: World, call: Call) -> str:
    """A `vzrestore` task; the config exists, locked, when the answer comes."""
    existing = world.guests.get(int(call.params["vmid"]))
    if call.params.get("force") and existing is not None and existing.running:
        raise CallError(500, "can't overwrite running container")
    restore = await prepare(world, call, "lxc")
    guest = restore.guest

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            try:
                config = await _restore(restore, worker)
            except Died as exc:
                restore.undo(worker)
                raise exc.prefixed(f"unable to restore CT {guest.vmid} - ") from exc
            was_template = bool(config.pop("template", 0))
            restore.finish(worker, config)
            if was_template:
                worker.log("Convert restored container to template...")
                convert(world, guest)
        await autostart(worker, call, guest)

    vmid = guest.vmid
    return world.tasks.start(call.node, call.caller.authid, "vzrestore", vmid, work, target=vmid)


async def _restore(restore: Restore, worker: Worker) -> dict[str, CONFIG_VALUE]:
    """Make the volumes, unpack the archive; the config of the restored container."""
    worker.log(f"recovering backed-up configuration from '{restore.volid}'")
    archive, config = restore.archive(worker)
    params = restore.call.params
    for drive in disks("lxc", config):
        wanted = str(params.get("storage", drive.storage))
        find_storage(worker.world, wanted, worker.node)
        new = await make_volume(worker, restore.guest.vmid, drive, wanted, drive.size, restore.made)
        config[drive.key] = str(new)
    worker.log(f"restoring '{restore.volid}' now..")
    path = directory(storage_of(worker.world, restore.volid))
    worker.log(f"extracting archive '{path}/{restore.volid.rpartition('/')[2]}'")
    await worker.work()
    worker.log(tar_totals("read", tar_records(packed(archive)), worker.duration))
    worker.log("merging backed-up and given configuration..")
    given = {k: v for k, v in params.items() if k not in NOT_CONFIG and not LXC_DRIVE.fullmatch(k)}
    config |= {key: plain_value(worker.world, key, value) for key, value in given.items()}
    return config
