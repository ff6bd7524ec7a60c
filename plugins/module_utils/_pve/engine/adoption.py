# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adopts tasks that already do the same as a job, whoever started them."""

from __future__ import annotations

import asyncio
import re
import typing as t

from ..api.errors import ApiError, PveError
from ..tasks.clone_log import first_lines
from ..tasks.listing import list_tasks
from ..tasks.task import Outcome
from .attempts import Result

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..operations.job import Job
    from ..tasks.upid import Upid


async def adopt_running(
    api: Api, jobs: t.Mapping[int, Job]
) -> tuple[dict[int, Job], dict[int, Result]]:
    """Adopt what already runs: an earlier call may have been interrupted.

    The jobs of a node whose running tasks cannot be read fail, the second value.
    """
    nodes = sorted({job.node for job in jobs.values()})
    running = dict(zip(nodes, await asyncio.gather(*(_running(api, node) for node in nodes))))
    adopted, unknown = {}, {}
    for index, job in jobs.items():
        tasks = running[job.node]
        if isinstance(tasks, PveError):
            message = f"cannot determine whether this already runs: {tasks}; nothing was started"
            unknown[index] = Result(job, Outcome.FAILED, message=message)
            continue
        upid = None if job.task_id is None else tasks.get((job.task_type, job.task_id))
        same = upid is not None and await _goes_there(api, job, upid)
        adopted[index] = job.adopting(upid) if upid and same else job
    return adopted, unknown


async def _running(api: Api, node: str) -> dict[tuple[str, str], Upid] | PveError:
    """The tasks that run on a node, by type and id, or why they cannot be read."""
    try:
        entries = await list_tasks(api, node, {"source": "active"}, retries=None)
    except PveError as error:
        return error
    return {
        (entry.upid.type, entry.upid.id): entry.upid for entry in entries if entry.status is None
    }


async def _goes_there(api: Api, job: Job, upid: Upid) -> bool:
    """Whether a running task has the job's target; for a migration only its log shows it."""
    if job.target.node == job.node:
        return True
    node = re.compile(rf"to node '{re.escape(job.target.node)}'")
    try:
        lines = await first_lines(api, upid)
    except ApiError:  # the task of another user
        return False
    return any(node.search(line) for line in lines)
