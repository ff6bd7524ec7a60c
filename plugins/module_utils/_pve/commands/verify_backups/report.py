# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a verification: which backups are proven, and why the others are not."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ...guests.selector import Selector
from ...tasks.task import Outcome, iso
from ..result import guests_report, is_failure

if t.TYPE_CHECKING:
    from ...engine.chains import ChainResult
    from ...guests.cluster import Guest
    from ...tasks.task import Task
    from ..context import Context, Report, Values
    from .marks import Mark
    from .subjects import Subject

# Until a verification has run.
_STEPS = ("restore", "isolate", "start", "proof")


@dataclass(frozen=True)
class Verified:
    """What became of the backup of a guest.

    ``result`` are the steps up to the proof, ``removal`` those after it, each None if none was
    begun. ``left`` says that the restored guest may still exist. ``why`` says why nothing was
    begun.
    """

    subject: Subject
    result: ChainResult | None = None
    vmid: int | None = None
    removal: ChainResult | None = None
    left: bool = False
    why: str | None = None
    outcome: Outcome = Outcome.QUEUED

    @property
    def proven(self) -> bool:
        """Whether the restored guest worked."""
        result = self.result
        return (
            result is not None
            and not result.missing
            and result.last.name == "proof"
            and result.last.outcome.succeeded
        )


@dataclass(frozen=True)
class Leftover:
    """A guest that another call restored; ``result`` is None if it was not touched.

    ``kept`` says why it is left alone, or that it was gone before it was removed.
    """

    guest: Guest
    mark: Mark | None
    result: ChainResult | None = None
    removed: bool = False
    kept: str | None = None


def report(
    context: Context, verified: t.Sequence[Verified], leftovers: t.Sequence[Leftover]
) -> Report:
    """The report of all guests; in check mode the plan."""
    values = [_values(one) for one in verified]
    gone = [_leftover_values(one) for one in leftovers]
    problems = [
        text for one, value in zip(verified, values) if (text := _problem(context, one, value))
    ]
    tasks = [task for old in leftovers if old.result for task in old.result.tasks]
    for one in verified:
        tasks += _tasks(one)
    for old, value in zip(leftovers, gone):
        if old.result is not None and not old.removed and not old.kept:
            context.warn(f"{old.guest.title} of an earlier call is not removed: {value['message']}")
    plan = [_line(one) for one, value in zip(verified, values) if value["outcome"] == "queued"]
    after = plan if context.check else []
    result = guests_report(values, tasks, problems, ([], after)).with_verb("verify")
    result.values["leftovers"] = gone
    if not verified:
        selector = Selector.from_params(context.params, templates=context.params["templates"])
        result.values["msg"] = f"there is no guest with {selector.title}; nothing was verified"
    changed = result.changed or any(
        old.removed or (context.check and not old.kept) for old in leftovers
    )
    return replace(result, changed=changed)


def _values(one: Verified) -> Values:
    subject, result = one.subject, one.result
    backup, guest = subject.backup, subject.guest
    outcome, step, message = _verdict(one)
    restore = result.steps[0].result if result else None
    task = restore.task if restore else None
    ended = task.as_result()["duration"] if task else None
    steps = [*(result.steps if result else ()), *(one.removal.steps if one.removal else ())]
    return {
        "vmid": guest.vmid if guest else subject.vmid,
        "name": guest.name if guest else None,
        "type": backup.type if backup else guest.type if guest else None,
        "node": backup.node if backup else None,
        "archive": backup.volid if backup else None,
        "storage": backup.storage if backup else None,
        "created": iso(backup.created) if backup else None,
        "size": backup.size if backup else None,
        "proven": one.proven,
        "proof": result.last.message if result and one.proven else None,
        "restore_duration": ended,
        "scratch_vmid": one.vmid,
        "left": one.left,
        "outcome": outcome.value,
        "changed": one.left,
        "step": step,
        "message": message,
        "upid": str(task.upid) if task else None,
        "steps": [
            {"name": each.name, "outcome": each.outcome.value, "message": each.why}
            for each in steps
        ],
    }


def _verdict(one: Verified) -> tuple[Outcome, str | None, str | None]:
    """The outcome, the step that decided, and why."""
    if one.subject.refusal:
        return Outcome.FAILED, None, one.subject.refusal
    if one.result is None:
        return one.outcome, None, one.why
    last = one.result.last
    if not one.proven:
        outcome = last.outcome if not last.outcome.succeeded else Outcome.FAILED
        why = last.why
        return outcome, last.name, f"{why}{_still_there(one)}" if why else _still_there(one) or None
    if one.left:
        return Outcome.FAILED, "remove", f"the backup is proven{_still_there(one)}"
    warned = Outcome.WARNINGS in {step.outcome for step in one.result.steps}
    doubt = one.subject.doubt or None
    return (Outcome.WARNINGS if warned or doubt else Outcome.OK), None, doubt


def _still_there(one: Verified) -> str:
    if not one.left:
        return ""
    why = one.removal.last.why if one.removal else "this call was interrupted"
    return (
        f". The guest that was restored, VMID {one.vmid}, may still exist, because {why}. If it"
        " does, the next call with this vmid_range that knows that this one has ended removes it"
    )


def _problem(context: Context, one: Verified, value: Values) -> str:
    outcome = Outcome(value["outcome"])
    if not is_failure(context, outcome):
        return ""
    step = f"{value['step']}: " if value["step"] else ""
    text = f"{one.subject.title}: {step}{value['message'] or outcome.value}"
    failed = [task for task in _tasks(one) if not task.outcome.succeeded]
    return text + "".join(f"\n  {task.in_words()}" for task in failed)


def _tasks(one: Verified) -> list[Task]:
    results = [result for result in (one.result, one.removal) if result is not None]
    return [task for result in results for task in result.tasks]


def _leftover_values(one: Leftover) -> Values:
    why = one.result.last.why if one.result is not None and not one.removed else None
    return {
        "vmid": one.guest.vmid,
        "node": one.guest.node,
        "type": one.guest.type,
        "archive": one.mark.volid if one.mark else None,
        "removed": one.removed,
        "message": one.kept or why,
    }


def _line(one: Verified) -> str:
    backup = one.subject.backup
    where = f"{backup.volid} on {backup.node}" if backup else ""
    return f"{one.subject.title}: restore {where}, {', '.join(_STEPS[1:])}, remove"
