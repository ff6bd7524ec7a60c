# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup of one guest (`PVE/VZDump.pm`, `PVE/VZDump/QemuServer.pm`, `PVE/VZDump/LXC.pm`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from .archives import (
    archive_name,
    compressed,
    directory,
    tar_records,
    tar_totals,
    vma_size,
)
from .drives import Drive, disks
from .durations import fraction
from .entities import Guest, Storage, Volume
from .guests import as_death, check_lock, check_writable, reload
from .power import check_start, clean_up, power_off, power_on
from .sizes import format_size, human_size
from .vmstatus import process_id
from .volumes import FILE_TYPES, find_volume, storage_of
from .worker import Died, Interrupted, Worker

STEPS = 5
USED_SHARE = 0.2
"""How much of a disk holds data where nothing says how much it is."""


@dataclass(frozen=True)
class Job:
    """What the guests of one job share."""

    worker: Worker
    storage: Storage
    mode: str
    compress: str
    share: float
    """The part of the task's work that one guest takes."""
    options: Mapping[str, object]

    def info(self, text: str) -> None:
        """A line of the log."""
        self.worker.log(f"INFO: {text}")

    def stamp(self) -> str:
        """The time as the log has it."""
        now = datetime.fromtimestamp(self.worker.now(), tz=timezone.utc)
        return f"{now:%Y-%m-%d %H:%M:%S}"


async def dump(job: Job, guest: Guest) -> Volume:
    """Back up a guest of this node; raises Died with the reason when that fails."""
    job.info(f"Starting Backup of VM {guest.vmid} ({guest.type})")
    job.info(f"Backup started at {job.stamp()}")
    job.info(f"status = {guest.status}")
    began = job.worker.world.clock.now()
    running = guest.running
    async with job.worker.guest_lock(guest), as_death():
        check_lock(reload(job.worker, guest))
        check_writable(job.worker.world, job.worker, guest)
        guest.config["lock"] = "backup"
    try:
        volume = await _archive(job, guest, job.mode if running else "stop")
    except Interrupted as exc:
        raise Died("interrupted by signal") from exc
    finally:
        if not job.worker.task.killed:
            if running and not guest.running:
                job.info("restarting vm")
                power_on(job.worker, guest)
                job.info("guest is online again after 3 seconds")
            async with as_death():
                check_writable(job.worker.world, job.worker, guest)
            guest.config.pop("lock", None)
            if guest.type == "qemu" and not running:
                clean_up(job.worker.world, guest)
    seconds = int(job.worker.world.clock.now() - began)
    spent = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    job.info(f"Finished Backup of VM {guest.vmid} ({spent})")
    job.info(f"Backup finished at {job.stamp()}")
    return volume


async def _archive(job: Job, guest: Guest, mode: str) -> Volume:
    """Write the archive, whose config is that of now."""
    if mode == "snapshot":
        _name_volumes(job, guest)
    mode = _possible(job, guest, mode)
    job.info(f"backup mode: {mode}")
    if limit := job.options.get("bwlimit"):
        job.info(f"bandwidth limit: {limit} KiB/s")
    job.info("ionice priority: 7")
    if mode != "snapshot":
        _name_volumes(job, guest)
    _check_volumes(job, guest)
    config = {k: v for k, v in guest.config.items() if k != "lock"}
    name = archive_name(guest, job.worker.now(), job.compress)
    path = f"{directory(job.storage)}/{name}"
    size = await (_vma if guest.type == "qemu" else _tar)(job, guest, mode, path)
    if size > job.storage.total - sum(v.size for v in job.storage.volumes):
        raise Died("no space left on device")
    volume = Volume(f"{job.storage.id}:backup/{name}", "backup", name.partition(".")[2], size)
    volume.vmid, volume.ctime = guest.vmid, int(job.worker.now())
    volume.node = None if job.storage.shared else guest.node
    volume.config = config
    volume.notes = _notes(job, guest)
    volume.protected = bool(job.options.get("protected"))
    job.storage.volumes.append(volume)
    job.info(f"archive file size: {_short(size)}")
    if volume.notes:
        job.info("adding notes to backup")
    if volume.protected:
        job.info("marking backup as protected")
    return volume


def _check_volumes(job: Job, guest: Guest) -> None:
    """Every disk of a VM that is backed up has to be there."""
    for drive in disks(guest.type, guest.config):
        wanted = guest.type == "qemu" and drive.options.get("backup") != "0"
        if wanted and find_volume(job.worker.world, drive.volume, guest.node) is None:
            raise Died(f"volume '{drive.volume}' does not exist")


def _possible(job: Job, guest: Guest, mode: str) -> str:
    """A container on storage without snapshots is suspended instead."""
    if guest.type == "qemu" or mode != "snapshot":
        return mode
    types = {storage_of(job.worker.world, d.volume).type for d in disks("lxc", guest.config)}
    if types & {*FILE_TYPES, "lvm"}:
        job.info("mode failure - some volumes do not support snapshots")
        job.info("trying 'suspend' mode instead")
        return "suspend"
    return mode


def _notes(job: Job, guest: Guest) -> str:
    """The notes of the template with its variables replaced."""
    text = str(job.options.get("notes-template", "")).replace("\\n", "\n")
    world = job.worker.world
    values = {
        "cluster": world.cluster_name or "standalone node",
        "guestname": guest.name or f"{guest.label} {guest.vmid}",
        "node": guest.node,
        "vmid": str(guest.vmid),
    }
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text


