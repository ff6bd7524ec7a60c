# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option max_age: guests for which the operation was done not long ago are left as they are.

They are found by one reading for all of them, and each of the others is read again right before its
call, which may be hours later. Where that cannot be read it is unknown, which fails the guest.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ...api.errors import PveError, UsageError
from ...operations.guest import guest_job
from ...operations.job import Unneeded
from ...tasks.times import read_moment

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...guests.cluster import Guest
    from ...operations.catalog import Operation
    from ...operations.job import Job
    from ...tasks.times import Moment
    from ..context import Context
    from .decisions import Decision


def max_age(context: Context, operation: Operation) -> Moment | None:
    """The option, None if it is not set; UsageError for an operation that it is not for."""
    moment = read_moment(context.params["max_age"], "max_age")
    if moment is not None and operation.recent is None:
        raise UsageError(f"max_age: {operation.name} makes nothing that has an age")
    return moment


async def without_recent(
    context: Context, operation: Operation, steps: t.Sequence[Decision]
) -> list[Decision]:
    """The decisions, with a note for guests that have something recent."""
    moment = max_age(context, operation)
    due = [index for index, step in enumerate(steps) if step.to_do and step.guest is not None]
    steps = list(steps)
    if moment is None or operation.recent is None or not due:
        return steps
    jobs = [_job(operation, steps[index]) for index in due]
    found = await operation.recent(context.api, jobs, moment)
    for index, what in zip(due, found):
        if isinstance(what, PveError):
            steps[index] = replace(steps[index], params=None, refusal=_unknown(what))
        elif what is not None:
            steps[index] = replace(steps[index], params=None, note=what)
    return steps


def unless_recent(context: Context, operation: Operation, job: Job) -> Job:
    """The job, which is not sent if another one has done it in the meantime."""
    moment, recent = max_age(context, operation), operation.recent
    if moment is None or recent is None:
        return job
    before = job.recheck

    async def recheck(api: Api) -> None:
        if before is not None:
            await before(api)
        [what] = await recent(api, [job], moment)
        if isinstance(what, PveError):
            raise PveError(_unknown(what)) from what
        if what is not None:
            raise Unneeded(what)

    return replace(job, recheck=recheck)


def _job(operation: Operation, step: Decision) -> Job:
    return guest_job(operation, t.cast("Guest", step.guest), step.params or {}, None)


def _unknown(error: PveError) -> str:
    return f"cannot determine whether it is due (max_age): {error}"
