# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wait_task: wait for one or many tasks."""

from __future__ import annotations

import asyncio
import traceback
import typing as t

from ..tasks.ending import watch_to_end
from ..tasks.log import with_log
from ..tasks.task import Outcome, Task
from ..tasks.types import default_wait_timeout, task_title
from ..tasks.upid import Upid, collect_upids
from ..tasks.watcher import Watcher
from .context import Context, Report, Verdict, paragraphs, summary, task_values


async def run(context: Context) -> Report:
    """Wait, stop late tasks if requested, and report every task in order."""
    params = context.params
    upids = collect_upids(params["upids"], "upids")
    verdict = Verdict.from_params(params)
    watcher = Watcher(
        context.api, interval=params["poll_interval"], node_timeout=params["node_timeout"]
    )
    stopped: set[Upid] = set()
    waits = {upid: _wait(context, watcher, upid, stopped) for upid in upids}
    try:
        with context.ends_by_itself():
            await _until(context, list(waits.values()), verdict, params["return_when"])
        tasks = [_task_now(upid, wait) for upid, wait in waits.items()]
    finally:
        for wait in waits.values():
            wait.cancel()
        await watcher.close()
    return _report(context, tasks, verdict, changed=bool(stopped))


def _wait(
    context: Context, watcher: Watcher, upid: Upid, stopped: set[Upid]
) -> asyncio.Future[Task]:
    return asyncio.ensure_future(_see_through(context, watcher, upid, stopped))


async def _see_through(context: Context, watcher: Watcher, upid: Upid, stopped: set[Upid]) -> Task:
    """The task as it ended; ``stopped`` collects the tasks that were stopped here."""
    try:
        task = await _until_ended(context, watcher, upid, stopped)
        return await with_log(context.api, task, context.params["log_lines"])
    except Exception:  # noqa: BLE001 - one task that cannot be waited for must not lose the others
        note = f"an error in this collection:\n{traceback.format_exc()}"
        return Task(upid, Outcome.LOST, note=note)


async def _until_ended(context: Context, watcher: Watcher, upid: Upid, stopped: set[Upid]) -> Task:
    params = context.params
    timeout = params["wait_timeout"]
    if timeout is None:
        timeout = default_wait_timeout(upid.type)
    if context.check:
        task = await watcher.watch(upid, timeout=0)
        task = Task(upid) if task.outcome is Outcome.TIMED_OUT else task
    else:
        work = context.progress.work(task_title(upid.type, upid.id))
        with work.running(upid):
            task, was_stopped = await watch_to_end(
                context.api, watcher, upid, timeout, params["on_timeout"]
            )
        work.task_ended(task)
        work.ended(task.outcome, task.note or task.exitstatus)
        if was_stopped:
            stopped.add(upid)
    context.record.append(task)
    return task


async def _until(
    context: Context, waits: list[asyncio.Future[Task]], verdict: Verdict, return_when: str
) -> None:
    """Return when enough waits are over, or on an interrupt."""
    stopped = asyncio.ensure_future(context.stop.wait())
    pending: set[asyncio.Future[t.Any]] = set(waits)
    try:
        while pending:
            done, _unused = await asyncio.wait(
                {*pending, stopped}, return_when=asyncio.FIRST_COMPLETED
            )
            pending -= done
            ended = [wait.result() for wait in waits if wait.done()]
            failed = any(not verdict.accepts(task.outcome) for task in ended if _over(task))
            if (
                stopped.done()
                or (return_when == "first" and ended)
                or (return_when == "first_failure" and failed)
            ):
                return
    finally:
        stopped.cancel()


def _over(task: Task) -> bool:
    return task.outcome.finished


def _task_now(upid: Upid, wait: asyncio.Future[Task]) -> Task:
    return wait.result() if wait.done() else Task(upid)


def _report(context: Context, tasks: list[Task], verdict: Verdict, *, changed: bool) -> Report:
    bad = [task for task in tasks if _over(task) and not verdict.accepts(task.outcome)]
    running = [task for task in tasks if not _over(task)]
    problem = None
    if bad:
        problem = paragraphs([task.in_words() for task in bad])
    elif running and context.stop.is_set():
        problem = f"interrupted while {len(running)} of {len(tasks)} tasks still run"
    return Report(
        {"tasks": task_values(tasks), "summary": summary(task.outcome for task in tasks)},
        changed=changed,
        problem=problem,
        counted=bool(bad),
    )