async def _vma(job: Job, guest: Guest, mode: str, path: str) -> int:
    """The disks of a VM through QEMU; the size of the archive."""
    worker, running = job.worker, guest.running
    drives = [d for d in disks("qemu", guest.config) if d.options.get("backup") != "0"]
    if running and mode == "stop":
        job.info("stopping virtual guest")
        power_off(guest)
    job.info(f"creating vzdump archive '{path}'")
    if not guest.running:
        job.info("starting kvm to execute backup task")
        _check_start(job, guest)
    elif mode == "snapshot":
        job.info("skipping guest filesystem freeze - disabled in VM options")
    job.info("starting backup via QMP command")
    number = int(fraction(worker.world.seed, path) * (1 << 32))
    job.info(f"started backup task '{number:08x}-0000-4000-8000-{guest.vmid:012d}'")
    if running and mode == "stop":
        power_on(worker, guest)
        job.info("resuming VM again after 2 seconds")
    elif running:
        job.info("resuming VM again")
    total = sum(drive.size for drive in drives)
    data = sum(_data(job, drive) for drive in drives)
    await _progress(job, total, total - data)
    if not running:
        job.info("stopping kvm after backup task")
    return compressed(vma_size(data, total), path)


def _check_start(job: Job, guest: Guest) -> None:
    """QEMU is started for the backup of a stopped VM; what it refuses is the end of that."""
    try:
        check_start(job.worker, guest)
    except Died as exc:
        job.worker.log(f"ERROR: {exc}")
        job.info("aborting backup job")
        job.worker.log(f"ERROR: VM {guest.vmid} not running")
        job.worker.log(f"VM {guest.vmid} not running")
        raise


def _data(job: Job, drive: Drive) -> int:
    """How much of a disk holds data, as far as the storage knows."""
    volume = find_volume(job.worker.world, drive.volume, job.worker.node)
    if volume is None or volume.used is None:
        return int(drive.size * USED_SHARE)
    return min(volume.used, drive.size)


async def _progress(job: Job, total: int, zero: int) -> None:
    """The percent lines of a VM's backup; `zero` bytes of it are empty."""
    seconds = 0.0
    step = job.worker.duration * job.share / STEPS
    for number in range(STEPS + 1):
        if number:
            await job.worker.work(job.share / STEPS)
            seconds += step
        done = total * number // STEPS
        rate = human_size(done / seconds) if seconds else "0.0 B"
        job.info(
            f"{number * 100 // STEPS:3d}% ({human_size(done)} of {human_size(total)}) "
            f"in {int(seconds)}s, read: {rate}/s, write: {rate}/s"
        )
    percent = 100 * zero // (total or 1)
    if zero:
        job.info(f"backup is sparse: {human_size(zero)} ({percent}%) total zero data")
    if seconds < 1:
        job.info(f"transferred {human_size(total)} in <1 seconds")
        return
    rate = human_size(total / seconds)
    job.info(f"transferred {human_size(total)} in {int(seconds)} seconds ({rate}/s)")


async def _tar(job: Job, guest: Guest, mode: str, path: str) -> int:
    """The files of a container; the size of the archive."""
    mounts = [d for d in disks("lxc", guest.config) if _included(d)]
    if mode == "stop" and guest.running:
        job.info("stopping virtual guest")
        power_off(guest)
    elif mode == "suspend":
        _sync(job, guest, path)
    elif mode == "snapshot":
        job.info("create storage snapshot 'vzdump'")
    job.info(f"creating vzdump archive '{path}'")
    await job.worker.work(job.share)
    size = tar_records(sum(_data(job, drive) for drive in mounts))
    job.info(tar_totals("written", size, job.worker.duration * job.share))
    if mode == "snapshot":
        job.info("cleanup temporary 'vzdump' snapshot")
    return compressed(size, path)


def _name_volumes(job: Job, guest: Guest) -> None:
    """The log names the guest and what of it is backed up."""
    job.info(f"{guest.label} Name: {guest.name or guest.vmid}")
    for drive in disks(guest.type, guest.config):
        if guest.type == "qemu":
            if drive.options.get("backup") != "0":
                job.info(f"include disk '{drive.key}' '{drive.volume}' {format_size(drive.size)}")
                if find_volume(job.worker.world, drive.volume, guest.node) is None:
                    raise Died(f"volume '{drive.volume}' does not exist")
        elif _included(drive):
            where = "/" if drive.key == "rootfs" else drive.options.get("mp", "")
            job.info(f"including mount point {drive.key} ('{where}') in backup")


def _sync(job: Job, guest: Guest, path: str) -> None:
    """Copy the files twice; the container stands still for the second time alone."""
    root = f"/proc/{process_id(guest)}/root/"
    target = f"{path.partition('.')[0]}.tmp"
    job.info(f"starting first sync {root} to {target}")
    job.info("first sync finished - transferred 1.98M bytes in 0s")
    job.info("suspending guest")
    job.info(f"starting final sync {root} to {target}")
    job.info("final sync finished - transferred 0 bytes in 0s")
    job.info("resuming guest")
    job.info("guest is online again after <1 seconds")


def _included(drive: Drive) -> bool:
    """Other mount points than the root are backed up only when their entry says so."""
    return drive.key == "rootfs" or drive.options.get("backup") == "1"


def _short(size: int) -> str:
    """A size as the last lines have it."""
    if size >= 1 << 30:
        return f"{size / (1 << 30):.2f}GB"
    return f"{size >> 20}MB" if size >= 1 << 20 else f"{size >> 10}KB"
