# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report: each template with what was done for it, and what became of the older ones."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...tasks.task import Outcome
from ..result import guests_report, is_failure, step_problem, why_not

if t.TYPE_CHECKING:
    from ...engine.attempts import Result
    from ...engine.chains import ChainResult, StepResult
    from ...guests.cluster import Guest
    from ...tasks.task import Task
    from ..context import Context, Report, Values
    from .targets import Target

_WORDS = {
    "download": "downloaded",
    "create": "created",
    "resize": "resized",
    "convert": "converted",
}


@dataclass
class Done:
    """A target with the result of its chain, and of the removal of its image."""

    target: Target
    result: ChainResult | None = None
    removal: Result | None = None

    @property
    def has_image(self) -> bool:
        """Whether the image is on the storage, or may be."""
        return self.target.there or self.step("download") is not None

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Every task of the target."""
        own = self.result.tasks if self.result else ()
        return (*own, *(self.removal.tasks if self.removal else ()))

    def step(self, name: str) -> StepResult | None:
        """The result of a step, None if it was not begun."""
        steps = self.result.steps if self.result else ()
        return next((one for one in steps if one.name == name), None)


def report(context: Context, identity: str, done: t.Sequence[Done]) -> Report:
    """Account for every target and every task; in check mode the plan."""
    values = [_values(context, identity, one) for one in done]
    problems = [text for one in done for text in _problems(context, one)]
    for one in done:
        for guest, why in _left(context, one):
            if guest.vmid not in one.target.kept:
                context.warn(f"{guest.title} is kept: {why}")
    tasks = [task for one in done for task in one.tasks]
    diff = (
        [f"{one.title}" for value, target in zip(values, done) for one in _gone(value, target)],
        [
            f"{value['name']} on {value['node']}: {', '.join(value['done'])}"
            for value in values
            if value["done"]
        ],
    )
    return guests_report(values, tasks, problems, diff, "templates").with_verb(_would)


def _would(value: Values) -> str:
    return "create" if _WORDS["create"] in value["done"] else "clean up after"


def _gone(value: Values, one: Done) -> list[Guest]:
    return [guest for guest in one.target.surplus if guest.vmid in value["removed"]]


def _values(context: Context, identity: str, one: Done) -> Values:
    target, result = one.target, one.result
    removed = _removed(context, one)
    done = _done(context, one, removed)
    outcome, message = Outcome.UNCHANGED, target.refusal or None
    if target.refusal:
        outcome = Outcome.FAILED
    elif context.check:
        outcome = Outcome.QUEUED if done else Outcome.UNCHANGED
    elif result is not None:
        outcome = result.outcome
        if is_failure(context, outcome):
            message = _why(result.last)
    if one.removal is not None and is_failure(context, one.removal.outcome) and not message:
        outcome, message = one.removal.outcome, f"the image remains: {why_not(one.removal)}"
    tasks = one.tasks
    return {
        "node": target.node,
        "name": target.name,
        "vmid": _vmid(context, one),
        "image": identity,
        "outcome": outcome.value,
        "changed": bool(done),
        "done": done,
        "step": None if result is None or not message else result.last.name,
        "message": message,
        "upid": str(tasks[-1].upid) if tasks else None,
        "removed": removed,
        "kept": [{"vmid": guest.vmid, "why": why} for guest, why in _left(context, one)],
    }


def _vmid(context: Context, one: Done) -> int | None:
    """The VMID of the template, null while there is none."""
    if one.target.guest is not None:
        return one.target.guest.vmid
    created = one.step("create")
    if context.check or created is None or created.result is None:
        return None
    return created.result.job.target.vmid if created.outcome.succeeded else None


def _removed(context: Context, one: Done) -> list[int]:
    if context.check:
        return [guest.vmid for guest in one.target.surplus]
    steps = {guest.vmid: one.step(f"remove {guest.vmid}") for guest in one.target.surplus}
    return [vmid for vmid, step in steps.items() if step and step.result and step.result.changed
            and step.outcome.succeeded]  # fmt: skip


def _left(context: Context, one: Done) -> list[tuple[Guest, str]]:
    """The older templates that are still there, with the reason."""
    gone = set(_removed(context, one))
    reasons = {**one.target.kept, **one.target.stuck}
    return [
        (guest, reasons.get(guest.vmid) or _why_left(one, guest))
        for guest in one.target.old
        if guest.vmid not in gone
    ]


def _why_left(one: Done, guest: Guest) -> str:
    step = one.step(f"remove {guest.vmid}")
    return _why(step) if step else "the template that is wanted was not made"


def _done(context: Context, one: Done, removed: t.Sequence[int]) -> list[str]:
    """What was done, or in check mode would be, in words."""
    target = one.target
    if target.refusal:
        return []
    gone = [f"removed {vmid}" for vmid in removed]
    image = ["removed the image"]
    if not context.check:
        steps = one.result.steps if one.result else ()
        did = [_WORDS[step.name] for step in steps
               if step.name in _WORDS and step.result and step.result.changed]  # fmt: skip
        cleared = one.removal is not None and one.removal.changed
        return [*did, *gone, *(image if cleared else [])]
    plan = [] if target.guest or target.there else ["download"]
    plan += [] if target.guest else ["create"]
    # Whether a disk has to grow is only known of one that is there.
    plan += [] if target.have else ["convert"]
    clears = not context.params["keep_image"] and (target.there or "download" in plan)
    return [*(_WORDS[name] for name in plan), *gone, *(image if clears else [])]


def _problems(context: Context, one: Done) -> list[str]:
    if one.target.refusal:
        return [f"{one.target.title}: {one.target.refusal}"]
    found = []
    if one.result is not None and is_failure(context, one.result.outcome):
        found.append(step_problem(one.target.title, one.result.last))
    if one.removal is not None and is_failure(context, one.removal.outcome):
        text = f"{one.target.title}: the image {one.target.image} remains"
        tasks = one.removal.tasks
        found.append(text + "".join(f"\n  {task.in_words()}" for task in tasks))
    return found


def _why(step: StepResult) -> str:
    return step.why or step.outcome.value
