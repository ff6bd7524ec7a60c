# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What creating and cloning containers share: volumes with file systems, and what is printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .drives import Drive
from .entities import Volume
from .filesystem import MIB, Ext4
from .volumes import allocate, storage_of
from .worker import Worker

NOTHING = (
    "",
    "Number of files: 2 (dir: 2)",
    "Number of created files: 0",
    "Number of deleted files: 0",
    "Number of regular files transferred: 0",
    "Total file size: 0 bytes",
    "Total transferred file size: 0 bytes",
    "Literal data: 0 bytes",
    "Matched data: 0 bytes",
    "File list size: 0",
    "File list generation time: 0.001 seconds",
    "File list transfer time: 0.000 seconds",
    "Total bytes sent: 93",
    "Total bytes received: 23",
    "",
    "sent 93 bytes  received 23 bytes  232.00 bytes/sec",
    "total size is 0  speedup is 0.00",
)
"""What rsync prints about an empty file system with its lost+found."""

COLUMNS = 72
"""How wide mke2fs lists the copies of the superblock."""


async def make_volume(
    worker: Worker, vmid: int, drive: Drive, storage_id: str, size: int, made: list[Volume]
) -> Drive:
    """A volume with a new file system, in whole MiB; the entry as the config holds it."""
    size -= size % MIB
    storage = storage_of(worker.world, storage_id)
    volume = await allocate(worker, storage, "rootdir", vmid, size, "raw")
    made.append(volume)
    new = Ext4(size)
    kib = new.block >> 10
    worker.log(f"Creating filesystem with {new.blocks} {kib}k blocks and {new.inodes} inodes")
    worker.log(
        f"Filesystem UUID: {worker.world.random.getrandbits(32):08x}-0000-4000-8000-"
        f"{worker.world.random.getrandbits(48):012x}"
    )
    worker.log("Superblock backups stored on blocks: ")
    for line in _lines([str(block) for block in new.superblocks]):
        worker.log(line)
    options = {k: v for k, v in drive.options.items() if k != "size"}
    result = Drive(drive.key, volume.volid, options)
    result.resize(size)
    return result


def _lines(numbers: Sequence[str]) -> Iterator[str]:
    """The numbers as mke2fs prints them: with a comma and a blank after each but the last."""
    line, left = "", COLUMNS
    for position, number in enumerate(numbers, 1):
        if (need := len(number) + 2) > left:
            yield f"\t{line}"
            line, left = "", COLUMNS
        line += f"{number}, " if position < len(numbers) else number
        left -= need
    yield f"\t{line}"


def rsync_report(worker: Worker, size: int, used: int | None = None) -> None:
    """The statistics that rsync prints at the end of a copy; without data of two directories."""
    sent, seconds = size // 4, max(1.0, worker.duration)
    if used == 0:
        for line in NOTHING:
            worker.log(line)
        return
    files = 20_000 + size % 7_000
    for line in (
        "",
        f"Number of files: {files:,} (reg: {files - 5_000:,}, dir: 3,000, link: 2,000)",
        f"Number of created files: {files - 2:,} (reg: {files - 5_000:,}, dir: 2,998, link: 2,000)",
        "Number of deleted files: 0",
        f"Number of regular files transferred: {files - 5_010:,}",
        f"Total file size: {sent:,} bytes",
        f"Total transferred file size: {sent:,} bytes",
        f"Literal data: {sent:,} bytes",
        "Matched data: 0 bytes",
        "File list size: 393,196",
        "File list generation time: 0.001 seconds",
        "File list transfer time: 0.000 seconds",
        f"Total bytes sent: {sent + files * 60:,}",
        f"Total bytes received: {files * 19:,}",
        "",
        (
            f"sent {sent + files * 60:,} bytes  received {files * 19:,} bytes  "
            f"{sent / seconds:,.2f} bytes/sec"
        ),
        f"total size is {sent:,}  speedup is 1.00",
    ):
        worker.log(line)
