# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One guest of the result."""

from __future__ import annotations

import typing as t

from ...tasks.task import Outcome
from .members import ABSENT

if t.TYPE_CHECKING:
    from ...engine.chains import ChainResult, StepResult
    from ..context import Values
    from .entry import Entry

# What was done to a guest, by the first word of the step.
_DONE = {
    "clone": "cloned",
    "create": "created",
    "configure": "configured",
    "resize": "resized",
    "reboot": "rebooted",
    "start": "started",
    "shutdown": "shut down",
    "stop": "stopped",
    "unprotect": "unprotected",
    "delete": "deleted",
}


def values_of(entry: Entry, result: ChainResult | None, *, failed: bool) -> Values:
    """One guest of the result."""
    target = entry.target if result is None else result.target
    guest, member = entry.guest, entry.member
    outcome = Outcome.FAILED if entry.refusal else Outcome.UNCHANGED
    message: str | None = entry.refusal or None
    if result is not None:
        outcome = result.outcome
        message = (result.last.why or result.last.outcome.value) if failed else None
    return {
        "vmid": target.vmid or None
        if target
        else (guest.vmid if guest else member and member.vmid),
        "name": member.name if member and member.name else target and target.name,
        "node": target.node if target else (guest.node if guest else None),
        "type": target.type if target else (guest.type if guest else member and member.type),
        "wanted": member is not None and member.state != ABSENT,
        "outcome": outcome.value,
        "changed": result is not None and result.changed,
        "step": None if result is None else result.last.name,
        "message": message,
        "upid": _upid(result),
        "steps": [] if result is None else [_step(step) for step in result.steps],
        "done": [] if result is None else done_by(_changing(result)),
        "addresses": list(entry.seen.addresses),
        "pending": list(entry.seen.pending),
        "groups": list(member.get("groups") or []) if member else [],
        "ci_user": member.get("ci_user") if member else None,
    }


def _changing(result: ChainResult) -> list[str]:
    """The names of the steps that changed the guest."""
    return [step.name for step in result.steps if step.result is not None and step.result.changed]


def done_by(names: t.Iterable[str]) -> list[str]:
    """What steps with these names do to a guest, each word once."""
    words = (_DONE.get(name.split(" ")[0]) for name in names)
    return list(dict.fromkeys(word for word in words if word))


def _step(step: StepResult) -> Values:
    task = step.result.task if step.result else None
    return {
        "name": step.name,
        "outcome": step.outcome.value,
        "message": step.message,
        "upid": str(task.upid) if task else None,
    }


def _upid(result: ChainResult | None) -> str | None:
    tasks = () if result is None else result.tasks
    return str(tasks[-1].upid) if tasks else None


def title_of(entry: Entry) -> str:
    if entry.member is not None:
        return entry.member.title
    return entry.guest.title if entry.guest else ""
