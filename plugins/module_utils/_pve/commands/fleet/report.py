# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a fleet: each guest with its outcome, the failures with reasons, and the diff."""

from __future__ import annotations

import typing as t

from ..lines import title_with, together
from ..result import guests_report, is_failure, left_behind, step_problem
from .steps import pending_in_words
from .values import title_of, values_of

if t.TYPE_CHECKING:
    from ...engine.chains import ChainResult
    from ...tasks.task import Task
    from ..context import Context, Report, Values
    from ..lines import Lines
    from .entry import Entry


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
    values = [values_of(*one, failed=bool(message)) for one, message in zip(pairs, messages)]
    problems = [message for message in messages if message]
    for entry, result in pairs:
        for text in left_behind(result.results if result else ()):
            context.warn(text)
        if entry.seen.pending:
            context.warn(f"{title_of(entry)}: {pending_in_words(entry.seen.pending)}")
    tasks = [*more_tasks, *(task for result in results for task in result.tasks)]
    lines = [_line(entry, value) for entry, value in zip(entries, values)]
    return guests_report(values, tasks, problems, together(lines))


def _problem(context: Context, entry: Entry, result: ChainResult | None) -> str:
    """The message about a guest that failed, with those of its tasks; otherwise empty."""
    if entry.refusal:
        return f"{title_of(entry)}: {entry.refusal}"
    if result is None or not is_failure(context, result.outcome):
        return ""
    return step_problem(title_of(entry), result.last)


def _line(entry: Entry, value: Values) -> Lines:
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
