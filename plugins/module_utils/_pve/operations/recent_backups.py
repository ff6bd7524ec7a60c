# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests have a backup that is recent enough, so that none is made.

A backup counts if the storage that the new one would go to lists it, as the node of the guest sees
it. One of an earlier guest with the same VMID does not: a VM says when it was created. A container
does not say that.
"""

from __future__ import annotations

import asyncio
import re
import typing as t

from ..api.answers import read_mapping
from ..api.errors import PveError, UsageError
from ..guests.backups import read_backups
from ..tasks.task import iso

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..guests.backups import Backup
    from ..tasks.times import Moment
    from .job import Job

_CREATED = re.compile(r"(?:\A|,)ctime=(\d{1,12})")


async def recent_backups(
    api: Api, jobs: t.Sequence[Job], moment: Moment
) -> list[str | PveError | None]:
    """For each job which backup makes it unnecessary, None if it is due, or why that is unknown.

    Each storage of a node is read once for all of them.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    found: list[str | PveError | None] = [None] * len(jobs)
    for index, job in enumerate(jobs):
        storage = job.params.get("storage")
        if not storage:
            found[index] = UsageError("max_age: it needs the storage whose backups count")
            continue
        groups.setdefault((job.node, str(storage)), []).append(index)
    some = [[jobs[index] for index in group] for group in groups.values()]
    for group, results in zip(
        groups.values(), await asyncio.gather(*(_of_storage(api, one, moment) for one in some))
    ):
        for index, result in zip(group, results):
            found[index] = result
    return found


async def _of_storage(
    api: Api, jobs: t.Sequence[Job], moment: Moment
) -> list[str | PveError | None]:
    job = jobs[0]
    vmid = job.target.vmid if len(jobs) == 1 else None
    try:
        backups = await read_backups(api, job.node, str(job.params["storage"]), vmid)
    except PveError as error:
        return [error] * len(jobs)
    return list(await asyncio.gather(*(_of_guest(api, one, backups, moment) for one in jobs)))


async def _of_guest(
    api: Api, job: Job, backups: t.Sequence[Backup], moment: Moment
) -> str | PveError | None:
    now = api.server_time()
    since = moment.by(now)
    # What a clock that was wrong has dated far ahead says nothing.
    own = [
        one
        for one in backups
        if (one.vmid, one.type) == (job.target.vmid, job.target.type)
        and since <= one.created <= now + (now - since)
        and not one.corrupt
    ]
    newest = max(own, key=lambda one: one.created, default=None)
    if newest is None:
        return None
    try:
        if newest.created < await _created(api, job):
            return None
    except PveError as error:
        return error
    return f"its newest backup {newest.volid} is of {iso(newest.created)}, recent enough"


async def _created(api: Api, job: Job) -> int:
    """When a VM was created, in epoch seconds; 0 where its configuration does not say that."""
    guest = job.target
    if guest.type != "qemu":
        return 0
    config = await read_mapping(api, ("nodes", job.node, guest.type, guest.vmid, "config"))
    match = _CREATED.search(str(config.get("meta") or ""))
    return int(match.group(1)) if match else 0
