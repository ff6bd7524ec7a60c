# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks that ended well have really done, where their exit status does not say it all."""

from __future__ import annotations

import re
import typing as t

from ..api import clock
from ..api.answers import read_mapping, read_rows
from ..api.errors import ApiError, Cause
from ..guests.cluster import GUEST_TYPES
from ..guests.ties import owned_volumes, remaining
from ..tasks.log import read_whole_log
from ..tasks.task import Outcome
from ..tasks.types import START
from .job import Verdict

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..tasks.task import Task
    from .job import Job

# PVE::API2::Nodes prints what became of a guest and goes on; PVE::API2::Cluster::BulkAction, too.
_FAILED = re.compile(
    r"(?:WARN: )?"
    r"(?P<what>(?:Starting|Stopping|Suspending|Migrating|Shutting down) (?:VM|CT) \d+ failed: .*)"
)
_SHOWN = 5
# How long the start of a guest may take that another task has begun, in seconds.
_STARTS_WITHIN = float(START)


async def every_guest_of_node(api: Api, job: Job, task: Task) -> Verdict | None:
    """The bulk actions of a node end OK although guests failed; only their logs say so."""
    failures = [found["what"] for found in map(_FAILED.match, await _log(api, task)) if found]
    if failures:
        return Verdict(Outcome.FAILED, f"some guests failed: {_listed(failures)}")
    return await every_guest_of_list(api, job, task)


async def every_guest_of_list(api: Api, job: Job, _task: Task) -> Verdict | None:
    """Bulk actions leave out VMIDs that they do not find, and templates, without a word."""
    asked = _vmids(job.params.get("vms"))
    if not asked:
        return None
    rows = await read_rows(api, ("cluster", "resources"), {"type": "vm"})
    guests = [row for row in rows if row.get("type") in GUEST_TYPES]
    if job.target.type == "node":  # it knows no guests of other nodes
        guests = [row for row in guests if row.get("node") in (job.node, job.params.get("target"))]
    there = {int(row["vmid"]) for row in guests if not int(row.get("template") or 0)}
    ignored = [str(vmid) for vmid in asked if vmid not in there]
    if not ignored:
        return None
    return Verdict(
        Outcome.FAILED, f"it left out what is no guest, or a template: {', '.join(ignored)}"
    )


async def runs_if_asked(api: Api, job: Job, _task: Task) -> Verdict | None:
    """With ``start`` a task starts another one, whose end is not part of its own.

    A start that cannot even begin is only a warning in the log of a VM's creation
    (``PVE::API2::Qemu``).
    """
    if str(job.params.get("start") or "0").lower() not in ("1", "true", "yes", "on"):
        return None
    target = job.target
    path = ("nodes", target.node, target.type, target.vmid, "status", "current")
    until, attempt = clock.now() + _STARTS_WITHIN, 0
    while True:
        if (await read_mapping(api, path)).get("status") == "running":
            return None
        if clock.now() >= until:
            return Verdict(
                Outcome.FAILED, f"it is done, but {target.label} does not run, as it was to"
            )
        attempt += 1
        await clock.sleep(clock.backoff(attempt, most=4.0))


async def is_gone_with_disks(api: Api, job: Job, _task: Task) -> Verdict | None:
    """The configuration of a deleted guest is gone, and so are the volumes that it named."""
    target = job.target
    try:
        await api.get(("nodes", job.node, target.type, target.vmid, "config"))
    except ApiError as error:
        if error.cause is not Cause.GONE:
            return Verdict(Outcome.WARNINGS, f"whether it is gone cannot be read: {error}")
    else:
        return Verdict(Outcome.FAILED, f"{target.label} still exists")
    left, unknown = await remaining(api, target, owned_volumes(target, job.before.values))
    if left:
        return Verdict(Outcome.FAILED, f"its disks still exist: {', '.join(left)}")
    if unknown:
        return Verdict(
            Outcome.WARNINGS,
            f"whether its disks on {', '.join(unknown)} are gone cannot be read",
        )
    return None


async def _log(api: Api, task: Task) -> tuple[str, ...]:
    return await read_whole_log(api, task.upid)


def _vmids(value: object) -> list[int]:
    items = value if isinstance(value, (list, tuple)) else re.split(r"[,;\s]+", str(value or ""))
    return [int(item) for item in items if str(item).isdigit()]


def _listed(texts: t.Sequence[str]) -> str:
    more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more
