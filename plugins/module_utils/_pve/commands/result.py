# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a command that ran jobs."""

from __future__ import annotations

import typing as t

from ..tasks.task import Outcome
from .context import Report, Values, Verdict, paragraphs, summary, task_values

if t.TYPE_CHECKING:
    from ..engine.chains import StepResult
    from ..engine.scheduler import Result
    from ..tasks.task import Task
    from .context import Context
    from .lines import Lines


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
        **({"details": dict(task.details)} if task and task.details else {}),
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
    diff: Lines,
    refused: t.Sequence[str] = (),
    more_tasks: t.Iterable[Task] = (),
) -> Report:
    """Account for every guest and every task.

    ``results`` are none in a plan. ``refused`` are messages about guests that got no job.
    """
    for text in left_behind(results):
        context.warn(text)
    tasks = [*more_tasks, *(task for result in results for task in result.tasks)]
    problems = [*refused, *problems_of(context, results)]
    return guests_report(guests, tasks, problems, diff)


def guests_report(
    guests: t.Sequence[Values],
    tasks: t.Sequence[Task],
    problems: t.Sequence[str],
    diff: Lines,
    what: str = "guests",
) -> Report:
    """The report about guests, or ``targets``; ``problems`` are the messages of failed ones."""
    return Report(
        {
            what: list(guests),
            "tasks": task_values(tasks),
            "summary": summary(Outcome(value["outcome"]) for value in guests),
        },
        changed=any(value["changed"] for value in guests),
        problem=paragraphs(problems) or None,
        diff={
            when: "".join(f"{line}\n" for line in lines)
            for when, lines in zip(("before", "after"), diff)
        },
        counted=True,
    )


def left_behind(results: t.Iterable[Result]) -> list[str]:
    """What earlier attempts left of guests that are well now."""
    return [text for result in results if result.outcome.succeeded for text in result.left]


def problems_of(context: Context, results: t.Iterable[Result]) -> list[str]:
    """What became of the jobs that failed."""
    return [
        _in_words(result.job.title, result.outcome, result.message, result.tasks)
        for result in results
        if is_failure(context, result.outcome)
    ]


def is_failure(context: Context, outcome: Outcome) -> bool:
    """Whether a guest with this outcome makes the command fail; one that is planned does not."""
    if outcome is Outcome.QUEUED and context.check:
        return False
    if outcome is Outcome.RUNNING:
        return bool(context.params["wait"] or context.stop.is_set())
    return not Verdict.from_params(context.params).accepts(outcome)


def step_problem(title: str, step: StepResult) -> str:
    """What became of a chain that failed in this step, with the messages of its tasks."""
    tasks = step.result.tasks if step.result else ()
    return _in_words(f"{title}: {step.name}", step.outcome, step.message, tasks)


def _in_words(title: str, outcome: Outcome, message: str | None, tasks: t.Iterable[Task]) -> str:
    text = f"{title}: {outcome.value}"
    if message:
        text += f": {message}"
    if outcome is Outcome.RUNNING:
        text += ": interrupted, the task goes on"
    return text + "".join(f"\n  {task.in_words()}" for task in tasks)
