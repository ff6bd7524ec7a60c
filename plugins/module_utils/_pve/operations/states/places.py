# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a node, a storage or the cluster shows the effect of an operation."""

from __future__ import annotations

import typing as t

from ...api.answers import read_mapping, read_rows
from ...api.errors import ApiError, Cause
from ...guests.volumes import stored_name

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ..job import Job
    from . import Done, DoneCheck


def has_file(parameter: str, suffix: str = "") -> DoneCheck:
    """Whether a file is on the storage; a download does not write over one.

    ``parameter`` names the file, without its ``suffix`` if Proxmox VE adds that, and the parameter
    or path segment ``storage`` where it is.
    """

    def check(job: Job) -> Done | None:
        name = job.params.get(parameter)
        if not name:
            return None
        storage = job.target.name or str(job.params.get("storage"))
        wanted = stored_name(f"{name}{suffix}")

        async def done(api: Api) -> bool:
            return wanted in map(_file, await _volumes(api, job, storage))

        return done

    return check


def has_no_volume(job: Job) -> Done:
    """Whether a volume is not on the storage."""
    wanted, storage = str(job.path[-1]), str(job.target.name)
    full = wanted if ":" in wanted else f"{storage}:{wanted}"

    async def done(api: Api) -> bool:
        return full not in await _volumes(api, job, storage)

    return done


def flags_are_set(job: Job) -> Done:
    """Whether the flags of Ceph are as given; those that are not given stay as they are."""

    async def done(api: Api) -> bool:
        rows = await read_rows(api, ("cluster", "ceph", "flags"))
        there = {str(row.get("name")): bool(row.get("value")) for row in rows}
        return all(
            there.get(name) is (str(value) not in ("0", "false", "no", "off"))
            for name, value in job.params.items()
        )

    return done


def service_runs(*, wanted: bool) -> DoneCheck:
    """Whether a service of the node runs, or does not."""

    def check(job: Job) -> Done:
        async def done(api: Api) -> bool:
            state = (await read_mapping(api, (*job.path[:4], "state"))).get("state")
            return bool(state == "running") is wanted

        return done

    return check


def _file(volume: str) -> str:
    return volume.rsplit("/", 1)[-1]


async def _volumes(api: Api, job: Job, storage: str) -> set[str]:
    """The volumes on a storage; none where the storage is not there, which the call will say."""
    try:
        rows = await read_rows(api, ("nodes", job.node, "storage", storage, "content"))
    except ApiError as error:
        if error.cause is Cause.GONE:
            return set()
        raise
    return {str(row.get("volid")) for row in rows}
