# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Determines whose guest already has the VMID of a job.

It can be the one that the job should create: an earlier call, of this run or of one that was
killed, may be carried out late because the daemon was blocked, so that the next one is refused.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..api import clock
from ..api.answers import read_mapping, read_rows
from ..api.errors import ApiError, Cause
from .recovery import find_running

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..operations.job import Job
    from ..tasks.upid import Upid

# How often the guest is read until it has its name, in seconds.
_STEP = 2.0
_BEING_CREATED = ("clone", "create")


@dataclass(frozen=True)
class Holder:
    """Who has the VMID: ``upid`` is the caller's running task that creates it.

    ``ours`` says whether a complete guest is the requested one, by its name. ``gone`` says that no
    guest has the VMID any more.
    """

    upid: Upid | None = None
    ours: bool = False
    gone: bool = False


async def find_holder(api: Api, job: Job, known: t.Collection[Upid]) -> Holder:
    """Who has the job's VMID, as soon as known, at the latest after the job's timeout."""
    until = clock.now() + job.timeout
    while True:
        config = await _config(api, job)
        if config is None:
            return Holder(gone=True)
        if config.get("lock") not in _BEING_CREATED:
            return Holder(ours=_name(config) is not None and _name(config) == job.target.name)
        upid = await find_running(api, job)
        if upid is not None and upid.user == api.authid and upid not in known:
            return Holder(upid)
        if clock.now() >= until:
            return Holder()
        await clock.sleep(_STEP)


async def is_wanted(api: Api, job: Job) -> bool:
    """Whether the guest that has the job's VMID has the name of the job's target."""
    config = await _config(api, job)
    return config is not None and _name(config) == job.target.name


async def _config(api: Api, job: Job) -> t.Mapping[str, t.Any] | None:
    """The configuration of the guest with the job's VMID, on any node; None if it is gone."""
    rows = await read_rows(api, ("cluster", "resources"), {"type": "vm"})
    row = next((row for row in rows if row.get("vmid") == job.target.vmid), None)
    if row is None:
        return None
    path = ("nodes", str(row["node"]), str(row["type"]), job.target.vmid, "config")
    try:
        config = await read_mapping(api, path)
    except ApiError as error:
        if error.cause is Cause.GONE:  # it was just moved or removed
            return None
        raise
    return {**config, "type": row["type"]}


def _name(config: t.Mapping[str, t.Any]) -> str | None:
    name = config.get("name" if config["type"] == "qemu" else "hostname")
    return None if name is None else str(name)
