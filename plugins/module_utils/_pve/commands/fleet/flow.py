# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow of a fleet: read the cluster, decide about each guest, run the chains, report."""

from __future__ import annotations

import typing as t

from ...api.errors import UsageError
from ...engine.chains import Chain, ChainStep
from ...guests.cluster import GUEST_TYPES, Guest
from ...guests.identity import still_named
from ...guests.reading import add_names, add_names_of, read_cluster
from ...guests.shared_readings import SharedReadings
from ...guests.vmids import why_not_gone
from ..creation.check import name_check
from ..creation.flow import creation_calls, prepare, vmids_for
from ..creation.plan import Action, GuestRequest
from ..machine import engine
from ..parameters import check_parameters
from .entry import Entry
from .groups import group
from .members import ABSENT, read_members
from .networks import check_addresses
from .plan import planned
from .removal import (
    find_absent,
    read_selector,
    removal_chain,
    still_selected,
    surplus,
    why_not_removed,
)
from .report import report
from .steps import Steps

if t.TYPE_CHECKING:
    from ...guests.cluster import Cluster
    from ...guests.selector import Selector
    from ...guests.vmids import Vmids
    from ...tasks.task import Task
    from ..context import Context, Report
    from ..creation.flow import Creation
    from ..machine import Engine
    from .groups import Grouped
    from .members import Member


async def run(context: Context) -> Report:
    """Make the cluster match the fleet."""
    members = read_members(context.params)
    selector = read_selector(context.params)
    _check_allowed(context, members)
    check_addresses([one for one in members if one.state != ABSENT])
    async with engine(context) as machine:
        fleet = _Fleet(machine, members)
        await fleet.decide(selector)
        if context.check:
            return await planned(context, fleet.entries)
        chains = [entry.chain for entry in fleet.entries if entry.chain is not None]
        results = await machine.run_chains(chains, fleet.vmids)
        return report(context, fleet.entries, results, fleet.tasks)


def _check_allowed(context: Context, members: t.Sequence[Member]) -> None:
    allowed = context.params["allow_destructive"]
    deleted = [one.title for one in members if one.state == ABSENT]
    if deleted and not allowed:
        raise UsageError(
            f"state: {deleted[0]} would be deleted with its disks; set allow_destructive to true"
            " to allow that. Nothing was done"
        )
    if context.params["force_stop"] and not allowed:
        raise UsageError(
            "force_stop: a hard stop can lose data; set allow_destructive to"
            " true to allow that. Nothing was done"
        )


