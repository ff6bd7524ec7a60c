# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides about each requested guest, waiting for guests that others are creating if necessary."""

from __future__ import annotations

import asyncio
import functools
import typing as t
from dataclasses import dataclass, field, replace

from ...api import clock
from ...api.answers import read_mapping
from ...api.errors import ApiError, Cause, PveError
from ...engine.creators import Creators
from ...engine.leftovers import explain
from ...guests.cluster import CREATION_LOCKS
from ...guests.reading import add_names, add_names_of, read_cluster
from ...tasks.task import Outcome
from .plan import Action, GuestRequest, decide

if t.TYPE_CHECKING:
    from ...engine.creators import Running
    from ...guests.cluster import Cluster, Guest
    from ...tasks.task import Task
    from ...tasks.upid import Upid
    from ..machine import Engine
    from .recipe import Recipe

# How often the cluster is read again because others have begun to create more guests.
_ROUNDS = 5
# How often the cluster is read again because a task has ended between two requests.
_MORE_READINGS = 3
# How often to read a guest whose task is not visible, in seconds.
_STEP = 2.0


@dataclass(frozen=True)
class Resolved:
    """The guests, decided, what that is based on, and the tasks that had to be waited for.

    ``read`` is when the names were read, or a moment before. ``abandoned`` are locked guests that
    are no longer being created.
    """

    wanted: list[GuestRequest]
    cluster: Cluster
    read: clock.Moment
    finished: dict[int, Task] = field(default_factory=dict)
    abandoned: frozenset[int] = frozenset()


@dataclass
class _View:
    """One reading: the guests, decided, and those that have to be waited for, with their tasks."""

    wanted: list[GuestRequest]
    pending: dict[int, tuple[Guest, Upid | None]] = field(default_factory=dict)

    def change(self, vmid: int, **changes: t.Any) -> None:
        """Change what was decided about those that would adopt this guest."""
        for place in self._adopting.get(vmid, ()):
            self.wanted[place] = replace(self.wanted[place], **changes)

    @functools.cached_property
    def _adopting(self) -> dict[int, list[int]]:
        """The places of those that would adopt each guest."""
        places: dict[int, list[int]] = {}
        for place, one in enumerate(self.wanted):
            if one.action is Action.ADOPT and one.guest:
                places.setdefault(one.guest.vmid, []).append(place)
        return places


async def resolve(
    machine: Engine, wanted: t.Sequence[GuestRequest], cluster: Cluster, recipe: Recipe
) -> Resolved:
    """Decide about every requested guest.

    A VM that is being created has no name yet. So while any guest without a name is being created,
    a missing name is undecided: it is waited for within limits, and then given up. Check mode does
    not wait.
    """
    return await _Resolver(machine, wanted, recipe).resolve(cluster)


async def _named(
    machine: Engine, wanted: t.Sequence[GuestRequest], cluster: Cluster, recipe: Recipe
) -> Cluster:
    """The cluster with the necessary names: all of the type, or those of given VMIDs."""
    api = machine.context.api
    if any(one.vmid is None for one in wanted):
        return await add_names(api, cluster, [recipe.type])
    vmids = {one.vmid for one in wanted}
    there = [guest for guest in cluster.guests.values() if guest.vmid in vmids]
    return await add_names_of(api, cluster, there) if there else cluster


