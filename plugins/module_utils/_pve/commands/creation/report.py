# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a creation: the guests, or in check mode the plan."""

from __future__ import annotations

import typing as t

from ...tasks.task import Outcome
from ..result import guest_values, job_report
from .plan import Action

if t.TYPE_CHECKING:
    from ...engine.scheduler import Result
    from ...tasks.task import Task
    from ..context import Context, Report, Values
    from ..lines import Lines
    from .flow import Creation
    from .plan import GuestRequest
    from .recipe import Recipe

_PLANNED = {
    Action.KEEP: Outcome.UNCHANGED,
    Action.CREATE: Outcome.QUEUED,
    Action.ADOPT: Outcome.RUNNING,
    Action.GIVE_UP: Outcome.FAILED,
}


def report(context: Context, made: Creation, results: t.Mapping[int, Result]) -> Report:
    """Every guest as it became; ``results`` are by index, and a plan has none."""
    if context.check:
        values = [_planned(one, made.recipe) for one in made.wanted]
    else:
        values = [
            _values(one, results.get(index), made.finished) for index, one in enumerate(made.wanted)
        ]
    return job_report(
        context,
        list(results.values()),
        values,
        diff=_diff(made.wanted, made.recipe, values),
        refused=[
            f"{one.title}: {one.refusal}" for one in made.wanted if one.action is Action.GIVE_UP
        ],
        more_tasks=[*made.finished.values(), *made.cleared],
    ).with_verb(made.recipe.step)


def _values(one: GuestRequest, result: Result | None, finished: t.Mapping[int, Task]) -> Values:
    """One guest of the result; without a result nothing was done in this call."""
    if result is not None:
        return guest_values(result)
    guest = one.guest
    task = finished.get(guest.vmid) if guest else None
    outcome = Outcome.FAILED if one.action is Action.GIVE_UP else Outcome.UNCHANGED
    if task is not None and one.action is Action.KEEP and task.outcome.succeeded:
        outcome = task.outcome
    return {
        "vmid": guest.vmid if guest else one.vmid,
        "name": (guest.name if guest else None) or one.name,
        "node": one.lives_on,
        "type": guest.type if guest else None,
        "outcome": outcome.value,
        "changed": task is not None and outcome.succeeded and one.action is Action.KEEP,
        "upid": str(task.upid) if task else (str(one.upid) if one.upid else None),
        "attempts": 0,
        "message": one.refusal or None,
    }


def _planned(one: GuestRequest, recipe: Recipe) -> Values:
    """One guest of a plan."""
    action = t.cast("Action", one.action)
    return {
        **_values(one, None, {}),
        "node": recipe.node_of(one),
        "type": recipe.type,
        "outcome": _PLANNED[action].value,
        "changed": action in (Action.CREATE, Action.ADOPT),
        "upid": str(one.upid) if action is Action.ADOPT else None,
    }


def _diff(wanted: t.Sequence[GuestRequest], recipe: Recipe, values: t.Sequence[Values]) -> Lines:
    """The guests before and after, a line each."""
    before, after = [], []
    for one, value in zip(wanted, values):
        line = f"{one.title}: {recipe.type} {value['vmid'] or 'with a free VMID'}"
        line += f" on {value['node']}"
        if one.action is Action.KEEP and not value["changed"]:
            before.append(line)
            after.append(line)
        elif value["changed"]:
            after.append(f"{line}, {recipe.verb}")
    return before, after
