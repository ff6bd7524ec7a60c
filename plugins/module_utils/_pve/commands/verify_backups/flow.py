# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow of a verification: what earlier calls left, then each backup by itself, the report.

Every guest has a chain of its own, and another one that removes what was restored, whatever became
of the first.
"""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, replace

from ...api.answers import read_mapping
from ...api.errors import PveError, UsageError
from ...engine.chains import Chain, ChainStep
from ...guests.cluster import Guest
from ...guests.shared_readings import SharedReadings
from ...operations.catalog import OPERATIONS
from ...operations.guest import guest_job
from ...operations.job import Unneeded
from ...tasks.task import Outcome
from ..machine import engine
from ..parameters import Planned, check_parameters
from .isolation import REMOVED, isolation
from .proof import prove
from .report import Leftover, Verified, report
from .scratch import (
    TAG,
    Scratch,
    find_leftovers,
    new_mark,
    read_marked,
    removal_chain,
    still_marked,
)
from .subjects import read_subjects

if t.TYPE_CHECKING:
    from ...engine.chains import ChainResult
    from ...guests.backups import Backup
    from ...operations.job import Job
    from ..context import Context, Report
    from ..machine import Engine
    from .subjects import Subject


async def run(context: Context) -> Report:
    """Verify the newest backup of each guest."""
    _check(context)
    subjects, cluster = await read_subjects(context)
    scratch = Scratch(context.api, context.params["vmid_range"], cluster)
    await check_parameters(context, _calls(context, subjects, scratch))
    async with engine(context) as machine:
        found = await find_leftovers(machine, scratch, cluster, wait=not context.check)
        if context.params["guests"] is None:  # what selects all selects them, too
            old = {guest.vmid for guest, _mark in found}
            subjects = [one for one in subjects if one.vmid not in old]
        if context.check:
            return report(context, [Verified(one) for one in subjects], _as_found(found))
        with context.ends_by_itself():
            work = _Verification(machine, scratch, SharedReadings(context.api))
            leftovers = await work.clear(found)
            verified = await asyncio.gather(*(work.verify(one) for one in subjects))
        return report(context, verified, leftovers)


def _check(context: Context) -> None:
    """UsageError for options that do not fit together."""
    params = context.params
    if not params["wait"]:
        raise UsageError("wait: a verification can only be waited for")
    if (params["proof"] == "command") != bool(params["command"]):
        raise UsageError("command: it is required with proof: command, and only allowed with it")
    if params["proof"] == "address" and params["network"] == REMOVED:
        raise UsageError(
            "proof: a guest without network interfaces has no address; set network to disconnected,"
            " or choose another proof"
        )


def _calls(
    context: Context, subjects: t.Sequence[Subject], scratch: Scratch
) -> t.Iterator[Planned]:
    for one in subjects:
        if one.backup is not None and not one.refusal:
            job = _restore(context, one, one.backup, scratch.range.first, new_mark("x"))
            yield Planned.of(one.title, job)


def _restore(context: Context, one: Subject, backup: Backup, vmid: int, mark: str) -> Job:
    """The restore into a new guest, which bears the mark from the moment when it is complete."""
    params = context.params
    name = f"verify-{backup.vmid}"
    target = Guest(vmid, backup.type, backup.node, name, "stopped")
    wanted = {
        "archive": backup.volid,
        "unique": 1,
        "name" if backup.type == "qemu" else "hostname": name,
        "description": mark,
        "tags": TAG,
        "onboot": 0,
        "protection": 0,
        "storage": params["restore_storage"],
        "pool": params["restore_pool"],
        "bwlimit": params["bwlimit"],
    }
    given = {key: value for key, value in wanted.items() if value is not None}
    job = guest_job(OPERATIONS["restore"], target, given, params["wait_timeout"])
    # A guest that has this VMID by now is never taken for the restored one.
    return replace(job, title=f"restore of {one.title}", repeatable=False)


def _as_found(found: t.Sequence[tuple[Guest, str]]) -> list[Leftover]:
    return [Leftover(guest, mark) for guest, mark in found]


@dataclass
class _Verification:
    """One call: ``turns`` lets only so many restored guests exist at a time."""

    machine: Engine
    scratch: Scratch
    readings: SharedReadings

    def __post_init__(self) -> None:
        self.context = self.machine.context
        self._turns = asyncio.Semaphore(self.context.params["parallel_guests"])

    async def clear(self, found: t.Sequence[tuple[Guest, str]]) -> list[Leftover]:
        """Remove what earlier calls left."""
        if not found or self.context.stop.is_set():
            return _as_found(found)
        chains = [removal_chain(self.context, *one, self.readings) for one in found]
        results = await self.machine.run_chains(chains)
        for (guest, _mark), result in zip(found, results):
            if _is_removed(result):
                self.scratch.release(guest.vmid)
        return [
            Leftover(guest, mark, result, removed=_is_removed(result))
            for (guest, mark), result in zip(found, results)
        ]

    async def verify(self, one: Subject) -> Verified:
        """Restore, isolate, start, prove, remove."""
        if one.refusal or one.backup is None:
            return Verified(one)
        async with self._turns:
            if self.context.stop.is_set():
                return Verified(one, why="not started: interrupted")
            try:
                vmid = await self.scratch.take()
            except PveError as error:
                return Verified(one, why=str(error), outcome=Outcome.FAILED)
            return await self._verify(one, one.backup, vmid)

    async def _verify(self, one: Subject, backup: Backup, vmid: int) -> Verified:
        mark = new_mark(backup.volid)
        job = _restore(self.context, one, backup, vmid, mark)
        guest = job.target
        chain = Chain(
            guest,
            (
                ChainStep("restore", job=job),
                ChainStep("isolate", prepare=self._isolate(guest, mark)),
                ChainStep("start", prepare=self._start(guest, mark)),
                ChainStep("proof", prepare=self._prove(guest, mark)),
            ),
        )
        [result] = await self.machine.run_chains([chain])
        if not _may_have_left(result):
            return Verified(one, result, vmid)
        if self.context.stop.is_set():
            return Verified(one, result, vmid, left=True)
        bare = _has_failed_restore(result)
        removal = removal_chain(self.context, guest, mark, self.readings, bare=bare)
        [removed] = await self.machine.run_chains([removal])
        gone = _is_removed(removed)
        if gone:
            self.scratch.release(vmid)
        return Verified(one, result, vmid, removed, left=not gone)

    def _isolate(self, guest: Guest, mark: str) -> t.Callable[[ChainResult], t.Awaitable[Job]]:
        async def prepare(_before: ChainResult) -> Job:
            config = await read_marked(self.context.api, guest, mark)
            changes = isolation(config, guest.type, self.context.params["network"])
            if not changes:
                raise Unneeded("it has no network and nothing of the host")
            digest = {"digest": config["digest"]} if config.get("digest") else {}
            return self._job("configure", guest, {**changes, **digest}, mark)

        return prepare

    def _start(self, guest: Guest, mark: str) -> t.Callable[[ChainResult], t.Awaitable[Job]]:
        async def prepare(_before: ChainResult) -> Job:
            config = await read_marked(self.context.api, guest, mark)
            rest = isolation(config, guest.type, self.context.params["network"])
            if rest:
                shown = ", ".join(sorted(str(value) for value in rest.values()))
                raise PveError(f"it still has what it must not be started with: {shown}")
            return self._job("start", guest, {}, mark)

        return prepare

    def _prove(self, guest: Guest, mark: str) -> t.Callable[[ChainResult], t.Awaitable[Job]]:
        async def prepare(_before: ChainResult) -> Job:
            await read_marked(self.context.api, guest, mark)
            path = ("nodes", guest.node, guest.type, guest.vmid, "status", "current")
            state = (await read_mapping(self.context.api, path)).get("status")
            if state != "running":
                raise PveError(f"it does not run after its start: {state}")
            raise Unneeded(await prove(self.context, guest))

        return prepare

    def _job(self, name: str, guest: Guest, params: t.Mapping[str, t.Any], mark: str) -> Job:
        job = guest_job(OPERATIONS[name], guest, params, self.context.params["wait_timeout"])
        return replace(job, recheck=still_marked(guest, mark))


def _is_removed(result: ChainResult) -> bool:
    return result.last.name == "verify" and result.last.outcome.succeeded


def _may_have_left(result: ChainResult) -> bool:
    """Whether the restore has begun, or may have."""
    first = result.steps[0]
    return bool(result.tasks) or first.outcome is Outcome.LOST


def _has_failed_restore(result: ChainResult) -> bool:
    """Whether the restore that this call started, by its response, has failed."""
    first = result.steps[0]
    job = first.result
    return (
        first.outcome in (Outcome.FAILED, Outcome.CANCELLED)
        and job is not None
        and bool(job.tasks)
        and not job.found
    )
