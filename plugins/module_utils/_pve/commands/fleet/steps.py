# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a guest of a fleet, each decided by the state of the guest when it is due.

Every decision is a function of what was read, so that check mode decides in the same way.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ...api.errors import ApiError, PveError, UsageError
from ...engine.adoption import adopt_running
from ...engine.chains import ChainResult, ChainStep
from ...guests.addresses import wait_for_addresses
from ...guests.cluster import Guest
from ...guests.config import (
    Change,
    Configuration,
    Rules,
    config_params,
    difference,
    read_configuration,
)
from ...guests.identity import still_named
from ...guests.vmids import LOWEST_VMID
from ...operations.catalog import OPERATIONS
from ...operations.guest import guest_job
from ...operations.job import Job, Unneeded
from ..lines import change_lines, growth_lines
from ..parameters import Planned
from .members import PRESENT, STARTED, STOPPED
from .settings import is_compared, requested_config, wanted_disks

if t.TYPE_CHECKING:
    from ..context import Context
    from ..lines import Lines
    from .members import Member

# A node and a storage, whatever they are called.
_NODE = _STORAGE = "any"


@dataclass
class Seen:
    """What the steps learn about a guest, for the result and for each other.

    ``current`` is its configuration, read when the guest had had ``jobs`` jobs. ``lines`` are those
    of the diff, by the names of the steps.
    """

    addresses: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    current: Configuration | None = None
    jobs: int = 0
    lines: dict[str, Lines] = field(default_factory=dict)


@dataclass
class Steps:
    """Makes the steps of guests."""

    context: Context

    def following(self, member: Member, guest: Guest | None, seen: Seen) -> list[ChainStep]:
        """The steps after the creation; ``guest`` is the existing one.

        A container that this call creates from an OS template already has its configuration, as
        does a VM from scratch.
        """
        steps = []
        source = guest is not None or member.get("source")
        if source and is_compared(member, guest.type if guest else member.type):
            steps += [self._configure(member, seen), *self._resizes(member, seen)]
            steps += self._restart(member, guest, seen)
        if member.state == STARTED:
            steps.append(self._power(member, "start", guest))
        elif member.state == STOPPED and guest is not None:
            steps.append(self._power(member, stop_of(self.context), guest))
        runs = member.state == PRESENT and guest is not None and guest.running
        if (runs or member.state == STARTED) and asks_addresses(self.context):
            steps.append(self._address(member, guest, seen))
        return steps

    def configure_calls(self, member: Member, guest_type: str) -> list[Planned]:
        """The call that configures a guest that is like its source; none if none is known."""
        guest = Guest(member.vmid or LOWEST_VMID, guest_type, _NODE, member.name, "unknown")
        try:
            requested = requested_config(member, guest_type)
            for disk in wanted_disks(member):
                there = Configuration({disk.name: f"{disk.storage or _STORAGE}:0"})
                requested[disk.name] = disk.option(there, member, guest_type)
            params = config_params(requested, guest_type)
        except UsageError:  # the failure of that guest, when its turn comes
            return []
        job = guest_job(OPERATIONS["configure"], guest, params, None)
        return [Planned.of(member.title, job)]

    def _configure(self, member: Member, seen: Seen) -> ChainStep:
        async def prepare(before: ChainResult) -> Job:
            guest = before.target
            current = await self._current(before, seen)
            change = configure_change(self.context, member, current, guest)
            seen.pending = sorted(change.awaited)
            if not change.params:
                raise Unneeded("already configured")
            seen.lines["configure"] = change_lines(current, change.params)
            return self._job("configure", guest, _with_digest(change.params, current), member)

        return ChainStep("configure", prepare=prepare)

    async def _current(self, before: ChainResult, seen: Seen) -> Configuration:
        """The configuration, read again if a step has changed the guest since then."""
        jobs = len(before.results) + len(before.replaced)
        if seen.current is None or seen.jobs != jobs:
            seen.current = await read_configuration(self.context.api, before.target)
            seen.jobs = jobs
        return seen.current

    def _resizes(self, member: Member, seen: Seen) -> list[ChainStep]:
        return [self._resize(member, disk.name, seen) for disk in wanted_disks(member) if disk.size]

    def _resize(self, member: Member, name: str, seen: Seen) -> ChainStep:
        step = f"resize {name}"

        async def prepare(before: ChainResult) -> Job:
            guest = before.target
            current = await self._current(before, seen)
            size = growth(member, name, current, guest)
            if size is None:
                raise Unneeded(f"{name} already has this size")
            seen.lines[step] = growth_lines(current, name, size)
            params = _with_digest({"disk": name, "size": size}, current)
            return self._job("resize", guest, params, member)

        return ChainStep(step, prepare=prepare)

    def _restart(self, member: Member, guest: Guest | None, seen: Seen) -> list[ChainStep]:
        """Read the pending changes of a running guest, after it was configured."""
        if guest is None or not guest.running or member.state == STOPPED:
            return []
        reboot = self.context.params["pending"] == "reboot"

        async def prepare(before: ChainResult) -> Job:
            if not seen.pending and not before.changed:
                raise Unneeded("nothing is pending")
            current = await read_configuration(self.context.api, before.target)
            seen.pending = sorted(current.pending)
            if not seen.pending or not reboot:
                raise Unneeded(pending_in_words(seen.pending))
            return self._job("reboot", before.target, {}, member)

        async def settled(before: ChainResult) -> Job:
            if before.last.result is not None:
                current = await read_configuration(self.context.api, before.target)
                seen.pending = sorted(current.pending)
            raise Unneeded(pending_in_words(seen.pending))

        steps = [ChainStep("reboot" if reboot else "pending", prepare=prepare)]
        return [*steps, ChainStep("pending", prepare=settled)] if reboot else steps

    def _power(self, member: Member, operation: str, guest: Guest | None) -> ChainStep:
        wanted = "running" if operation == "start" else "stopped"

        async def prepare(before: ChainResult) -> Job:
            if guest is not None and guest.status == wanted:
                raise Unneeded(f"{wanted} already")
            job = self._job(operation, before.target, {}, member)
            return job if guest is None else await self._adopting(job)

        return ChainStep(operation, prepare=prepare)

    async def _adopting(self, job: Job) -> Job:
        """The job, which takes over the task of an earlier call that still runs."""
        jobs, unknown = await adopt_running(self.context.api, {0: job})
        if unknown:
            raise PveError(str(unknown[0].message))
        return jobs[0]

    def _address(self, member: Member, there: Guest | None, seen: Seen) -> ChainStep:
        """The addresses of a guest; those that cannot be known yet are not asked for."""
        waits = self.context.params["wait_for_address"] and member.state == STARTED
        seconds = self.context.params["address_timeout"] if waits else 0

        async def prepare(before: ChainResult) -> Job:
            guest = replace(before.target, status="running")
            unasked = "" if waits else _no_agent(guest, there, seen, changed=before.changed)
            if unasked:
                raise Unneeded(unasked)
            try:
                seen.addresses, why = await wait_for_addresses(
                    self.context.api, guest, seconds, self.context.stop.is_set
                )
            except ApiError as error:  # without the privilege there is no address
                why = str(error)
            if waits and not seen.addresses:
                raise PveError(f"{member.title} has no address after {seconds} s: {why}")
            raise Unneeded(", ".join(seen.addresses) or why)

        return ChainStep("address", prepare=prepare)

    def _job(
        self, operation: str, guest: Guest, params: t.Mapping[str, t.Any], member: Member
    ) -> Job:
        """A job that is only sent while a guest given by name still has that name."""
        job = guest_job(OPERATIONS[operation], guest, params, self.context.params["wait_timeout"])
        named = member.vmid is None and guest.name is not None
        return replace(job, recheck=still_named(guest)) if named else job


