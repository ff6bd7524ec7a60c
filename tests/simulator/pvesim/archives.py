# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup archives: their names, and which of them a retention keeps (`PVE/Storage.pm`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from .volumes import storage_path

if TYPE_CHECKING:
    from .entities import Guest, Storage, Volume

ARCHIVE = re.compile(
    r"vzdump-(?P<type>qemu|lxc)-(?P<vmid>\d+)-(?P<when>\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d)\.(?P<form>.+)"
)
SUFFIX = {"zstd": ".zst", "gzip": ".gz", "1": ".lzo", "lzo": ".lzo", "0": ""}
TIMES: tuple[tuple[str, str], ...] = (
    ("keep-hourly", "%Y-%m-%d %H"),
    ("keep-daily", "%Y-%m-%d"),
    ("keep-weekly", "%G-%V"),
    ("keep-monthly", "%Y-%m"),
    ("keep-yearly", "%Y"),
)


@dataclass(frozen=True)
class Archive:
    """The parts of the name of an archive."""

    type: str
    vmid: int
    ctime: int
    """Epoch second."""

    @classmethod
    def of(cls, volume: Volume) -> Archive | None:
        """The archive that a volume is, None for any other."""
        match = ARCHIVE.fullmatch(volume.volid.rpartition("/")[2])
        if match is None:
            return None
        when = datetime.strptime(match["when"], "%Y_%m_%d-%H_%M_%S").replace(tzinfo=timezone.utc)
        return cls(match["type"], int(match["vmid"]), int(when.timestamp()))


def archive_name(guest: Guest, now: float, compress: str) -> str:
    """The file of a backup that begins now."""
    when = datetime.fromtimestamp(now, tz=timezone.utc)
    form = "vma" if guest.type == "qemu" else "tar"
    stamp = f"{when:%Y_%m_%d-%H_%M_%S}"
    return f"vzdump-{guest.type}-{guest.vmid}-{stamp}.{form}{SUFFIX[compress]}"


def directory(storage: Storage) -> str:
    """Where the archives of a storage lie."""
    return f"{storage_path(storage)}/dump"


def parse_keep(text: str) -> dict[str, int]:
    """`keep-last=3,keep-daily=7` as numbers."""
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return {name.strip(): int(value) for name, _equals, value in pairs}


def marks(volumes: Iterable[Volume], keep: Mapping[str, int]) -> dict[str, str]:
    """keep, remove or protected by volume id, for all backups of one guest."""
    backups = [(archive.ctime, v) for v in volumes if (archive := Archive.of(v)) is not None]
    backups.sort(key=lambda pair: pair[0], reverse=True)
    found = {v.volid: "protected" for _ctime, v in backups if v.protected}
    if keep.get("keep-all") or not any(keep.values()):
        return {v.volid: found.get(v.volid, "keep") for _ctime, v in backups}
    free = [(ctime, v.volid) for ctime, v in backups if not v.protected]
    _keep_some(free, keep.get("keep-last", 0), str, found)
    for name, form in TIMES:
        _keep_some(free, keep.get(name, 0), _slot(form), found)
    return {v.volid: found.get(v.volid, "remove") for _ctime, v in backups}


def _slot(form: str) -> Callable[[int], str]:
    return lambda ctime: datetime.fromtimestamp(ctime, tz=timezone.utc).strftime(form)


def _keep_some(
    backups: list[tuple[int, str]], count: int, slot: Callable[[int], str], found: dict[str, str]
) -> None:
    """Keep the newest of each slot, `count` slots that hold nothing kept before."""
    taken = {slot(ctime) for ctime, volid in backups if found.get(volid) == "keep"}
    new: set[str] = set()
    for ctime, volid in backups:
        here = slot(ctime)
        if volid in found or here in taken or here in new:
            continue
        if len(new) >= count:
            break
        new.add(here)
        found[volid] = "keep"


TAR_RECORD = 10240
"""GNU tar reads and writes whole records."""
RATIO = {"gz": 0.4, "lzo": 0.5, "zst": 0.35, "xz": 0.3, "bz2": 0.35}
"""How small each kind of compression makes what guests hold."""


def compressed(size: int, name: str) -> int:
    """The size of a file with this name that holds so many bytes."""
    return int(size * RATIO.get(name.rpartition(".")[2], 1.0))


def packed(archive: Volume) -> int:
    """How many bytes an archive holds: its own size if it is not compressed."""
    return round(archive.size / RATIO.get(archive.volid.rpartition(".")[2], 1.0))


VMA_HEADER = 12288 + 512
"""Bytes before the data of a VMA archive, with a config of the usual size."""
VMA_EXTENT = 58 << 16
"""So much of a disk has a header of its own, of 512 bytes: 18 for 1024 clusters and 36 for 2048
were measured, so that not every extent has the 59 clusters that it could have."""


def vma_size(data: int, total: int) -> int:
    """The size of a VMA archive of disks of `total` bytes that hold `data`."""
    return data + VMA_HEADER + -(-total // VMA_EXTENT) * 512


def tar_records(size: int) -> int:
    """So many bytes as whole records of tar."""
    return -(-size // TAR_RECORD) * TAR_RECORD


def tar_totals(verb: str, size: int, seconds: float) -> str:
    """The last line of `tar --totals`."""
    rate = size / max(seconds, 0.1) / (1 << 20)
    return f"Total bytes {verb}: {size} ({size / (1 << 20):.1f}MiB, {rate:.0f}MiB/s)"
