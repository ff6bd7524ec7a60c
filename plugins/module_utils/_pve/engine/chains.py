# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chains: the steps of one guest, each begun as soon as the one before has succeeded.

Chains wait for each other only in the lanes. A step that fails ends only its own chain.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ..api.errors import PveError
from ..operations.job import Unneeded
from ..tasks.task import Outcome
from .attempts import internal_error
from .progress import SILENT

if t.TYPE_CHECKING:
    from ..guests.cluster import Guest
    from ..operations.job import Job
    from ..tasks.task import Task
    from .attempts import JobRun, Result
    from .progress import Work

Prepare = t.Callable[["ChainResult"], t.Awaitable["Job"]]


class Corrected(PveError):
    """A step without a task found the real outcome of the one before: ``result``.

    ``over`` says that there is nothing more to do for the guest.
    """

    def __init__(self, result: Result, message: str, *, over: bool) -> None:
        super().__init__(message)
        self.result = result
        self.over = over


@dataclass(frozen=True)
class ChainStep:
    """A step of a chain: a ``job`` that is known beforehand, or one that ``prepare`` makes.

    ``prepare`` is called when the step is due, with the outcomes of the steps before. It reads what
    it needs and returns the job. It raises Unneeded if there is nothing to do, Corrected if the
    step before had another outcome, and PveError if the step is not possible. Steps without a task
    are done in ``prepare`` itself.
    """

    name: str
    job: Job | None = None
    prepare: Prepare | None = None


@dataclass(frozen=True)
class Chain:
    """The steps of the guest ``target``; there is at least one."""

    target: Guest
    steps: tuple[ChainStep, ...]

    @classmethod
    def of(cls, job: Job) -> Chain:
        """The chain of a single job."""
        return cls(job.target, (ChainStep(job.title, job=job),))


@dataclass(frozen=True)
class StepResult:
    """The outcome of a step; ``result`` is None if it got no job."""

    name: str
    outcome: Outcome
    message: str | None = None
    result: Result | None = None

    @property
    def why(self) -> str | None:
        """Why it failed or was not needed, or what there is to say about a success, or None."""
        task = self.result.task if self.result else None
        if self.outcome.succeeded and self.outcome is not Outcome.UNCHANGED:
            left = self.result.left if self.result else ()
            return ". ".join(left) or (task.note if task else None)
        why = self.message or (task and (task.note or task.exitstatus)) or None
        return why if self.outcome.succeeded else why or self.outcome.value


@dataclass(frozen=True)
class ChainResult:
    """The outcome of a chain: its steps up to the last that was begun, in order.

    ``target`` is the guest as the last step left it. ``missing`` are the names of the steps that
    were not begun, ``replaced`` the results of jobs that were replaced by another one of the same
    step.
    """

    target: Guest
    steps: tuple[StepResult, ...]
    missing: tuple[str, ...] = ()
    replaced: tuple[Result, ...] = ()

    @property
    def last(self) -> StepResult:
        """The step that decides: the one that failed, or the last one."""
        return self.steps[-1]

    @property
    def outcome(self) -> Outcome:
        """The outcome of the last step if it failed, otherwise that of all steps together."""
        if not self.last.outcome.succeeded or self.missing:
            return self.last.outcome
        outcomes = {step.outcome for step in self.steps}
        for outcome in (Outcome.WARNINGS, Outcome.OK):
            if outcome in outcomes:
                return outcome
        return self.last.outcome

    @property
    def results(self) -> tuple[Result, ...]:
        """The results of the steps that got a job."""
        return tuple(step.result for step in self.steps if step.result is not None)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Every task of the chain."""
        return tuple(task for one in (*self.replaced, *self.results) for task in one.tasks)

    @property
    def changed(self) -> bool:
        """Whether any step changed the guest, or may have."""
        return any(result.changed for result in self.results)


@dataclass
class ChainRun:
    """A chain in progress; ``run`` is the current job, ``turn`` its place in the queues.

    ``over`` says that no further step is needed. ``replaced`` are the results of jobs that were
    replaced. ``work`` notes what happens to it.
    """

    chain: Chain
    target: Guest
    turn: int = 0
    ended: list[StepResult] = field(default_factory=list)
    run: JobRun | None = None
    over: bool = False
    replaced: list[Result] = field(default_factory=list)
    work: Work = SILENT

    @property
    def calling(self) -> bool:
        """Whether a call has been sent and not been answered, so that it must not be abandoned."""
        return self.run is not None and self.run.calling

    @property
    def begun(self) -> bool:
        """Whether nothing of the chain has yet to be started."""
        state = self.run.state if self.run else Outcome.QUEUED
        return state not in (Outcome.QUEUED, Outcome.STARTING)

    @property
    def step(self) -> ChainStep:
        """The step that is due."""
        return self.chain.steps[len(self.ended)]

    def retry(self, result: Result) -> None:
        """Note the end of a job that is replaced by another one of the same step."""
        self.replaced.append(result)
        self.run = None

    def end(self, name: str, result: Result) -> None:
        """Note the end of a job."""
        self.ended.append(StepResult(name, result.outcome, result.message, result))
        self.target = result.job.target
        self.run = None

    def end_without_job(self, name: str, error: Exception) -> None:
        """Note the end of a step without a job, by what ``prepare`` raised."""
        outcome, message = Outcome.FAILED, str(error)
        if isinstance(error, Unneeded):
            outcome = Outcome.UNCHANGED
        elif isinstance(error, Corrected):
            result, self.over = error.result, error.over
            self.ended[-1] = replace(
                self.ended[-1], outcome=result.outcome, message=result.message, result=result
            )
            self.target = result.job.target
            outcome = result.outcome if error.over else Outcome.UNCHANGED
        elif not isinstance(error, PveError):
            message = internal_error(f"{name} of {self.target.label}", error)
        self.ended.append(StepResult(name, outcome, message))

    def result(self) -> ChainResult:
        """The outcome of the chain so far."""
        missing = tuple(step.name for step in self.chain.steps[len(self.ended) :])
        return ChainResult(self.target, tuple(self.ended), missing, tuple(self.replaced))

    def interrupted(self) -> ChainResult:
        """The outcome of a chain that was abandoned."""
        if self.run is not None:
            self.end(self.step.name, self.run.interrupted())
        elif len(self.ended) < len(self.chain.steps):
            self.ended.append(
                StepResult(self.step.name, Outcome.QUEUED, "not started: interrupted")
            )
        return self.result()
