# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring a VM from a backup (`PVE/API2/Qemu.pm`, `PVE/QemuServer.pm`)."""

from __future__ import annotations

from pvesim.archives import directory, packed
from pvesim.autostart import autostart
from pvesim.calls import Call, CallError
from pvesim.drives import disks
from pvesim.entities import CONFIG_VALUE, Volume
from pvesim.guests import as_death, check_writable
from pvesim.restoring import Restore, prepare
from pvesim.volumes import (
    FILE_TYPES,
    allocate,
    cloudinit_name,
    find_storage,
    storage_of,
    volume_format,
    volume_path,
)
from pvesim.worker import Died, Worker
from pvesim.world import World

STEPS = 100
LEAST_TICK = 0.1
BLOCK, CLUSTER = 4 << 10, 64 << 10
"""What a VMA archive counts data in, and what it stores it in."""
NOT_CLEANED = (
    "error before or during data restore, some or all disks were not completely restored. "
    "VM {} state is NOT cleaned up."
)


class Unwritten(Died):
    """The disks are there, but the config could not be written."""


async def restore_vm(world: World, call: Call) -> str:
    """A `qmrestore` task; the config exists, locked, when the answer comes."""
    restore = await prepare(world, call, "qemu")
    guest = restore.guest

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            try:
                if guest.running:
                    raise Died("vm is running")
                config = await _restore(restore, worker)
                _check_written(restore, worker, config)
                restore.finish(worker, config)
            except Unwritten:
                raise
            except Died as exc:
                restore.undo(worker)
                worker.log(NOT_CLEANED.format(guest.vmid))
                raise exc.prefixed(f"unable to restore VM {guest.vmid} - ") from exc
        await autostart(worker, call, guest)

    vmid = guest.vmid
    return world.tasks.start(call.node, call.caller.authid, "qmrestore", vmid, work, target=vmid)


async def _restore(restore: Restore, worker: Worker) -> dict[str, CONFIG_VALUE]:
    """Make the disks, read the archive; the config of the restored VM."""
    archive, config = restore.archive(worker)
    where = storage_of(worker.world, restore.volid)
    path = f"{directory(where)}/{restore.volid.rpartition('/')[2]}"
    temporary = f"/var/tmp/vzdumptmp{worker.task.upid.pid}"
    unpack = "zstd -q -d -c" if path.endswith(".zst") else "cat"
    worker.log(
        f"restore vma archive: {unpack} {path} | vma extract -v -r {temporary}.fifo - {temporary}"
    )
    size = len("".join(f"{key}: {value}\n" for key, value in config.items()))
    worker.log(f"CFG: size: {size} name: qemu-server.conf")
    await _disks(restore, worker, config)
    await _read(worker, sum(drive.size for drive in disks("qemu", config)), archive)
    worker.log("rescan volumes...")
    return config


def _check_written(restore: Restore, worker: Worker, config: dict[str, CONFIG_VALUE]) -> None:
    """Where the config cannot be written in the end, the volumes stay, and the lock is gone."""
    guest = restore.guest
    try:
        check_writable(worker.world, worker, guest)
    except CallError as exc:
        guest.config = {k: v for k, v in config.items() if k == "memory"}
        worker.log("no lock found trying to remove 'create'  lock")
        worker.log(NOT_CLEANED.format(guest.vmid))
        raise Unwritten(exc.message) from exc


async def _disks(restore: Restore, worker: Worker, config: dict[str, CONFIG_VALUE]) -> None:
    """A new volume for each disk of the backup; the config names them."""
    world, vmid = worker.world, restore.guest.vmid
    drives = list(disks("qemu", config))
    for number, drive in enumerate(drives, start=1):
        worker.log(f"DEV: dev_id={number} size: {drive.size} devname: drive-{drive.key}")
    for drive in drives:
        wanted = str(restore.call.params.get("storage", drive.storage))
        storage = find_storage(world, wanted, worker.node)
        form = volume_format(drive.volume) if storage.type in FILE_TYPES else "raw"
        name = cloudinit_name(storage, vmid) if drive.cloudinit else None
        volume = await allocate(worker, storage, "images", vmid, drive.size, form, name=name)
        restore.made.append(volume)
        worker.log(f"new volume ID is '{volume.volid}'")
        target = volume_path(storage, volume)
        worker.log(f"map 'drive-{drive.key}' to '{target}' (write zeros = 0)")
        drive.volume = volume.volid
        config[drive.key] = str(drive)


async def _read(worker: Worker, total: int, archive: Volume) -> None:
    """The archive is read; each percent makes a line."""
    seconds = worker.duration / worker.world.clock.speed
    ticks = max(1, min(STEPS, int(seconds / LEAST_TICK)))
    printed = 0
    for tick in range(1, ticks + 1):
        await worker.work(1 / ticks)
        percent = tick * 100 // ticks
        for point in range(printed + 1, percent + 1):
            spent = int(worker.duration * point / 100)
            worker.log(
                f"progress {point}% (read {total * point // 100} bytes, duration {spent} sec)"
            )
        printed = percent
    data = min(total, -(-packed(archive) // BLOCK) * BLOCK)
    share = (total - data) * 100 / (total or 1)
    worker.log(f"total bytes read {total}, sparse bytes {total - data} ({share:.3g}%)")
    if data:
        # The archive holds whole clusters; the empty blocks within them are left out of it.
        empty = min(total, -(-data // CLUSTER) * CLUSTER) - data
        worker.log(f"space reduction due to 4K zero blocks {empty * 100 / data:.3g}%")
