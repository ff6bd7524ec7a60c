# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a fleet: every guest with its outcome, steps and reason, or the plan."""

from __future__ import annotations

import asyncio
import typing as t

from ...api.errors import ApiError, PveError
from ...guests.addresses import read_addresses
from ...guests.config import Configuration, read_configuration
from ...tasks.task import Outcome
from ..context import Report, Verdict, failures, summary, task_values
from .lines import change_lines, growth_lines, title_with
from .members import ABSENT, STARTED, STOPPED
from .steps import asks_addresses, configure_change, growth, pending_in_words, stop_of
from .wishes import is_compared, wanted_disks

if t.TYPE_CHECKING:
    from ...engine.chains import ChainResult, StepResult
    from ...guests.cluster import Guest
    from ...tasks.task import Task
    from ..context import Context, Values
    from .entry import Entry
    from .members import Member

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
    "delete": "deleted",
}


def report(
    context: Context,
    entries: t.Sequence[Entry],
    results: t.Sequence[ChainResult],
    more_tasks: t.Sequence[Task],
) -> Report:
    """The report of all entries; ``results`` are those of entries with a chain, in order."""
    queue = iter(results)
    pairs = [(entry, None if entry.chain is None else next(queue)) for entry in entries]
    messages = [_problem(context, entry, result) for entry, result in pairs]
    values = [_values(*one, failed=bool(message)) for one, message in zip(pairs, messages)]
    problems = [message for message in messages if message]
    for entry, result in pairs:
        for text in _left(result):
            context.warn(text)
        if entry.seen.pending:
            context.warn(f"{_title(entry)}: {pending_in_words(entry.seen.pending)}")
    tasks = [*more_tasks, *(task for result in results for task in result.tasks)]
    lines = [_line(entry, value) for entry, value in zip(entries, values)]
    return _report(values, tasks, problems, lines)


def _report(
    values: t.Sequence[Values],
    tasks: t.Sequence[Task],
    problems: t.Sequence[str],
    lines: t.Sequence[tuple[list[str], list[str]]],
) -> Report:
    headline = f"{len(problems)} of {len(values)} guests failed:"
    return Report(
        {
            "guests": list(values),
            "tasks": task_values(tasks),
            "summary": summary(Outcome(value["outcome"]) for value in values),
        },
        changed=any(value["changed"] for value in values),
        problem=failures(headline, problems) if problems else None,
        diff={
            "before": "".join(f"{line}\n" for before, _after in lines for line in before),
            "after": "".join(f"{line}\n" for _before, after in lines for line in after),
        },
    )


def _values(entry: Entry, result: ChainResult | None, *, failed: bool) -> Values:
    """One guest of the result."""
    target = entry.target if result is None else result.target
    guest, member = entry.guest, entry.member
    outcome = Outcome.FAILED if entry.refusal else Outcome.UNCHANGED
    message: str | None = entry.refusal or None
    if result is not None:
        outcome = result.outcome
        message = (_why(result.last) or result.last.outcome.value) if failed else None
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
        "done": [] if result is None else _done(_changing(result)),
        "addresses": list(entry.seen.addresses),
        "pending": list(entry.seen.pending),
        "groups": list(member.get("groups") or []) if member else [],
        "ci_user": member.get("ci_user") if member else None,
    }


def _changing(result: ChainResult) -> list[str]:
    """The names of the steps that changed the guest."""
    return [step.name for step in result.steps if step.result is not None and step.result.changed]


def _done(names: t.Iterable[str]) -> list[str]:
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


def _why(step: StepResult) -> str | None:
    task = step.result.task if step.result else None
    return step.message or (task and (task.note or task.exitstatus)) or None


def _left(result: ChainResult | None) -> list[str]:
    """What earlier attempts left of guests that have succeeded."""
    if result is None:
        return []
    return [text for one in result.results if one.outcome.succeeded for text in one.left]


def _title(entry: Entry) -> str:
    if entry.member is not None:
        return entry.member.title
    return entry.guest.title if entry.guest else ""


def _problem(context: Context, entry: Entry, result: ChainResult | None) -> str:
    """The message about a guest that failed, with those of its tasks; otherwise empty."""
    if entry.refusal:
        return f"{_title(entry)}: {entry.refusal}"
    verdict = Verdict.from_params(context.params)
    if result is None or verdict.accepts(result.outcome):
        return ""
    last = result.last
    if last.outcome is Outcome.RUNNING and not (context.params["wait"] or context.stop.is_set()):
        return ""
    text = f"{_title(entry)}: {last.name}: {last.outcome.value}"
    why = _why(last)
    if (why and last.result is None) or last.message:
        text += f": {why}"
    if last.outcome is Outcome.RUNNING:
        text += ": interrupted, the task goes on"
    tasks = last.result.tasks if last.result else ()
    return text + "".join(f"\n  {task.in_words()}" for task in tasks)


