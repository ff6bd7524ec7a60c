# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow: find the guests, decide about each, take and remove snapshots, undo a torn group."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, replace

from ...api import clock
from ...api.errors import PveError
from ...engine.chains import Chain, ChainStep
from ...guests.snapshots import read_snapshots
from ...operations.catalog import OPERATIONS
from ...operations.guest import guest_job
from ...operations.job import Unneeded
from ...operations.rules import NOTHING, Need
from ..machine import engine
from ..operation.decisions import decide_all, find_all, with_options
from ..operation.flow import job_of
from ..parameters import Planned, check_parameters
from .report import Entry, report
from .request import ABSENT, PRESENT, ROLLED_BACK, SnapshotRequest

if t.TYPE_CHECKING:
    from ...engine.chains import ChainResult
    from ...guests.cluster import Cluster, Guest
    from ...operations.catalog import Operation
    from ...operations.job import Job
    from ...operations.rules import Situation
    from ..context import Context, Report
    from ..machine import Engine
    from ..operation.decisions import Decision

_OPERATIONS = {PRESENT: "snapshot", ABSENT: "delete_snapshot", ROLLED_BACK: "rollback"}


async def run(context: Context) -> Report:
    """Do to each guest what is asked for, one guest independent of the others unless asked."""
    request = SnapshotRequest.from_params(context.params, clock.wall())
    inner = with_options(context, request.params)
    found, cluster = await find_all(inner, OPERATIONS[_OPERATIONS[request.state]])
    if not found:
        context.warn("no guest was selected; nothing was done")
    found = [_with_params(step, request) for step in found]
    job = _Snapshots(inner, request, cluster)
    await job.check(found)
    entries = await job.decide(found)
    if context.check:
        return report(context, request, entries)
    if request.together and any(entry.step.refusal for entry in entries):
        for entry in entries:
            entry.calls_off("nothing was done, because another guest cannot be snapshotted")
        return report(context, request, entries)
    async with engine(inner) as machine:
        await job.carry_out(machine, entries)
        return report(context, request, entries)


def _with_params(step: Decision, request: SnapshotRequest) -> Decision:
    if step.guest is None:
        return step
    return replace(
        step, reference=replace(step.reference, params=request.params_for(step.guest.type))
    )


@dataclass(frozen=True)
class _Snapshots:
    """The decisions about the guests, and the chains that carry them out."""

    context: Context
    request: SnapshotRequest
    cluster: Cluster

    @property
    def operation(self) -> Operation:
        """What is done to a guest, where old snapshots are not all that it is about."""
        return OPERATIONS[_OPERATIONS[self.request.state]]

    @property
    def thinning(self) -> Operation:
        """The removal of the oldest snapshot that is too many in the moment it is decided."""

        def oldest(there: Situation) -> Need:
            names = self.request.surplus(there.snapshots)
            return Need({"snapname": names[0]}) if names else NOTHING

        return replace(OPERATIONS["delete_snapshot"], rule=oldest)

    async def check(self, found: t.Sequence[Decision]) -> None:
        """UsageError for what the API would refuse."""
        if self.request.snapname is not None:
            there = [step for step in found if step.guest is not None and not step.refusal]
            await check_parameters(
                self.context,
                [Planned.of(step.reference.text, self._job_for(step)) for step in there],
            )

    def _job_for(self, step: Decision) -> Job:
        return guest_job(
            self.operation, t.cast("Guest", step.guest), step.reference.params, timeout=None
        )

    async def decide(self, found: t.Sequence[Decision]) -> list[Entry]:
        """What is to be done to each guest, by its snapshots of this moment."""
        operation = self.thinning if self.request.snapname is None else self.operation
        steps = await decide_all(self.context, operation, found, self.cluster)
        return list(await asyncio.gather(*(self._entry(step) for step in steps)))

    async def _entry(self, step: Decision) -> Entry:
        entry = Entry(step, takes=step.to_do and self.request.snapname is not None)
        if step.guest is None or step.refusal or step.note or not self.request.thins:
            return entry
        try:
            snapshots = await read_snapshots(self.context.api, step.guest)
        except PveError as error:
            entry.step = replace(step, refusal=str(error))
            return entry
        more = (self.request.snapname,) if self.request.snapname and entry.takes else ()
        entry.surplus = self.request.surplus(snapshots, *more)
        return entry

    async def carry_out(self, machine: Engine, entries: t.Sequence[Entry]) -> None:
        """Run the chain of each guest; of a group first all snapshots, then the removals."""
        if not self.request.together:
            await _run(machine, {one: self._take(one) + self._thin(one) for one in _open(entries)})
            return
        await _run(machine, {one: self._take(one) for one in _open(entries)})
        torn = [one for one in entries if one.failed(machine.context)]
        if torn:
            await self._undo(machine, entries, torn)
        else:
            await _run(machine, {one: self._thin(one) for one in _open(entries)})

    def _take(self, entry: Entry) -> list[ChainStep]:
        if not entry.takes:
            return []
        return [
            ChainStep(self.operation.name, job=job_of(self.context, self.operation, entry.step))
        ]

    def _thin(self, entry: Entry) -> list[ChainStep]:
        """A step for each snapshot that was too many; which one it is, is read when it is due."""

        async def prepare(_before: ChainResult) -> Job:
            operation = self.thinning
            [step] = await decide_all(self.context, operation, [entry.step], self.cluster)
            if step.refusal:
                raise PveError(step.refusal)
            if step.params is None:
                raise Unneeded(step.note or "there are no more snapshots than are kept")
            return job_of(self.context, operation, step)

        return [ChainStep("remove", prepare=prepare) for _name in entry.surplus]

    async def _undo(
        self, machine: Engine, entries: t.Sequence[Entry], torn: t.Sequence[Entry]
    ) -> None:
        """Remove the snapshots that this run took; those that were there before stay."""
        names = ", ".join(one.title for one in torn)
        taken = [one for one in entries if one.has_taken]
        for one in entries:
            if one not in torn:
                one.calls_off(f"not kept, because the snapshot of {names} failed")
        operation = OPERATIONS["delete_snapshot"]
        steps = {
            one: replace(one.step, params={"snapname": self.request.snapname}) for one in taken
        }
        await _run(
            machine,
            {
                one: [ChainStep("undo", job=job_of(self.context, operation, step))]
                for one, step in steps.items()
            },
        )


def _open(entries: t.Sequence[Entry]) -> list[Entry]:
    """The entries with something to do."""
    return [one for one in entries if one.step.guest is not None and not one.step.refusal]


async def _run(machine: Engine, work: t.Mapping[Entry, t.Sequence[ChainStep]]) -> None:
    """Run the steps of each entry, and note how they ended."""
    due = {one: steps for one, steps in work.items() if steps}
    chains = [Chain(t.cast("Guest", one.step.guest), tuple(steps)) for one, steps in due.items()]
    results = await machine.run_chains(chains) if chains else []
    for one, result in zip(due, results):
        one.results.append(result)