class _Fleet:
    """The decisions about the members, and about guests that are no longer listed."""

    def __init__(self, machine: Engine, members: t.Sequence[Member]) -> None:
        self._machine = machine
        self._context = machine.context
        self._steps = Steps(machine.context)
        self.entries = [Entry(member) for member in members]
        self.tasks: list[Task] = []
        self.vmids: Vmids | None = None
        self._sources: set[int] = set()
        self._readings = SharedReadings(machine.context.api)

    async def decide(self, selector: Selector | None) -> None:
        """Read the cluster, and make the chain of each entry."""
        cluster = await read_cluster(self._context.api)
        wanted = {
            index: t.cast("Member", entry.member)
            for index, entry in enumerate(self.entries)
            if t.cast("Member", entry.member).state != ABSENT
        }
        grouped = await group(self._context, wanted, cluster)
        cluster = grouped.cluster
        for index, why in grouped.refused.items():
            self.entries[index].refusal = why
        await self._check_parameters(wanted, grouped)
        requests = [GuestRequest(one.vmid, one.name) for one in wanted.values()]
        self.vmids = vmids_for(self._machine, requests, cluster)
        for one in grouped.groups:
            made = await prepare(self._machine, one.wanted, cluster, one.recipe, self.vmids)
            cluster = made.cluster
            self._sources |= one.recipe.avoid
            self.tasks += [*made.finished.values(), *made.cleared]
            for place, index in enumerate(one.indexes):
                self._take(self.entries[index], made, place)
        await self._decide_absent(cluster)
        self._check_doubles()
        if selector is not None:
            await self._decide_surplus(selector)

    async def _check_parameters(self, wanted: t.Mapping[int, Member], grouped: Grouped) -> None:
        """UsageError for what the API would refuse, of the creations and of what follows them."""
        calls = [call for one in grouped.groups for call in creation_calls(one.wanted, one.recipe)]
        for one in grouped.groups:
            members = [wanted[index] for index in one.indexes]
            cloned = [member for member in members if member.get("source")]
            calls += [
                call
                for member in cloned
                for call in self._steps.configure_calls(member, one.recipe.type)
            ]
        await check_parameters(self._context, calls)

    def _take(self, entry: Entry, made: Creation, place: int) -> None:
        """The entry of a member that should exist, by the decision about its creation."""
        member = t.cast("Member", entry.member)
        one = made.wanted[place]
        entry.guest, entry.verb = one.guest, made.recipe.verb
        if one.action is Action.GIVE_UP:
            entry.refusal = one.refusal
            return
        there = one.guest if one.action is Action.KEEP else None
        steps = self._steps.following(member, there, entry.seen)
        if one.job is not None:
            check = name_check(self._machine, one, made.names, made.recipe)
            steps = [ChainStep(_creation_of(made), job=one.job), *check, *steps]
            entry.target = one.job.target
        elif there is not None:
            entry.target = there
        else:  # check mode: it would be created
            node = made.recipe.node_of(one)
            entry.target = Guest(member.vmid or 0, made.recipe.type, node, member.name)
            steps = [ChainStep(_creation_of(made)), *steps]
        if steps:
            entry.chain = Chain(entry.target, tuple(steps))

    async def _decide_absent(self, cluster: Cluster) -> None:
        """The entries of members that should be absent."""
        absent = [
            entry
            for entry in self.entries
            if entry.member is not None and entry.member.state == ABSENT
        ]
        members = [t.cast("Member", entry.member) for entry in absent]
        if any(member.vmid is None for member in members):
            cluster = await add_names(self._context.api, cluster, GUEST_TYPES)
        elif members:
            vmids = {member.vmid for member in members}
            there = [guest for guest in cluster.guests.values() if guest.vmid in vmids]
            cluster = await add_names_of(self._context.api, cluster, there)
        for entry, member in zip(absent, members):
            try:
                entry.guest = find_absent(member, cluster)
            except UsageError as error:
                entry.refusal = str(error)
                continue
            if entry.guest is not None:
                self._remove(entry, cluster, None)
            elif member.vmid is not None:
                entry.refusal = await why_not_gone(self._context.api, member.vmid)

    def _check_doubles(self) -> None:
        """Refuse a guest that two members refer to, one by VMID and one by name."""
        seen: set[int] = set()
        for guest in [entry.guest for entry in self.entries if entry.guest is not None]:
            if guest.vmid in seen:
                raise UsageError(f"guests: {guest.title} is listed more than once")
            seen.add(guest.vmid)

    async def _decide_surplus(self, selector: Selector) -> None:
        """Entries for the guests of the fleet that no member refers to.

        Nothing is removed while the guest of some member is unknown.
        """
        cluster = await read_cluster(self._context.api, GUEST_TYPES)
        wanted = {entry.target.vmid for entry in self.entries if entry.target is not None}
        wanted |= {entry.guest.vmid for entry in self.entries if entry.guest is not None}
        open_ones = [
            t.cast("Member", entry.member).title
            for entry in self.entries
            if entry.refusal and entry.guest is None
        ]
        for guest in surplus(selector, cluster, wanted | self._sources):
            entry = Entry(None, guest)
            self.entries.append(entry)
            if open_ones:
                entry.refusal = (
                    f"{guest.title} belongs to {selector.title} and is not listed; it is not"
                    f" removed, because it may be {open_ones[0]}, which could not be identified"
                )
            else:
                self._remove(entry, cluster, selector)

    def _remove(self, entry: Entry, cluster: Cluster, selector: Selector | None) -> None:
        guest = t.cast("Guest", entry.guest)
        entry.target = guest
        entry.refusal = why_not_removed(guest, cluster)
        if not entry.refusal and (guest.node, guest.type) in cluster.unread:
            entry.refusal = f"{guest.title} cannot be reached: its node did not answer"
        if not entry.refusal:
            recheck = still_named(guest)
            if selector is not None:
                recheck = still_selected(guest, selector, self._readings)
            entry.chain = removal_chain(self._context, guest, recheck, self._readings)


def _creation_of(made: Creation) -> str:
    return made.recipe.step
