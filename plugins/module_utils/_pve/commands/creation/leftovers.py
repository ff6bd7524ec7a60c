# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removes leftovers of dead tasks of the caller, if the user allows it."""

from __future__ import annotations

import asyncio
import typing as t

from ...api.errors import PveError
from ...engine.leftovers import may_be_removed, removal
from ..result import why_not
from .plan import Action, GuestRequest

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...engine.scheduler import Result
    from ...guests.cluster import Cluster, Guest
    from ...tasks.task import Task
    from ..machine import Engine
    from .recipe import Recipe


async def without_leftovers(
    machine: Engine, wanted: list[GuestRequest], cluster: Cluster, recipe: Recipe
) -> tuple[list[GuestRequest], list[Task]]:
    """Remove leftovers of our own dead tasks, and warn of the disks that went with them.

    The guests afterwards, and the tasks that removed them.
    """
    if not machine.context.params["replace_leftovers"] or recipe.type != "qemu":
        return wanted, []
    given_up = [one for one in wanted if one.action is Action.GIVE_UP and one.upid and one.guest]
    ours = [one for one in given_up if await _is_ours(machine, one, cluster, recipe)]
    guests = [t.cast("Guest", one.guest) for one in ours]
    before = [await _disks(machine.context.api, guest) for guest in guests]
    results = await machine.run([removal(guest) for guest in guests], to_the_end=True)
    removals = {id(one): result for one, result in zip(ours, results)}
    for guest, disks, result in zip(guests, before, results):
        if result.outcome.succeeded and disks:
            after = await _disks(machine.context.api, guest)
            machine.context.warn(_disks_in_words(guest, disks, after))
    tasks = [task for result in results for task in result.tasks]
    return [_after_removal(one, removals.get(id(one))) for one in wanted], tasks


async def _is_ours(machine: Engine, one: GuestRequest, cluster: Cluster, recipe: Recipe) -> bool:
    """Whether the leftover is still that of our dead task, and no other task works on it by now."""
    guest, dead = t.cast("Guest", one.guest), one.upid
    job = recipe.job_begun(one, guest)
    if dead is None or dead.id != job.task_id:
        return False
    online = [node.name for node in cluster.nodes.values() if node.online]
    return await may_be_removed(machine.context.api, guest, job, online)


def _after_removal(one: GuestRequest, removed: Result | None) -> GuestRequest:
    if removed is None:
        return one
    if removed.outcome.succeeded:
        return one.missing()
    return one.given_up(f"{one.refusal}. It could not be removed: {why_not(removed)}")


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
        text += f". These disks remain: {', '.join(after)}"
    return text