def _no_agent(guest: Guest, there: Guest | None, seen: Seen, *, changed: bool) -> str:
    """Why the guest agent of a VM has no addresses now, empty where it may have."""
    if guest.type != "qemu":
        return ""
    if there is None or not there.running:
        return "no address yet"
    current = None if changed else seen.current
    agent = None if current is None else str(current.values.get("agent", 0))
    return "no guest agent is configured" if agent == "0" else ""


def asks_addresses(context: Context) -> bool:
    """Whether to read the addresses of running guests."""
    return bool(context.params["addresses"] or context.params["wait_for_address"])


def stop_of(context: Context) -> str:
    """The operation that stops a guest."""
    return "stop" if context.params["force_stop"] else "shutdown"


def configure_change(
    context: Context, member: Member, current: Configuration, guest: Guest
) -> Change:
    """What to configure; UsageError if the request is impossible."""
    requested = requested_config(member, guest.type)
    for disk in wanted_disks(member):
        option = disk.option(current, member, guest.type)
        if option is not None:
            requested[disk.name] = option
    rules = Rules(
        guest.type,
        may_replace=context.params["allow_destructive"],
        keep_secrets=context.keeps_secrets,
    )
    return difference(current, config_params(requested, guest.type), rules)


def growth(member: Member, name: str, current: Configuration, guest: Guest) -> str | None:
    """The size to resize a disk to, None if it already has it."""
    disk = next(one for one in wanted_disks(member) if one.name == name)
    if current.values.get(name) is None:
        raise UsageError(f"disks: {guest.title} has no disk {name!r}")
    return disk.grows(current, guest.title)


def pending_in_words(options: t.Sequence[str]) -> str:
    """What is pending until a restart."""
    return f"pending until a restart: {', '.join(options)}" if options else "nothing is pending"


def _with_digest(params: t.Mapping[str, t.Any], current: Configuration) -> dict[str, t.Any]:
    digest = {} if current.digest is None else {"digest": current.digest}
    return {**digest, **params}