class _Resolver:
    def __init__(self, machine: Engine, wanted: t.Sequence[GuestRequest], recipe: Recipe) -> None:
        self._machine = machine
        self._api = machine.context.api
        self._wanted = wanted
        self._recipe = recipe
        self._creators = Creators(self._api, recipe.type)
        self._waited: set[int] = set()
        self._abandoned: set[int] = set()
        self._finished: dict[int, Task] = {}

    async def resolve(self, cluster: Cluster) -> Resolved:
        view, read = _View([]), clock.moment()
        cluster = await _named(self._machine, self._wanted, cluster, self._recipe)
        for number in range(_ROUNDS + 1):
            cluster, view = await self._decide(cluster, first=number == 0)
            waitable = {vmid: one for vmid, one in view.pending.items() if vmid not in self._waited}
            stopped = self._machine.context.stop.is_set()
            if not waitable or self._machine.context.check or stopped or number == _ROUNDS:
                break
            await self._wait_for(waitable)
            read = clock.moment()
            cluster = await read_cluster(self._api)
            cluster = await _named(self._machine, self._wanted, cluster, self._recipe)
        decided = view.wanted if self._machine.context.check else self._without_guesses(view)
        return Resolved(decided, cluster, read, self._finished, frozenset(self._abandoned))

    async def _decide(
        self, cluster: Cluster, *, first: bool, more: int = _MORE_READINGS
    ) -> tuple[Cluster, _View]:
        """Decide; if the task of a guest has just ended, another reading is necessary."""
        decided = decide(self._wanted, cluster, self._recipe.type, self._recipe.avoid)
        locked = self._locked(decided, cluster)
        if not locked:
            return cluster, _View(decided)
        running = await self._creators.poll(sorted({guest.node for guest in locked.values()}))
        unseen = [guest for vmid, guest in locked.items() if vmid not in running.by_vmid]
        if unseen and more:
            again = await add_names(self._api, await read_cluster(self._api), [self._recipe.type])
            if not all(_same(guest, again.guests.get(guest.vmid)) for guest in unseen):
                return await self._decide(again, first=first, more=more - 1)
        return cluster, await self._view(decided, locked, running, first=first)

    async def _view(
        self,
        decided: list[GuestRequest],
        locked: t.Mapping[int, Guest],
        running: Running,
        *,
        first: bool,
    ) -> _View:
        """Adopt running creations, give up dead ones, and return what has to be waited for."""
        view = _View(decided)
        adoptable = {s.guest.vmid for s in decided if s.action is Action.ADOPT and s.guest}
        for vmid, guest in locked.items():
            upid = running.by_vmid.get(vmid)
            if upid is None:
                dead, gone = await self._dead(guest, unclear=guest.node in running.unclear)
                if gone:
                    why = explain(guest, dead, guest.node)
                    view.change(vmid, action=Action.GIVE_UP, upid=dead, refusal=why)
                    continue
            elif vmid in adoptable and self._recipe.may_create(upid, guest):
                view.change(vmid, upid=upid)
                continue
            if vmid in adoptable or self._matters(upid, guest, first=first):
                view.pending[vmid] = (guest, upid)
        return view

    def _locked(self, decided: t.Sequence[GuestRequest], cluster: Cluster) -> dict[int, Guest]:
        """The guests being created that matter: wanted ones, and nameless ones for a lost name."""
        locked = {s.guest.vmid: s.guest for s in decided if s.action is Action.ADOPT and s.guest}
        if any(_by_name(one) for one in decided):
            locked.update(
                (guest.vmid, guest)
                for guest in cluster.guests.values()
                if guest.type == self._recipe.type
                and guest.lock in CREATION_LOCKS
                and not guest.name
            )
        return locked

    def _matters(self, upid: Upid | None, guest: Guest, *, first: bool) -> bool:
        """Whether a nameless guest has to be waited for.

        All that exist at the beginning are. Of later ones, only those that an overlapping run of
        the same play might be creating, or a busy cluster would never let a play begin.
        """
        if first or guest.vmid in self._waited:
            return True
        return upid is None or self._recipe.may_create(upid, guest)

    async def _dead(self, guest: Guest, *, unclear: bool) -> tuple[Upid | None, bool]:
        """The dead task that left a guest, and whether certainly no other task works on it."""
        if unclear:
            return None, False
        dead = await self._creators.find_dead(guest)
        if dead is None and not await self._creators.sees_everything(guest.node):
            return None, False
        self._abandoned.add(guest.vmid)
        return dead, True

    async def _wait_for(self, pending: t.Mapping[int, tuple[Guest, Upid | None]]) -> None:
        """Wait until these guests are created, within the time of their tasks, or until stopped."""
        self._waited.update(pending)
        waits = asyncio.gather(*(self._wait(guest, upid) for guest, upid in pending.values()))
        stopped = asyncio.ensure_future(self._machine.context.stop.wait())
        both: set[asyncio.Future[t.Any]] = {waits, stopped}
        with self._machine.context.ends_by_itself():
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not waits.done():
            waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)

    async def _wait(self, guest: Guest, upid: Upid | None) -> None:
        job = self._recipe.job_begun(GuestRequest(guest.vmid, None), guest)
        if upid is None:
            await self._until_unlocked(guest, job.timeout)
            return
        task = await self._machine.watch(upid, job.timeout)
        if upid.user == self._api.authid:
            self._finished[guest.vmid] = task
        elif task.outcome is Outcome.LOST:  # not visible to us
            await self._until_unlocked(guest, job.timeout)

    async def _until_unlocked(self, guest: Guest, most: float) -> None:
        """Read a guest until it is complete or gone; its task is not visible."""
        until = clock.now() + min(most, self._machine.context.params["node_timeout"])
        path = ("nodes", guest.node, guest.type, guest.vmid, "config")
        while clock.now() < until:
            await clock.sleep(_STEP)
            try:
                config = await read_mapping(self._api, path, retries=0)
            except ApiError as error:
                if error.cause is Cause.GONE:
                    return
            except PveError:
                continue
            else:
                if config.get("lock") not in CREATION_LOCKS:
                    return

    def _without_guesses(self, view: _View) -> list[GuestRequest]:
        """Give up what cannot be decided: nothing is created for it."""
        blocking = [one for vmid, one in view.pending.items() if vmid in self._waited]
        if self._machine.context.stop.is_set():
            blocking = list(view.pending.values())
        return [self._settled(one, blocking) for one in view.wanted]

    def _settled(
        self, one: GuestRequest, blocking: t.Sequence[tuple[Guest, Upid | None]]
    ) -> GuestRequest:
        if one.action is Action.ADOPT and one.guest and one.upid is None:
            return one.given_up(explain(one.guest, None, one.guest.node))
        if not _by_name(one) or not blocking:
            return one
        guest, upid = blocking[0]
        others = f" and {len(blocking) - 1} more" if len(blocking) > 1 else ""
        return one.given_up(
            f"cannot determine whether {one.name!r} exists or is being created:"
            f" {guest.title}{others} ({upid or 'its task is not visible'}) has no name until it"
            " is complete. Nothing was created; run again when that is done, or set a VMID"
        )


def _same(guest: Guest, now: Guest | None) -> bool:
    return now is not None and (now.node, now.lock) == (guest.node, guest.lock)


def _by_name(one: GuestRequest) -> bool:
    """Whether a guest is to be created because its name was not found."""
    return one.action is Action.CREATE and one.vmid is None
