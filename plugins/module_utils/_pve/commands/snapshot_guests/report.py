# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report: each guest with its snapshot, what was removed, and why not."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...tasks.task import Outcome
from ..lines import together
from ..operation.report import planned
from ..result import guests_report, is_failure, left_behind, step_problem
from .request import ABSENT, PRESENT, ROLLED_BACK

if t.TYPE_CHECKING:
    from ...engine.chains import ChainResult, StepResult
    from ..context import Context, Report, Values
    from ..lines import Lines
    from ..operation.decisions import Decision
    from .request import SnapshotRequest

_WOULD = {PRESENT: "take a snapshot", ABSENT: "delete snapshots", ROLLED_BACK: "roll back"}


@dataclass(eq=False)
class Entry:
    """One guest on its way from the options to the result.

    ``takes`` says that the snapshot that is asked for is to be taken, removed or gone back to,
    ``surplus`` are the names that were too many when that was decided. ``called_off`` says why
    what was done for it does not count.
    """

    step: Decision
    takes: bool = False
    surplus: list[str] = field(default_factory=list)
    results: list[ChainResult] = field(default_factory=list)
    called_off: str = ""

    @property
    def title(self) -> str:
        """The guest, or what the user wrote of it."""
        return self.step.guest.title if self.step.guest else self.step.reference.text

    @property
    def last(self) -> ChainResult | None:
        """The outcome of what was done last."""
        return self.results[-1] if self.results else None

    @property
    def steps(self) -> list[StepResult]:
        """Every step that was begun."""
        return [step for result in self.results for step in result.steps]

    @property
    def has_taken(self) -> bool:
        """Whether this run has surely made its snapshot, so that it may be removed again."""
        return any(
            step.name == "snapshot"
            and step.outcome.succeeded
            and step.result is not None
            and step.result.changed
            for step in self.steps
        )

    def calls_off(self, why: str) -> None:
        """Note that the guest has no new snapshot, because of another one."""
        self.called_off = why

    def failed(self, context: Context) -> bool:
        """Whether a step of it has failed."""
        return any(is_failure(context, result.outcome) for result in self.results)


def report(context: Context, request: SnapshotRequest, entries: t.Sequence[Entry]) -> Report:
    """Account for every guest and every task; a plan before anything was run."""
    values, problems = [], []
    for entry in entries:
        value = _values(context, request, entry)
        values.append(value)
        if value["outcome"] == Outcome.FAILED.value or entry.failed(context):
            problems.append(_problem(entry, value))
        for result in entry.results:
            for text in left_behind(result.results):
                context.warn(text)
    tasks = [task for entry in entries for result in entry.results for task in result.tasks]
    lines = [_line(request, entry, value) for entry, value in zip(entries, values)]
    return guests_report(values, tasks, problems, together(lines)).with_verb(_WOULD[request.state])


def _values(context: Context, request: SnapshotRequest, entry: Entry) -> Values:
    base = planned(entry.step)
    base.pop("pending"), base.pop("attempts")
    value: Values = {
        **base,
        "snapname": request.snapname,
        "removed": _removed(entry) if entry.results or not context.check else entry.surplus,
        "step": None,
    }
    last = entry.last
    if last is not None:
        tasks = last.tasks
        value.update(
            node=last.target.node,
            outcome=last.outcome.value,
            changed=any(result.changed for result in entry.results),
            upid=str(tasks[-1].upid) if tasks else None,
            step=last.last.name,
            message=last.last.why,
        )
    elif not entry.step.refusal:
        does = (entry.takes or bool(entry.surplus)) and not entry.called_off
        value.update(
            outcome=(Outcome.QUEUED if does else Outcome.UNCHANGED).value,
            changed=does and context.check,
        )
    undone = entry.has_taken and bool(entry.called_off) and last is not None
    if undone and t.cast("ChainResult", last).outcome.succeeded:
        value["changed"] = False
    if entry.called_off and not entry.step.refusal and not entry.failed(context):
        value.update(outcome=Outcome.FAILED.value, message=entry.called_off)
    return value


def _removed(entry: Entry) -> list[str]:
    """The names of the snapshots of the prefix that were removed."""
    return [
        str(step.result.job.path[-1])
        for step in entry.steps
        if step.name == "remove" and step.result is not None and step.outcome.succeeded
    ]


def _problem(entry: Entry, value: Values) -> str:
    if entry.step.refusal:
        return f"{entry.step.reference.text}: {entry.step.refusal}"
    last = entry.last
    if last is None or entry.called_off:
        failing = [step for step in entry.steps if not step.outcome.succeeded]
        if not failing:
            return f"{entry.title}: {value['message']}"
    return step_problem(entry.title, t.cast("ChainResult", last).last)


def _line(request: SnapshotRequest, entry: Entry, value: Values) -> Lines:
    """The snapshots of the guest that come and go."""
    gone = [f"{entry.title}: snapshot {name}" for name in value["removed"]]
    if not value["changed"] or not entry.takes:
        return gone, []
    line = f"{entry.title}: snapshot {request.snapname}"
    if request.state == PRESENT:
        return gone, [line]
    return (
        ([line], []) if request.state == ABSENT else ([], [f"{entry.title}: as {request.snapname}"])
    )
