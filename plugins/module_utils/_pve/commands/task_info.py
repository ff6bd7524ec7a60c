# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""task_info: tasks by UPID, with their logs, or the task lists of nodes."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import replace

from ..command import Context, Report, summary, task_values
from ..errors import ApiError, Trouble
from ..history import read_query, recent_tasks
from ..log import read_log, with_log
from ..task import Outcome, Task, outcome_of
from ..tasklist import list_tasks
from ..upid import Upid, collect_upids

if t.TYPE_CHECKING:
    from ..client import Api


async def run(context: Context) -> Report:
    """Look, once."""
    params = context.params
    if params["upids"] is not None:
        upids = collect_upids(params["upids"], "upids")
        tasks = list(await _known(context.api, upids, params["log_lines"]))
    else:
        query = await read_query(context.api, params)
        page = await recent_tasks(context.api, params["nodes"], query)
        for node, why in page.unreachable.items():
            context.warn(f"the tasks of node {node} are missing: {why}")
        tasks = await _with_logs(context.api, page.tasks, params["log_lines"])
    return Report({"tasks": task_values(tasks), "summary": summary(task.outcome for task in tasks)})


async def _with_logs(api: Api, tasks: t.Iterable[Task], lines: int) -> list[Task]:
    if lines <= 0:
        return list(tasks)
    return list(
        await asyncio.gather(
            *(
                _logged(api, task, lines)
                if not task.outcome.finished
                else with_log(api, task, lines)
                for task in tasks
            )
        )
    )


async def _known(api: Api, upids: t.Sequence[Upid], lines: int) -> t.Sequence[Task]:
    tasks = await asyncio.gather(*(_status(api, upid) for upid in upids))
    tasks = await asyncio.gather(*(with_log(api, task, lines) for task in tasks))
    return await asyncio.gather(*(_logged(api, task, lines) for task in tasks))


async def _logged(api: Api, task: Task, lines: int) -> Task:
    if task.log or lines <= 0 or task.outcome is Outcome.LOST:
        return task
    return replace(task, log=await read_log(api, task.upid, lines))


async def _status(api: Api, upid: Upid) -> Task:
    """The task by its own status; the time of its end only the archive knows."""
    try:
        answer = await api.get(("nodes", upid.node, "tasks", str(upid), "status"))
    except ApiError as error:
        if error.trouble is Trouble.GONE:
            return Task(upid, Outcome.LOST, note=f"node {upid.node} knows no such task")
        raise
    if answer.data.get("status") == "running":
        return Task(upid)
    exitstatus = str(answer.data.get("exitstatus") or "unexpected status")
    ended = await _end_time(api, upid)
    return Task(upid, outcome_of(exitstatus), exitstatus, ended)


async def _end_time(api: Api, upid: Upid) -> int | None:
    filters = {
        "source": "archive",
        "typefilter": upid.type,
        "since": upid.starttime,
        "until": upid.starttime,
    }
    entries = await list_tasks(api, upid.node, filters, retries=None)
    return next((entry.endtime for entry in entries if entry.upid == upid), None)
