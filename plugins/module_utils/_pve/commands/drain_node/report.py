# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a drain: where each guest was and is, and what remains on the node."""

from __future__ import annotations

import typing as t

from ...tasks.task import Outcome
from ..context import Report, paragraphs, summary, task_values
from ..result import is_failure
from .moves import way_of

if t.TYPE_CHECKING:
    from ...engine.chains import ChainResult
    from ...guests.cluster import Cluster
    from ..context import Context, Values
    from .moves import Move


def report(
    context: Context,
    moves: t.Sequence[Move],
    ended: t.Mapping[int, ChainResult],
    cluster: Cluster,
) -> Report:
    """The report of all guests, by VMID; in check mode the plan.

    ``ended`` are the results by VMID, ``cluster`` is how it was afterwards.
    """
    moves = sorted(moves, key=lambda one: one.guest.vmid)
    values = [_values(one, ended.get(one.guest.vmid), cluster) for one in moves]
    problems = [
        f"{one.guest.title}: {value['message']}{_tasks(ended.get(one.guest.vmid))}"
        for one, value in zip(moves, values)
        if is_failure(context, Outcome(value["outcome"]))
    ]
    remaining = _remaining(context, values, cluster)
    return Report(
        {
            "guests": values,
            "tasks": task_values(task for result in ended.values() for task in result.tasks),
            "summary": summary(Outcome(value["outcome"]) for value in values),
            "remaining": remaining,
        },
        changed=any(value["changed"] for value in values),
        problem=paragraphs(problems) or None,
        diff=_diff(values),
        counted=True,
        would="move" if context.params["state"] == "drained" else "move back",
    )


def _values(one: Move, result: ChainResult | None, cluster: Cluster) -> Values:
    guest = one.guest
    now = cluster.guests.get(guest.vmid)
    node = guest.node if now is None else now.node
    outcome, message, changed = Outcome.UNCHANGED, one.note or None, False
    if one.refusal:
        outcome, message = Outcome.FAILED, one.refusal
    elif one.target is not None and result is None:  # check mode
        outcome, changed = Outcome.QUEUED, one.running is None
    elif result is not None:
        outcome, message, changed = result.outcome, result.last.why, result.changed
        if outcome in (Outcome.OK, Outcome.WARNINGS) and node == guest.node:
            outcome = Outcome.FAILED
            message = f"its migration succeeded, but it is on {node}: HA may have moved it back"
    tasks = () if result is None else result.tasks
    return {
        "vmid": guest.vmid,
        "name": guest.name,
        "type": guest.type,
        "source": guest.node,
        "target": one.target,
        "node": node,
        "way": way_of(guest),
        "ha": guest.ha is not None,
        "outcome": outcome.value,
        "changed": changed,
        "upid": str(tasks[-1].upid) if tasks else one.running and str(one.running),
        "message": message,
    }


def _tasks(result: ChainResult | None) -> str:
    """The messages of the tasks of a guest that failed."""
    tasks = () if result is None else result.tasks
    return "".join(f"\n  {task.in_words()}" for task in tasks)


def _remaining(context: Context, values: t.Sequence[Values], cluster: Cluster) -> list[int]:
    """The VMIDs on the node after a drain, in check mode those that would be there."""
    params = context.params
    if params["state"] != "drained":
        return []
    queued = Outcome.QUEUED.value
    leaving = {one["vmid"] for one in values if context.check and one["outcome"] == queued}
    return sorted(
        vmid
        for vmid, guest in cluster.guests.items()
        if guest.node == params["node"] and vmid not in leaving
    )


def _diff(values: t.Sequence[Values]) -> dict[str, str]:
    moved = [one for one in values if one["changed"]]
    titles = [f"{one['name'] or one['vmid']}: {one['type']} {one['vmid']}" for one in moved]
    return {
        "before": "".join(f"{title} on {one['source']}\n" for title, one in zip(titles, moved)),
        "after": "".join(f"{title} on {one['target']}\n" for title, one in zip(titles, moved)),
    }
