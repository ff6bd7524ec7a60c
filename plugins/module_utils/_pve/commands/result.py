# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a command that ran jobs."""

from __future__ import annotations

import typing as t

from ..tasks.task import Outcome
from .context import Report, Values, Verdict, failures, summary, task_values

if t.TYPE_CHECKING:
    from ..engine.scheduler import Result
    from ..tasks.task import Task
    from .context import Context


def guest_values(result: Result) -> Values:
    """One guest of a result: the outcome of its job."""
    target, task = result.job.target, result.task
    arrived = result.outcome.succeeded or result.job.repeatable
    return {
        "vmid": target.vmid,
        "name": target.name,
        "node": target.node if arrived else result.job.node,
        "type": target.type,
        "outcome": result.outcome.value,
        "changed": result.changed,
        "upid": str(task.upid) if task else None,
        "attempts": result.attempts,
        "message": why_not(result),
    }


def why_not(result: Result) -> str | None:
    """Why a guest failed or did not need it, or what is to be said of a success, or None."""
    if result.outcome is Outcome.UNCHANGED:
        return result.message
    task = result.task
    if result.outcome.succeeded:
        return ". ".join(result.left) or (task.note if task else None)
    return result.message or (task and (task.note or task.exitstatus)) or None


def job_report(
    context: Context,
    results: t.Sequence[Result],
    guests: t.Sequence[Values],
    *,
    diff: t.Mapping[str, str],
    refused: t.Sequence[str] = (),
    more_tasks: t.Iterable[Task] = (),
) -> Report:
    """Account for every guest and every task.

    ``results`` are none in a plan. ``refused`` are messages about guests that got no job.
    """
    for text in [text for result in results if result.outcome.succeeded for text in result.left]:
        context.warn(text)
    tasks = [*more_tasks, *(task for result in results for task in result.tasks)]
    problems = [*refused, *_problems(context, results)]
    problem = None
    if problems:
        problem = failures(f"{len(problems)} of {len(guests)} guests failed:", problems)
    return Report(
        {
            "guests": list(guests),
            "tasks": task_values(tasks),
            "summary": summary(Outcome(value["outcome"]) for value in guests),
        },
        changed=any(value["changed"] for value in guests),
        problem=problem,
        diff=diff,
    )


def _problems(context: Context, results: t.Sequence[Result]) -> list[str]:
    verdict = Verdict.from_params(context.params)
    waited = context.params["wait"] or context.stop.is_set()
    return [_in_words(result) for result in results if _is_bad(result, verdict, waited=waited)]


def _is_bad(result: Result, verdict: Verdict, *, waited: bool) -> bool:
    if result.outcome is Outcome.RUNNING:
        return waited
    return not verdict.accepts(result.outcome)


def _in_words(result: Result) -> str:
    """The outcome of a failed job, with the message of its task."""
    text = f"{result.job.title}: {result.outcome.value}"
    if result.message:
        text += f": {result.message}"
    if result.outcome is Outcome.RUNNING:
        text += ": interrupted, the task goes on"
    return text + "".join(f"\n  {task.in_words()}" for task in result.tasks)
