# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a removal: each guest with what was done to it, and why it is still there."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..fleet.values import done_by
from ..lines import together
from ..operation.report import planned
from ..result import guests_report, is_failure, left_behind, step_problem

if t.TYPE_CHECKING:
    from ...engine.chains import ChainResult, ChainStep
    from ..context import Context, Report, Values
    from ..lines import Lines
    from ..operation.decisions import Decision


@dataclass
class Entry:
    """One guest: the decision, the steps that remove it, and how they ended."""

    step: Decision
    steps: list[ChainStep] = field(default_factory=list)
    result: ChainResult | None = None

    @property
    def title(self) -> str:
        """The guest, or what the user wrote of it."""
        return self.step.guest.title if self.step.guest else self.step.reference.text


def report(context: Context, entries: t.Sequence[Entry]) -> Report:
    """Account for every guest and every task; the plan in check mode."""
    values = [_values(entry) for entry in entries]
    results = [entry.result for entry in entries if entry.result is not None]
    for result in results:
        for text in left_behind(result.results):
            context.warn(text)
    problems = [
        _problem(entry)
        for entry in entries
        if entry.step.refusal or (entry.result and is_failure(context, entry.result.outcome))
    ]
    tasks = [task for result in results for task in result.tasks]
    lines = [_line(entry, value) for entry, value in zip(entries, values)]
    return guests_report(values, tasks, problems, together(lines)).with_verb("remove")


def _values(entry: Entry) -> Values:
    value = planned(entry.step)
    value.pop("pending"), value.pop("attempts")
    names = [step.name for step in entry.steps]
    value.update(step=None, done=done_by(names))
    if entry.result is None:
        return value
    last, tasks = entry.result.last, entry.result.tasks
    changing = [s.name for s in entry.result.steps if s.result is not None and s.result.changed]
    value.update(
        outcome=entry.result.outcome.value,
        changed=entry.result.changed,
        step=last.name,
        done=done_by(changing),
        upid=str(tasks[-1].upid) if tasks else None,
        message=last.why,
    )
    return value


def _problem(entry: Entry) -> str:
    if entry.step.refusal:
        return f"{entry.step.reference.text}: {entry.step.refusal}"
    return step_problem(entry.title, t.cast("ChainResult", entry.result).last)


def _line(entry: Entry, value: Values) -> Lines:
    if entry.step.guest is None:
        return [], []
    return [entry.title], ([] if "deleted" in value["done"] else [entry.title])
