# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""task_info: tasks by UPID, with their logs, or the task lists of nodes."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import replace

from ..api.answers import malformed, mapping_of
from ..api.errors import ApiError, Cause, NoAnswerError, PveError
from ..tasks.explained import explained, explained_values
from ..tasks.history import TaskPage, TaskQuery, recent_tasks
from ..tasks.listing import list_tasks
from ..tasks.log import LogBudget, read_log
from ..tasks.task import UNEXPECTED, Outcome, Task, outcome_of
from ..tasks.upid import Upid, collect_upids
from .context import Context, Report, Values, summary

if t.TYPE_CHECKING:
    from ..api.client import Api

# The default limit; if it cuts off tasks, a warning is due.
_DEFAULT_LIMIT = 50
# How long one task may keep the others from being returned, in seconds.
_PATIENCE = 60.0


async def run(context: Context) -> Report:
    """Poll once."""
    params = context.params
    if params["upids"] is not None:
        return await _by_upid(context, collect_upids(params["upids"], "upids"))
    query = TaskQuery.from_options(params)
    page = await recent_tasks(context.api, params["nodes"], query)
    tasks = await _with_logs(context, page.tasks)
    missing = [
        f"the tasks of node {node} are missing: {why}" for node, why in page.unreachable.items()
    ]
    if page.unsearched:
        context.warn(page.unsearched_in_words(query.vmid))
    problem = None
    if missing and params["on_unreachable"] == "fail":
        problem = "\n".join(missing)
    else:
        for text in missing:
            context.warn(text)
    return Report({**_values(tasks), **_extent(context, page, query)}, problem=problem)


def _values(tasks: t.Sequence[Task]) -> Values:
    values = {str(task.upid): explained_values(task) for task in tasks}
    return {"tasks": list(values.values()), "summary": summary(task.outcome for task in tasks)}


def _extent(context: Context, page: TaskPage, query: TaskQuery) -> Values:
    """What the list omits; a warning if the default limit cut off tasks."""
    values: Values = {
        "unreachable_nodes": dict(page.unreachable),
        "truncated": page.truncated,
        "more": page.more,
    }
    if page.truncated and query.limit == _DEFAULT_LIMIT:
        context.warn(
            f"more tasks match; only the newest {query.limit} are listed (limit); set limit to list"
            " more, or to turn this warning off"
        )
    return values


async def _with_logs(context: Context, tasks: t.Iterable[Task]) -> list[Task]:
    """The tasks with the logs of those that did not end well; a warning where one is too long."""
    lines, budget = context.params["log_lines"], LogBudget()
    found = await asyncio.gather(*(explained(context.api, task, lines, budget) for task in tasks))
    cut = [task for task in found if task.details.get("log_complete") is False]
    if cut:
        context.warn(
            f"the logs of {len(cut)} of {len(found)} tasks are too long to be searched for errors"
            f" to their end; the first of them is {cut[0].upid}"
        )
    return list(found)


async def _by_upid(context: Context, upids: t.Sequence[Upid]) -> Report:
    """All of these tasks; one that cannot be read does not affect the others."""
    results = await asyncio.gather(*(_status(context.api, upid) for upid in upids))
    errors = [one for one in results if isinstance(one, PveError)]
    if errors and len(errors) == len(results):
        raise errors[0]
    for error in errors:
        context.warn(f"the outcome of a task is unknown: {error}")
    lines = context.params["log_lines"]
    tasks = [
        Task(upid, Outcome.LOST, note=str(one)) if isinstance(one, PveError) else one
        for upid, one in zip(upids, results)
    ]
    tasks = await _with_logs(context, tasks)
    tasks = list(await asyncio.gather(*(_logged(context.api, task, lines) for task in tasks)))
    return Report({**_values(tasks), "unreachable_nodes": {}, "truncated": False, "more": 0})


async def _logged(api: Api, task: Task, lines: int) -> Task:
    if task.log or lines <= 0 or task.outcome is Outcome.LOST:
        return task
    return replace(task, log=await read_log(api, task.upid, lines))


async def _status(api: Api, upid: Upid) -> Task | PveError:
    """The task by its own status, or why it cannot be read."""
    tried = f"GET /nodes/{upid.node}/tasks/{upid}/status"
    try:
        return await asyncio.wait_for(_read_status(api, upid, tried), _PATIENCE)
    except ApiError as error:
        if error.cause is Cause.GONE:
            return Task(upid, Outcome.LOST, note=f"node {upid.node} has no such task")
        return error
    except NoAnswerError as error:
        return error
    except asyncio.TimeoutError:
        return NoAnswerError(tried, f"no answer within {_PATIENCE:.0f} s", sent=True)


async def _read_status(api: Api, upid: Upid, tried: str) -> Task:
    """The task by its own status; only the archive has the time of its end."""
    values = mapping_of(await api.get(("nodes", upid.node, "tasks", str(upid), "status")), tried)
    if values.get("status") not in ("running", "stopped"):
        raise malformed(tried, dict(values))
    if values["status"] == "running":
        return Task(upid)
    exitstatus = str(values.get("exitstatus") or UNEXPECTED)
    return Task(upid, outcome_of(exitstatus), exitstatus, await _end_time(api, upid))


async def _end_time(api: Api, upid: Upid) -> int | None:
    """When a task ended, None if the list cannot be read: its outcome is known without it."""
    filters = {
        "source": "archive",
        "typefilter": upid.type,
        "since": upid.starttime,
        "until": upid.starttime,
    }
    try:
        entries = await list_tasks(api, upid.node, filters, retries=1, lenient=True)
    except (ApiError, NoAnswerError):
        return None
    return next((entry.endtime for entry in entries if entry.upid == upid), None)
