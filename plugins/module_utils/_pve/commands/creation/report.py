# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a creation: every guest as it is, or in check mode as it would be."""

from __future__ import annotations

import typing as t

from ...tasks.task import Outcome
from ..result import guest_values, job_report
from .plan import Action

if t.TYPE_CHECKING:
    from ...engine.scheduler import Result
    from ...tasks.task import Task
    from ..context import Report, Values
    from .plan import GuestPlan
    from .recipe import Recipe

_PLANNED = {
    Action.KEEP: Outcome.UNCHANGED,
    Action.CREATE: Outcome.QUEUED,
    Action.ADOPT: Outcome.RUNNING,
    Action.GIVE_UP: Outcome.FAILED,
}


def step_values(step: GuestPlan, result: Result | None, finished: t.Mapping[int, Task]) -> Values:
    """One guest of the result; without a result nothing was done in this call."""
    if result is not None:
        return guest_values(result)
    guest = step.guest
    task = finished.get(guest.vmid) if guest else None
    outcome = Outcome.FAILED if step.action is Action.GIVE_UP else Outcome.UNCHANGED
    if task is not None and step.action is Action.KEEP and task.outcome.succeeded:
        outcome = task.outcome
    return {
        "vmid": guest.vmid if guest else step.request.vmid,
        "name": (guest.name if guest else None) or step.request.name,
        "node": step.node,
        "type": guest.type if guest else None,
        "outcome": outcome.value,
        "changed": task is not None and outcome.succeeded and step.action is Action.KEEP,
        "upid": str(task.upid) if task else (str(step.upid) if step.upid else None),
        "attempts": 0,
        "message": step.why or None,
    }


def plan_report(steps: t.Sequence[GuestPlan], recipe: Recipe) -> Report:
    """What would be done, as the report of check mode."""
    values = []
    for step in steps:
        node = step.node
        if node is None:
            node = recipe.job(step.request, step.request.vmid or 0, movable=False).target.node
        values.append(
            {
                **step_values(step, None, {}),
                "node": node,
                "type": recipe.type,
                "outcome": _PLANNED[step.action].value,
                "changed": step.action in (Action.CREATE, Action.ADOPT),
                "upid": str(step.upid) if step.action is Action.ADOPT else None,
            }
        )
    return job_report(
        None,
        [],
        values,
        diff=diff_of(steps, recipe, values),
        refused=[
            f"{step.request.title}: {step.why}" for step in steps if step.action is Action.GIVE_UP
        ],
    )


def diff_of(
    steps: t.Sequence[GuestPlan], recipe: Recipe, values: t.Sequence[Values]
) -> dict[str, str]:
    """The guests before and after, a line each."""
    before, after = [], []
    for step, value in zip(steps, values):
        line = f"{step.request.title}: {recipe.type} {value['vmid'] or 'of a free VMID'}"
        line += f" on {value['node']}"
        if step.action is Action.KEEP and not value["changed"]:
            before.append(line)
            after.append(line)
        elif value["changed"]:
            after.append(f"{line}, {recipe.verb}")
    return {
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }
