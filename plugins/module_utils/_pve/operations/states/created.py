# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what an operation makes or removes is there: on disks of a node, of Ceph, of ACME.

Two things of one name are the same if they are on the same disks, or on the same node. What else
was asked for is not compared.
"""

from __future__ import annotations

import re
import typing as t

from ...api.answers import read_mapping, read_rows
from ...api.errors import UsageError

if t.TYPE_CHECKING:
    from ...api.answers import Row
    from ...api.client import Api
    from ..job import Job
    from . import Done, DoneCheck

Where = t.Optional[t.Collection[str]]
Reader = t.Callable[["Api", "Job", str], t.Awaitable[Where]]
"""Reads on which disks or nodes a thing of this name is, None where there is none."""

_PARTITION = re.compile(r"(?:-part|(?<=\d)p|(?<=[a-z]))\d+\Z")


def is_made(read: Reader, key: str = "name", usual: str = "") -> DoneCheck:
    """Whether it is there; UsageError if another one has its name.

    ``key`` names the parameter with its name, which is ``usual`` without one.
    """

    def check(job: Job) -> Done:
        name = str(job.params.get(key) or usual or job.path[-1])

        async def done(api: Api) -> bool:
            there, wanted = await read(api, job, name), await _wanted(api, job)
            if there and wanted and not wanted <= set(there):
                raise UsageError(
                    f"params: {job.node} knows another {name!r} already, which is not on"
                    f" {', '.join(sorted(wanted))}"
                )
            return there is not None

        return done

    return check


def is_removed(read: Reader) -> DoneCheck:
    """Whether nothing of the name at the end of the path is there."""

    def check(job: Job) -> Done:
        async def done(api: Api) -> bool:
            return await read(api, job, str(job.path[-1])) is None

        return done

    return check


async def _wanted(api: Api, job: Job) -> set[str]:
    """The disks that the job names, by the path that the node has for each, or else its node."""
    given = job.params.get("device") or job.params.get("devices") or job.params.get("dev")
    if not given:
        return {job.node}
    names = given if isinstance(given, (list, tuple)) else re.split(r"[,;\s]+", str(given))
    return _disks(await _rows(api, job, "disks", "list"), map(str, names))


def _disks(rows: t.Iterable[Row], names: t.Iterable[str]) -> set[str]:
    """The paths of disks, whatever of their names or partitions is given."""
    known = {
        str(row[key]): str(row["devpath"])
        for row in rows
        for key in ("devpath", "by_id_link")
        if row.get(key)
    }
    return {known.get(name) or known.get(_PARTITION.sub("", name), name) for name in names}


async def _rows(api: Api, job: Job, *path: str, **params: t.Any) -> list[Row]:
    return await read_rows(api, ("nodes", job.node, *path), params or None)


async def directory(api: Api, job: Job, name: str) -> Where:
    """The disks that are mounted: which of them holds the directory is not reported."""
    rows = await _rows(api, job, "disks", "directory")
    if all(row.get("path") != f"/mnt/pve/{name}" for row in rows):
        return None
    disks = await _rows(api, job, "disks", "list", **{"include-partitions": 1})
    return {str(row.get("parent") or row["devpath"]) for row in disks if row.get("mounted")}


async def volume_group(api: Api, job: Job, name: str) -> Where:
    """The disks of a volume group of LVM."""
    tree = await read_mapping(api, ("nodes", job.node, "disks", "lvm"))
    for group in tree.get("children") or ():
        if group.get("name") == name:
            below = [str(volume.get("name")) for volume in group.get("children") or ()]
            return _disks(await _rows(api, job, "disks", "list"), below)
    return None


async def thin_pool(api: Api, job: Job, name: str) -> Where:
    """The disks of a thin pool of LVM, which is made in a volume group of its name."""
    group = str(job.params.get("volume-group") or name)
    for row in await _rows(api, job, "disks", "lvmthin"):
        if (row.get("vg"), row.get("lv")) == (group, name):
            return await volume_group(api, job, group)
    return None


async def zfs_pool(api: Api, job: Job, name: str) -> Where:
    """The disks of a ZFS pool."""
    if all(row.get("name") != name for row in await _rows(api, job, "disks", "zfs")):
        return None
    tree = await read_mapping(api, ("nodes", job.node, "disks", "zfs", name))
    return _disks(await _rows(api, job, "disks", "list"), _leaves(tree))


def _leaves(tree: Row) -> t.Iterator[str]:
    children = tree.get("children") or ()
    if not children:
        yield str(tree.get("name"))
    for child in children:
        yield from _leaves(child)


def daemon(kind: str) -> Reader:
    """The node of a monitor, a manager or a metadata server of Ceph."""

    async def read(api: Api, job: Job, name: str) -> Where:
        for row in await _rows(api, job, "ceph", kind):
            if row.get("name") == name:
                return {str(row.get("host") or job.node)}
        return None

    return read


async def osd(api: Api, job: Job, name: str) -> Where:
    """The node of an OSD of this number, or the disk of this name that holds one."""
    if not name.isdigit():
        rows = await _rows(api, job, "disks", "list")
        held = [str(row["devpath"]) for row in rows if _holds_osd(row)]
        return held if _disks(rows, [name]) <= set(held) else None
    tree = (await read_mapping(api, ("nodes", job.node, "ceph", "osd"))).get("root") or {}
    return {job.node} if f"osd.{name}" in _leaves(tree) else None


def _holds_osd(disk: Row) -> bool:
    number = disk.get("osdid")
    return number is not None and int(number) >= 0


async def ceph_pool(api: Api, job: Job, name: str) -> Where:
    """A pool of Ceph, which is everywhere; one with erasure coding has two with longer names."""
    coded = "erasure-coding" in job.params
    names = {row.get("pool_name") for row in await _rows(api, job, "ceph", "pool")}
    return () if (f"{name}-metadata" if coded else name) in names else None


async def ceph_fs(api: Api, job: Job, name: str) -> Where:
    """A file system of Ceph, which is everywhere."""
    rows = await _rows(api, job, "ceph", "fs")
    return () if any(row.get("name") == name for row in rows) else None


async def acme_account(api: Api, _job: Job, name: str) -> Where:
    """An ACME account, which is everywhere."""
    rows = await read_rows(api, ("cluster", "acme", "account"))
    return () if any(row.get("name") == name for row in rows) else None
