# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would be done to each guest, as the report of check mode."""

from __future__ import annotations

import asyncio
import typing as t

from ...api.errors import ApiError, PveError
from ...guests.addresses import read_addresses
from ...guests.config import Configuration, read_configuration
from ...tasks.task import Outcome
from ..lines import change_lines, growth_lines, title_with, together
from ..result import guests_report
from .members import ABSENT, STARTED, STOPPED
from .settings import is_compared, wanted_disks
from .steps import asks_addresses, configure_change, growth, stop_of
from .values import done_by, title_of, values_of

if t.TYPE_CHECKING:
    from ...guests.cluster import Guest
    from ..context import Context, Report, Values
    from ..lines import Lines
    from .entry import Entry
    from .members import Member


async def planned(context: Context, entries: t.Sequence[Entry]) -> Report:
    """What would be done to each guest, as the report of check mode."""
    plans = await asyncio.gather(*(_plan(context, entry) for entry in entries))
    problems = [
        f"{title_of(entry)}: {value['message']}"
        for entry, (value, _lines) in zip(entries, plans)
        if value["outcome"] == Outcome.FAILED.value
    ]
    lines = together([lines for _value, lines in plans])
    values = [value for value, _lines in plans]
    return guests_report(values, [], problems, lines).with_verb(_would)


def _would(value: Values) -> str:
    """The verb of what would be done to a guest: a new one, one that goes, or one that changes."""
    verbs = {"cloned": "clone", "created": "create", "deleted": "delete"}
    return next((verbs[word] for word in value["done"] if word in verbs), "change")


async def _plan(context: Context, entry: Entry) -> tuple[Values, Lines]:
    value = values_of(entry, None, failed=False)
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
        value.update(outcome=Outcome.QUEUED.value, changed=True, step=names[0], done=done_by(names))
        return value, ([], [f"{title}, {entry.verb}, {', '.join(names[1:])}".rstrip(", ")])
    try:
        before, after, names = await _changes(context, entry.member, _guest(entry))
        value["addresses"] = await _addresses(context, _guest(entry))
    except PveError as error:
        value.update(outcome=Outcome.FAILED.value, message=str(error), step="configure")
        return value, ([title], [title])
    if names:
        value.update(outcome=Outcome.QUEUED.value, changed=True, done=done_by(names))
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
    found = {"configure": change_lines(current, change.params)} if change.params else {}
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
