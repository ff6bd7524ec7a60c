# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a guest shows the effect of an operation: read for a call whose response got lost."""

from __future__ import annotations

import typing as t

from ..api.answers import read_mapping, read_rows
from ..api.errors import ApiError, Cause, UsageError
from ..guests.config import Configuration, Rules, difference
from ..guests.volumes import size_in_bytes

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .job import Job

Done = t.Callable[["Api"], t.Awaitable[bool]]
DoneCheck = t.Callable[["Job"], t.Optional[Done]]
"""Makes the check for a job; None if nothing of the guest shows its effect."""


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
