# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A job in progress: its attempts, its tasks, its outcome."""

from __future__ import annotations

import traceback
import typing as t
from dataclasses import dataclass, field

from ..tasks.task import Outcome, Task
from .progress import SILENT

if t.TYPE_CHECKING:
    from ..operations.job import Job
    from .baseline import Baseline
    from .progress import Work


@dataclass(frozen=True)
class Result:
    """The outcome of a job.

    ``tasks`` holds every task that was started or adopted for it, the last one last. ``message``
    says why it did not succeed if no task does, or what the task left behind. ``attempts`` counts
    the calls that were sent. ``found`` says that the last task was not named by a response but
    found by a search. ``remains`` says of a failed job that it changed something anyway, and
    ``left`` what earlier attempts left behind, whatever the outcome of the last one.
    ``data`` is what a call returned that is no task.
    """

    job: Job
    outcome: Outcome
    tasks: tuple[Task, ...] = ()
    message: str | None = None
    attempts: int = 0
    found: bool = False
    remains: bool = False
    left: tuple[str, ...] = ()
    data: t.Any = None

    @property
    def task(self) -> Task | None:
        """The task that counts."""
        return self.tasks[-1] if self.tasks else None

    @property
    def changed(self) -> bool:
        """Whether the guest was, or may have been, changed."""
        if self.outcome in (Outcome.QUEUED, Outcome.UNCHANGED):
            return False
        if self.outcome in (Outcome.FAILED, Outcome.CANCELLED):
            return self.remains
        return self.outcome.succeeded or bool(self.tasks) or self.outcome is Outcome.LOST


class Retry(Exception):
    """The job is retried; ``costs`` says whether that uses up a retry."""

    def __init__(self, why: str, *, costs: bool = True) -> None:
        super().__init__(why)
        self.costs = costs


@dataclass
class JobRun:
    """A job in progress.

    ``calling`` while its call has been sent and not been answered. ``baseline`` are the tasks that
    its node had before the first call. ``unsure`` says that a call may have been carried out
    although no response confirmed it. ``waiting`` maps a reason to wait at no cost to the second
    when that began. ``notes`` are what earlier attempts left behind. ``turn`` is its place in the
    queues. ``work`` notes what happens to it.
    """

    job: Job
    state: Outcome = Outcome.QUEUED
    calling: bool = False
    attempts: int = 0
    failures: int = 0
    tasks: list[Task] = field(default_factory=list)
    baseline: Baseline | None = None
    unsure: bool = False
    found: bool = False
    remains: bool = False
    notes: list[str] = field(default_factory=list)
    waiting: dict[str, float] = field(default_factory=dict)
    turn: int | None = None
    data: t.Any = None
    work: Work = SILENT

    def result(self, outcome: Outcome, message: str | None = None) -> Result:
        """The outcome of the job, with the notes about earlier attempts."""
        self.state = outcome
        text = ". ".join([*([message] if message else []), *self.notes]) or None
        return Result(
            self.job,
            outcome,
            tuple(self.tasks),
            text,
            self.attempts,
            self.found,
            self.remains,
            tuple(self.notes),
            self.data,
        )

    def interrupted(self) -> Result:
        """The result of a job that was abandoned."""
        if self.state is Outcome.STARTING:
            return self.result(
                Outcome.LOST, "interrupted while searching for the task whose response got lost"
            )
        if self.state is not Outcome.QUEUED:
            return self.result(self.state)
        if self.tasks:
            return self.result(self.tasks[-1].outcome, "not retried: interrupted")
        return self.result(Outcome.QUEUED, "not started: interrupted")

    def died(self, error: Exception) -> Result:
        """The result of a job that an error of this program ended."""
        begun = bool(self.tasks) or self.attempts > 0
        return self.result(
            Outcome.LOST if begun else Outcome.FAILED, internal_error(self.job.title, error)
        )


def internal_error(what: str, error: Exception) -> str:
    """The message about work that an error of this program ended."""
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return f"an error in upid.proxmox ended {what}; please report it: {trace.strip()}"
