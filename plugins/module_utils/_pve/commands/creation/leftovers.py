# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removes what dead tasks of the caller left, where the user allows it."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, field, replace

from ...api.errors import PveError
from ...engine.leftovers import may_be_removed, removal
from ..result import why_not
from .plan import Action, GuestPlan

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...engine.scheduler import Result
    from ...guests.cluster import Cluster, Guest
    from ...tasks.task import Task
    from ..machine import Engine
    from .recipe import Recipe


@dataclass(frozen=True)
class Cleared:
    """The steps after the removals, the tasks that did so, and the disks each guest had."""

    steps: list[GuestPlan]
    tasks: list[Task] = field(default_factory=list)


async def without_leftovers(
    machine: Engine, steps: list[GuestPlan], cluster: Cluster, recipe: Recipe
) -> Cleared:
    """Remove leftovers of our own dead tasks, and warn of the disks that went with them."""
    if not machine.context.params["replace_leftovers"] or recipe.type != "qemu":
        return Cleared(steps)
    given_up = [s for s in steps if s.action is Action.GIVE_UP and s.upid and s.guest]
    ours = [step for step in given_up if await _is_ours(machine, step, cluster, recipe)]
    guests = [t.cast("Guest", step.guest) for step in ours]
    before = [await _disks(machine.context.api, guest) for guest in guests]
    results = await machine.run([removal(guest) for guest in guests], to_the_end=True)
    removals = {id(step): result for step, result in zip(ours, results)}
    for guest, disks, result in zip(guests, before, results):
        if result.outcome.succeeded and disks:
            after = await _disks(machine.context.api, guest)
            machine.context.warn(_disks_in_words(guest, disks, after))
    tasks = [task for result in results for task in result.tasks]
    return Cleared([_after_removal(step, removals.get(id(step))) for step in steps], tasks)


async def _is_ours(machine: Engine, step: GuestPlan, cluster: Cluster, recipe: Recipe) -> bool:
    """Whether the leftover is still that of our dead task, and nobody else's work by now."""
    guest, dead = t.cast("Guest", step.guest), step.upid
    job = recipe.job_begun(step.request, guest)
    if dead is None or dead.id != job.task_id:
        return False
    online = [node.name for node in cluster.nodes.values() if node.online]
    return await may_be_removed(machine.context.api, guest, job, online)


def _after_removal(step: GuestPlan, removed: Result | None) -> GuestPlan:
    if removed is None:
        return step
    if removed.outcome.succeeded:
        return replace(step, action=Action.CREATE, guest=None, upid=None, why="")
    return replace(step, why=f"{step.why}. It could not be removed: {why_not(removed)}")


async def _disks(api: Api, guest: Guest) -> list[str]:
    """The volumes named after a guest on every storage of its node that can be read."""
    path = ("nodes", guest.node, "storage")
    try:
        rows = (await api.get(path, {"content": "images", "enabled": 1})).data or []
    except PveError:
        return []
    storages = sorted(str(row["storage"]) for row in rows)
    lists = await asyncio.gather(*(_content(api, guest, storage) for storage in storages))
    return [volume for listed in lists for volume in listed]


async def _content(api: Api, guest: Guest, storage: str) -> list[str]:
    path = ("nodes", guest.node, "storage", storage, "content")
    try:
        rows = (await api.get(path, {"content": "images", "vmid": guest.vmid})).data or []
    except PveError:
        return []
    return sorted(str(row["volid"]) for row in rows)


def _disks_in_words(guest: Guest, before: t.Sequence[str], after: t.Sequence[str]) -> str:
    gone = [volume for volume in before if volume not in after]
    text = f"The leftover {guest.title} was removed"
    if gone:
        text += f" with its disks: {', '.join(gone)}"
    if after:
        text += f". These disks are left: {', '.join(after)}"
    return text