def _line(entry: Entry, value: Values) -> tuple[list[str], list[str]]:
    """The guest before and after, by the steps that changed it."""
    title = f"{value['name'] or value['vmid']}: {value['type']} {value['vmid']} on {value['node']}"
    done = [s["name"] for s in value["steps"] if s["outcome"] not in ("unchanged", "queued")]
    if not value["changed"]:
        return ([title], [title]) if entry.guest else ([], [])
    if "delete" in done:
        return [title], []
    found = [entry.seen.lines[name] for name in done if name in entry.seen.lines]
    after = [line for _before, one in found for line in one]
    if entry.guest is None:
        return [], title_with(f"{title}, {', '.join(done)}", after)
    before = [line for one, _after in found for line in one]
    return title_with(title, before), title_with(f"{title}, {', '.join(done)}", after)


async def planned(context: Context, entries: t.Sequence[Entry]) -> Report:
    """What would be done to each guest, as the report of check mode."""
    plans = await asyncio.gather(*(_plan(context, entry) for entry in entries))
    problems = [
        f"{_title(entry)}: {value['message']}"
        for entry, (value, _lines) in zip(entries, plans)
        if value["outcome"] == Outcome.FAILED.value
    ]
    return _report(
        [value for value, _lines in plans], [], problems, [lines for _value, lines in plans]
    )


async def _plan(context: Context, entry: Entry) -> tuple[Values, tuple[list[str], list[str]]]:
    value = _values(entry, None, failed=False)
    title = (
        f"{value['name'] or value['vmid']}: {value['type']} {value['vmid'] or 'with a free VMID'}"
    )
    title += f" on {value['node']}"
    if entry.refusal or entry.chain is None:
        return value, ([title], [title]) if entry.guest else ([], [])
    if entry.member is None or entry.member.state == ABSENT:
        value.update(outcome=Outcome.QUEUED.value, changed=True, step="delete", done=["deleted"])
        return value, ([title], [])
    if entry.chain.steps[0].name in ("clone", "create"):
        names = [step.name for step in entry.chain.steps]
        value.update(outcome=Outcome.QUEUED.value, changed=True, step=names[0], done=_done(names))
        return value, ([], [f"{title}, {entry.verb}, {', '.join(names[1:])}".rstrip(", ")])
    try:
        before, after, names = await _changes(context, entry.member, _guest(entry))
        value["addresses"] = await _addresses(context, _guest(entry))
    except PveError as error:
        value.update(outcome=Outcome.FAILED.value, message=str(error), step="configure")
        return value, ([title], [title])
    if names:
        value.update(outcome=Outcome.QUEUED.value, changed=True, done=_done(names))
    return value, (title_with(title, before), title_with(title, after))


def _guest(entry: Entry) -> Guest:
    return t.cast("Guest", entry.guest)


async def _addresses(context: Context, guest: Guest) -> list[str]:
    """The current addresses of a guest, if requested."""
    if not guest.running or not asks_addresses(context):
        return []
    try:
        return (await read_addresses(context.api, guest))[0]
    except ApiError:  # the plan works without them
        return []


async def _changes(
    context: Context, member: Member, guest: Guest
) -> tuple[list[str], list[str], list[str]]:
    """The lines of an existing guest, before and after, and the steps that change it."""
    before: list[str] = []
    after: list[str] = []
    names: list[str] = []
    current = Configuration()
    if is_compared(member, guest.type):
        current = await read_configuration(context.api, guest)
    change = configure_change(context, member, current, guest)
    found = {"configure": change_lines(current, change)} if change.params else {}
    for disk in wanted_disks(member):
        if current.values.get(disk.name) is not None:
            size = growth(member, disk.name, current, guest)
            if size is not None:
                found[f"resize {disk.name}"] = growth_lines(current, disk.name, size)
    names += found
    before += [line for one, _after in found.values() for line in one]
    after += [line for _before, one in found.values() for line in one]
    if change.params and guest.running and context.params["pending"] == "reboot":
        after.append("restart, if anything is pending")
    wanted = {STARTED: "running", STOPPED: "stopped"}.get(member.state)
    if wanted is not None and guest.status != wanted:
        before.append(f"status: {guest.status}")
        after.append(f"status: {wanted}")
        names.append("start" if member.state == STARTED else stop_of(context))
    return before, after, names
