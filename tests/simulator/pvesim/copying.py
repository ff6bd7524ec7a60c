# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying a disk: the work of qemu-img or of a mirror job, with the lines that they print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .drives import Drive
from .sizes import human_size
from .volumes import allocate, free, storage_of, volume_path
from .worker import Died, Interrupted

if TYPE_CHECKING:
    from .entities import Storage, Volume
    from .worker import Worker

STEP = 0.0107421875
"""qemu-img reports its progress in steps of a little more than one percent."""
LEAST_TICK = 0.1
"""Seconds between two looks at the progress, so that a fast clock costs little."""


async def copy_disk(
    worker: Worker,
    origin: Volume,
    drive: Drive,
    storage: Storage,
    form: str,
    share: float,
    params: Mapping[str, Any],
) -> Volume:
    """Make a full copy of `origin` on `storage`; `share` is its part of the task's work."""
    newid, limit = int(params["newid"]), int(params.get("bwlimit") or 0)
    copy = await allocate(worker, storage, "images", newid, drive.size, form)
    worker.log(f"allocated target volume '{copy.volid}'")
    if limit:
        worker.duration = drive.size / (limit * 1024) / share
    source = worker.world.guests[int(worker.task.upid.id)]
    try:
        if source.running and not params.get("snapname"):
            await _mirror(worker, drive, share)
        else:
            await convert(worker, drive.size, share, empty=origin.used == 0)
    except Interrupted as exc:
        free(worker.world, copy.volid, worker.node)
        command = _command(worker, origin, copy, limit)
        raise Died(f"copy failed: command '{command}' failed: interrupted by signal") from exc
    except Died:
        free(worker.world, copy.volid, worker.node)
        raise
    return copy


def _command(worker: Worker, origin: Volume, copy: Volume, limit: int) -> str:
    """The command line of qemu-img, as the error text quotes it."""
    world = worker.world
    paths = [volume_path(storage_of(world, v.volid), v) for v in (origin, copy)]
    rate = f" -r {limit}K" if limit else ""
    return (
        f"/usr/bin/qemu-img convert -p -n{rate} -f {origin.format} -O {copy.format} "
        f"{paths[0]} zeroinit:{paths[1]}"
    )


async def _ticks(worker: Worker, share: float) -> list[float]:
    """The points, from 0 to 1, at which the progress is looked at."""
    seconds = worker.duration * share / worker.world.clock.speed
    count = max(1, min(int(1 / STEP) + 1, int(seconds / LEAST_TICK)))
    return [(number + 1) / count for number in range(count)]


async def convert(worker: Worker, size: int, share: float, *, empty: bool) -> None:
    """qemu-img convert: a line for each step of progress, of which an empty disk has one."""
    printed = 0.0
    worker.log(_transferred(size, 0.0))
    ticks = await _ticks(worker, share)
    for point in ticks:
        await worker.work(share / len(ticks))
        while printed + STEP <= point and not empty:
            printed += STEP
            worker.log(_transferred(size, printed))
    worker.log(_transferred(size, 1.0))
    if not empty:
        worker.log(_transferred(size, 1.0))


def _transferred(size: int, part: float) -> str:
    return f"transferred {human_size(size * part)} of {human_size(size)} ({part * 100:.2f}%)"


async def _mirror(worker: Worker, drive: Drive, share: float) -> None:
    """A mirror job of a running VM: a line at once and each second."""
    job = f"mirror-{drive.key}"
    worker.log(f"drive mirror is starting for drive-{drive.key}")
    seconds = int(worker.duration * share)
    looks = max(1, min(seconds, int(seconds / worker.world.clock.speed / LEAST_TICK)))
    for look in range(looks + 1 if seconds else 1):
        if look:
            await worker.work(share / looks)
        part = look / looks if seconds else 1.0
        ready = ", ready" if part >= 1 else ""
        worker.log(f"{job}: {_transferred(drive.size, part)} in {int(part * seconds)}s{ready}")
    if not seconds:
        await worker.work(share)
    worker.log("all 'mirror' jobs are ready")
    worker.log(f"{job}: Completing block job...")
    worker.log(f"{job}: Completed successfully.")
    worker.log(f"{job}: mirror-job finished")
