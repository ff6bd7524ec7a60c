# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring a VM from a backup (`PVE/API2/Qemu.pm`, `PVE/QemuServer.pm`)."""

from __future__ import annotations

from datetime import datetime, timezone

from pvesim.archives import directory, packed, vma_size
from pvesim.autostart import autostart
from pvesim.calls import Call, CallError
from pvesim.drives import disks
from pvesim.entities import CONFIG_VALUE, Volume
from pvesim.guests import as_death, check_writable
from pvesim.options import plain_value
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
UNPACK = {".zst": "zstd -q -d -c", ".gz": "zcat", ".lzo": "lzop -d -c"}
"""What unpacks an archive, by the end of its name (`PVE/Storage.pm`, decompressor_info)."""
LEAST_TICK = 0.1
NOT_CONFIG = frozenset({
    "node", "vmid", "archive", "storage", "pool", "start", "unique", "force", "bwlimit",
    "live-restore", "ha-managed", "digest", "skiplock",
})  # fmt: skip
BLOCK, CLUSTER = 4 << 10, 64 << 10
"""What a VMA archive counts data in, and what it stores it in."""
NOT_CLEANED = (
    "error before or during data restore, some or all disks were not completely restored. "
    "VM {} state is NOT cleaned up."
)


NOT_LIVE = "live-restore is only compatible with backup images from a Proxmox Backup Server"


class Unwritten(Died):
    """The disks are there, but the config could not be written."""


class Whole(Died):
    """An end whose text gets no prefix."""

    def prefixed(self, _prefix: str) -> Died:
        """The same end."""
        return self


async def restore_vm(world: World, call: Call) -> str:
    """A `qmrestore` task; the config exists, locked, when the answer comes."""
    restore = await prepare(world, call, "qemu")
    guest = restore.guest

    async def work(worker: Worker) -> None:
        async with worker.guest_lock(guest), as_death():
            try:
                if guest.running:
                    raise Died("vm is running")
                if call.params.get("live-restore"):
                    raise Whole(NOT_LIVE)
                config = _merged(restore, worker, await _restore(restore, worker))
                _check_written(restore, worker)
                worker.log("rescan volumes...")
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


def _merged(
    restore: Restore, worker: Worker, config: dict[str, CONFIG_VALUE]
) -> dict[str, CONFIG_VALUE]:
    """The parameters of the call override the settings in the archive (override_conf)."""
    params = restore.call.params
    given = {key: value for key, value in params.items() if key not in NOT_CONFIG}
    return config | {key: plain_value(worker.world, key, one) for key, one in given.items()}


async def _restore(restore: Restore, worker: Worker) -> dict[str, CONFIG_VALUE]:
    """Make the disks, read the archive; the config of the restored VM."""
    archive, config = restore.archive(worker)
    limit = int(restore.call.params.get("bwlimit") or 0)
    if limit:
        worker.log(f"applying read rate limit: {limit}")
    command = _command(restore, worker, limit)
    worker.log(f"restore vma archive: {command}")
    drives = list(disks("qemu", config))
    lines = [f"{key}: {value}\n" for key, value in config.items()]
    lines += [f"#qmdump#map:{d.key}:drive-{d.key}:{d.storage}:{volume_format(d.volume)}:\n"
              for d in drives]  # fmt: skip
    worker.log(f"CFG: size: {len(''.join(lines))} name: qemu-server.conf")
    for number, drive in enumerate(drives, start=1):
        worker.log(f"DEV: dev_id={number} size: {drive.size} devname: drive-{drive.key}")
    made = datetime.fromtimestamp(archive.ctime, tz=timezone.utc)
    worker.log(f"CTIME: {made:%a %b} {made.day:2d} {made:%H:%M:%S %Y}")
    try:
        await _disks(restore, worker, config, limit)
    except (Died, CallError) as exc:
        raise Whole(f"command 'set -o pipefail && {command}' failed: {exc}") from exc
    total = sum(drive.size for drive in disks("qemu", config))
    if limit:
        worker.duration = max(worker.duration, total / (limit * 1024))
    await _read(worker, total, archive)
    return config


def _command(restore: Restore, worker: Worker, limit: int) -> str:
    """The command that reads the archive, through what limits and unpacks it."""
    where = storage_of(worker.world, restore.volid)
    path = f"{directory(where)}/{restore.volid.rpartition('/')[2]}"
    unpack = next((tool for end, tool in UNPACK.items() if path.endswith(end)), "")
    steps = []
    if limit:
        steps.append(f"cstream -t {limit * 1024} -- {path}")
    if unpack:
        steps.append(unpack if limit else f"{unpack} {path}")
    temporary = f"/var/tmp/vzdumptmp{worker.task.upid.pid}"
    steps.append(f"vma extract -v -r {temporary}.fifo {'-' if steps else path} {temporary}")
    return " | ".join(steps)


def _check_written(restore: Restore, worker: Worker) -> None:
    """Where the config cannot be written in the end, the volumes stay, and the lock is gone."""
    guest = restore.guest
    try:
        check_writable(worker.world, worker, guest)
    except CallError as exc:
        guest.config = {"memory": "128"}  # what it has until the real one is written
        worker.log("no lock found trying to remove 'create'  lock")
        worker.log(NOT_CLEANED.format(guest.vmid))
        raise Unwritten(exc.message) from exc


async def _disks(
    restore: Restore, worker: Worker, config: dict[str, CONFIG_VALUE], limit: int
) -> None:
    """A new volume for each disk of the backup; the config names them."""
    world, vmid = worker.world, restore.guest.vmid
    pairs = [
        (d, find_storage(world, str(restore.call.params.get("storage", d.storage)), worker.node))
        for d in disks("qemu", config)
    ]
    if limit:
        for limited in dict.fromkeys(storage.id for _unused, storage in pairs):
            worker.log(f"rate limit for storage {limited}: {limit} KiB/s")
    for drive, storage in pairs:
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
    data = max(0, packed(archive) - vma_size(0, total))
    data = min(total, -(-data // BLOCK) * BLOCK)
    share = (total - data) * 100 / (total or 1)
    worker.log(f"total bytes read {total}, sparse bytes {total - data} ({share:.3g}%)")
    if data:
        # The archive holds whole clusters; the empty blocks within them are left out of it.
        empty = min(total, -(-data // CLUSTER) * CLUSTER) - data
        worker.log(f"space reduction due to 4K zero blocks {empty * 100 / data:.3g}%")
