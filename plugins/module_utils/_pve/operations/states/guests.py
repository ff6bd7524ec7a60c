# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a guest shows the effect of an operation: read for a call whose response got lost."""

from __future__ import annotations

import typing as t

from ...api.answers import read_mapping, read_rows
from ...api.errors import ApiError, Cause, UsageError
from ...guests.config import Configuration, Rules, difference
from ...guests.snapshots import read_snapshots
from ...guests.volumes import format_of_volume, size_in_bytes, storage_of, volume_of

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ..job import Job
    from . import Done, DoneCheck


def has_state(state: str) -> DoneCheck:
    """Whether the guest runs, or does not."""

    def check(job: Job) -> Done:
        async def done(api: Api) -> bool:
            now = await read_mapping(api, (*job.path[:4], "status", "current"))
            return bool(now.get("status") == state)

        return done

    return check


def is_configured(job: Job) -> Done:
    """A requested volume counts as created if the drive exists."""
    wanted = {name: value for name, value in job.params.items() if name != "digest"}
    rules = Rules(job.target.type, keep_secrets=True)

    async def done(api: Api) -> bool:
        try:
            return not difference(await _read(api, job), wanted, rules).params
        except UsageError:  # the existing volume is not the requested one
            return False

    return done


def has_size(job: Job) -> Done | None:
    """Nothing shows whether a disk was grown by an increment."""
    if str(job.params.get("size", "")).startswith("+"):
        return None
    disk, wanted = str(job.params.get("disk")), size_in_bytes(str(job.params.get("size")))

    async def done(api: Api) -> bool:
        return (await _read(api, job)).disk_size(disk) == wanted

    return done


def is_template(job: Job) -> Done:
    """Whether the guest is a template."""

    async def done(api: Api) -> bool:
        return str((await _read(api, job)).values.get("template", 0)) == "1"

    return done


def is_on_target(job: Job) -> Done:
    """Whether the guest has arrived."""

    async def done(api: Api) -> bool:
        row = await _row(api, job) or {}
        return row.get("node") == job.target.node and row.get("lock") != "migrate"

    return done


def is_gone(job: Job) -> Done:
    """Whether the guest is gone."""

    async def done(api: Api) -> bool:
        return await _row(api, job) is None

    return done


async def _read(api: Api, job: Job) -> Configuration:
    return Configuration.parse(await read_rows(api, (*job.path[:4], "pending")))


async def _row(api: Api, job: Job) -> t.Mapping[str, t.Any] | None:
    """The guest in the list of the cluster, where existence and node are always current.

    The list omits guests that the caller may not see, so its configuration has to be gone as well.
    """
    rows = await read_rows(api, ("cluster", "resources"), {"type": "vm"})
    row = next((row for row in rows if row.get("vmid") == job.target.vmid), None)
    if row is not None:
        return row
    try:
        await api.get((*job.path[:4], "config"))
    except ApiError as error:
        if error.cause is Cause.GONE:
            return None
        raise
    return {"node": job.node}


def is_paused(job: Job) -> Done | None:
    """Whether the CPUs of a VM stand still; a container that is suspended looks stopped."""
    return _has_status(job, lambda now: now.get("qmpstatus") == "paused") if _is_vm(job) else None


def is_hibernated(job: Job) -> Done:
    """Whether a VM has stopped with its memory saved."""
    return _has_status(
        job, lambda now: now.get("status") == "stopped" and now.get("lock") == "suspended"
    )


def is_awake(job: Job) -> Done:
    """Whether the guest works."""
    return _has_status(
        job,
        lambda now: now.get("status") == "running" and now.get("qmpstatus", "running") == "running",
    )


def is_unlocked(job: Job) -> Done:
    """Whether the guest has no lock."""
    return _has_status(job, lambda now: now.get("lock") is None)


def has_snapshot(job: Job) -> Done:
    """Whether the guest has the snapshot, and it is whole."""
    return _snapshot(job, str(job.params.get("snapname")), there=True)


def has_no_snapshot(job: Job) -> Done:
    """Whether the guest does not have the snapshot any more."""
    return _snapshot(job, str(job.path[-1]), there=False)


def is_on_storage(job: Job) -> Done:
    """Whether the disk is on the storage, in the format that was asked for."""
    disk = str(job.params.get("disk") or job.params.get("volume"))
    storage, wanted = job.params.get("storage"), job.params.get("format")

    async def done(api: Api) -> bool:
        volume = volume_of(str((await _read(api, job)).values.get(disk) or ""))
        return storage_of(volume) == storage and wanted in (None, format_of_volume(volume))

    return done


def is_detached(job: Job) -> Done:
    """Whether the disk has left its slot, or will with the next restart."""
    disk = str(job.params.get("delete"))

    async def done(api: Api) -> bool:
        return (await _read(api, job)).after_restart(disk) is None

    return done


def _snapshot(job: Job, name: str, *, there: bool) -> Done:
    async def done(api: Api) -> bool:
        snapshots = await read_snapshots(api, job.target)
        if any(one.name == name for one in snapshots) is not there:
            return False
        lock = (await read_mapping(api, (*job.path[:4], "config"))).get("lock")
        return lock not in ("snapshot", "snapshot-delete")

    return done


def _has_status(job: Job, fits: t.Callable[[t.Mapping[str, t.Any]], bool]) -> Done:
    async def done(api: Api) -> bool:
        return fits(await read_mapping(api, (*job.path[:4], "status", "current")))

    return done


def _is_vm(job: Job) -> bool:
    return job.target.type == "qemu"
