# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backup has saved, by the log of its task and by the storage that holds it."""

from __future__ import annotations

import typing as t

from ..guests.backups import read_backups, storages_for_backups
from ..tasks.backup_log import GuestBackup, read_backup_log
from ..tasks.log import read_whole_log
from ..tasks.task import Outcome, iso
from .job import Verdict

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..guests.backups import Backup
    from ..tasks.task import Task
    from .job import Job

_SHOWN = 5


async def what_was_saved(api: Api, job: Job, task: Task) -> t.Mapping[str, t.Any]:
    """The values of a backup that its log has; none where the log cannot be read.

    ``archive`` is here the name in the log; the check makes it the volume on the storage.
    """
    lines = await read_whole_log(api, task.upid)
    if not lines:
        return {}
    log = read_backup_log(lines)
    one = log.of(job.target.vmid or 0) or GuestBackup(job.target.vmid or 0, job.target.type)
    storage = job.params.get("storage") or log.storage
    return {
        "archive": one.archive,
        "storage": None if storage is None else str(storage),
        "created": None,
        "size": None,
        "mode": one.mode,
        "duration": one.seconds,
        "transferred": one.transferred,
        "speed": one.speed,
        "errors": [*one.errors, *log.errors],
    }


async def backup_is_whole(api: Api, job: Job, task: Task) -> Verdict | None:
    """A backup says in its log that it has finished, and the storage has its archive."""
    said = task.details
    if not said:
        return None
    errors = said["errors"]
    if said["duration"] is None:
        why = f": {_listed(errors)}" if errors else ""
        return Verdict(Outcome.FAILED, f"its log does not say that the backup has finished{why}")
    found: t.Mapping[str, t.Any] = {}
    if said["archive"] is not None:
        volume = await _volume(api, job, said["archive"], said["storage"])
        if volume is None:
            why = f"{said['archive']} is not in the content of the storage"
            return Verdict(Outcome.FAILED, why)
        found = {
            "archive": volume.volid,
            "storage": volume.storage,
            "created": iso(volume.created),
            "size": volume.size,
        }
    if errors:
        return Verdict(
            Outcome.WARNINGS, f"errors in the log of the backup: {_listed(errors)}", found
        )
    return Verdict(None, None, found)


async def _volume(api: Api, job: Job, archive: str, storage: str | None) -> Backup | None:
    """The archive as the storage lists it; every storage is searched if none was named."""
    there = [] if storage else await storages_for_backups(api, job.node)
    for name in [storage] if storage else [one for one, _shared in there]:
        for one in await read_backups(api, job.node, name, job.target.vmid):
            if one.archive == archive:
                return one
    return None


def _listed(texts: t.Sequence[str]) -> str:
    more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more
