# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operation did or would do to each guest: the values of the result, and the diff."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ...operations.catalog.entry import OPTIONS
from ...tasks.task import Outcome
from ..lines import change_lines, shown_params
from ..result import guest_values, job_report

if t.TYPE_CHECKING:
    from ...engine.scheduler import Result
    from ...guests.selector import Selector
    from ...operations.catalog import Operation
    from ..context import Context, Report, Values
    from ..lines import Lines
    from .decisions import Decision


def values_of(
    step: Decision, result: Result | None, restart: Result | None, pending: t.Sequence[str]
) -> Values:
    """One guest of the result: its job, and its restart if that is all there was or failed."""
    last = result if restart is None or (result and restart.outcome.succeeded) else restart
    if last is None:  # nothing was done
        return planned(replace(step, params=None, awaited=tuple(pending)))
    changed = any(one.changed for one in (result, restart) if one is not None)
    return {**guest_values(last), "changed": changed, "pending": list(pending)}


def nothing_selected(context: Context, selector: Selector) -> Report:
    """The report about no guest at all, which is a success and says why."""
    report = job_report(context, [], [], diff=([], []))
    return replace(
        report,
        values={
            **report.values,
            "msg": f"there is no guest with {selector.title}; nothing was done",
        },
    )


def planned(step: Decision, *, apply_now: bool = False) -> Values:
    """One guest of a plan, or one that needed no change."""
    guest = step.guest
    to_do = step.to_do or (apply_now and bool(step.awaited) and step.runs)
    outcome = Outcome.QUEUED if to_do else Outcome.UNCHANGED
    if step.awaited and not to_do:  # as requested, but not in effect: that is not "unchanged"
        outcome = Outcome.OK
    return {
        "vmid": guest.vmid if guest else step.reference.vmid,
        "name": guest.name if guest else step.reference.name,
        "node": guest.node if guest else None,
        "type": guest.type if guest else None,
        "outcome": (Outcome.FAILED if step.refusal else outcome).value,
        "changed": to_do,
        "upid": None,
        "attempts": 0,
        "message": step.refusal or step.note or _awaiting(step.awaited),
        "pending": list(step.awaited),
    }


def _awaiting(options: t.Sequence[str]) -> str | None:
    return f"pending until a restart: {', '.join(options)}" if options else None


def diff_of(operation: Operation, steps: t.Sequence[Decision]) -> Lines:
    """What changes in each guest, a line for each thing; secrets are left out."""
    before: list[str] = []
    after: list[str] = []
    for step in [step for step in steps if step.to_do]:
        title = step.guest.title if step.guest else step.reference.text
        old, new = _changes(operation, step)
        before += [f"{title}: {line}" for line in old]
        after += [f"{title}: {line}" for line in new]
    return before, after


def _changes(operation: Operation, step: Decision) -> Lines:
    """What the operation changes in a guest, by its entry, or that it is done."""
    params = t.cast("t.Mapping[str, t.Any]", step.params)
    if operation.effect == OPTIONS:
        return change_lines(step.current, params)
    try:
        wanted = {
            name.format_map(params): text.format_map(params)
            for name, text in operation.effect.items()
        }
    except KeyError:  # the parameter was given by its other name, or is not set
        wanted = {}
    if not wanted:
        shown = " ".join(f"{name}={value}" for name, value in shown_params(params))
        return [], [f"{operation.title} {shown}".rstrip()]
    now = {name: _now(step, name, text) for name, text in wanted.items()}
    return (
        [f"{name}: {text}" for name, text in now.items() if text],
        [f"{name}: {text}" for name, text in wanted.items() if text],
    )


def _now(step: Decision, name: str, wanted: str) -> t.Any:
    """The present value; of what only exists or does not, the opposite of what is requested."""
    guest = step.guest
    if name == "template":
        return "0"
    if name == "state":
        return "as it is now"
    if name == "status" and guest is not None and guest.status == wanted:
        return "suspended"  # which the lists of the nodes call running
    if name in ("status", "node", "lock"):
        return getattr(guest, name, None)
    return step.current.after_restart(name) or ("" if wanted else "there")
