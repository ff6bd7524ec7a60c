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
from ...api.errors import Cause, PveError, UsageError, classify
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
from .marks import Mark
from .proof import prove
from .report import Leftover, Verified, report
from .scratch import (
    TAG,
    Scratch,
    find_restored,
    find_when_restored,
    is_gone,
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
    from .scratch import Found
    from .subjects import Subject

# Seconds by which clocks may differ, for what is between the steps of a guest.
_MARGIN = 600


async def run(context: Context) -> Report:
    """Verify the newest backup of each guest."""
    _check(context)
    subjects, cluster = await read_subjects(context)
    scratch = Scratch(context.api, context.params["vmid_range"], cluster)
    await check_parameters(context, _calls(context, subjects, scratch))
    found = await find_restored(context.api, scratch, cluster)
    if context.params["guests"] is None:  # what selects all selects them, too
        restored = {one.guest.vmid for one in found}
        subjects = [one for one in subjects if one.vmid not in restored]
    found = [one for one in found if one.guest.vmid in scratch]
    if context.check:
        return report(context, [Verified(one) for one in subjects], _as_found(found))
    async with engine(context) as machine:
        with context.ends_by_itself():
            work = _Verification(machine, scratch, SharedReadings(context.api))
            leftovers = await work.clear([one for one in found if one.mark is not None])
            # Whose restore it is that still runs, only its end shows.
            being_created = [one for one in found if one.mark is None]
            later = asyncio.ensure_future(work.clear_later(being_created))
            scratch.coming = later
            verified = await asyncio.gather(*(work.verify(one) for one in subjects))
            leftovers += await later
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
            job = _restore(context, one, one.backup, scratch.range.first, Mark.new("x", 0))
            yield Planned.of(one.title, job)


def _restore(context: Context, one: Subject, backup: Backup, vmid: int, mark: Mark) -> Job:
    """The restore into a new guest, which bears the mark from the moment when it is complete."""
    params = context.params
    name = f"verify-{backup.vmid}"
    target = Guest(vmid, backup.type, backup.node, name, "stopped")
    wanted = {
        "archive": backup.volid,
        "unique": 1,
        "name" if backup.type == "qemu" else "hostname": name,
        "description": str(mark),
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


def _end(context: Context) -> int:
    """How long the work on a guest that is restored now may take, by the clock of the server."""
    params = context.params
    jobs = [OPERATIONS[name].wait_timeout for name in ("restore", "configure", "start")]
    if params["wait_timeout"] is not None:
        jobs = [params["wait_timeout"]] * len(jobs)
    proof = max(params["proof_timeout"], params["settle"])
    # Its jobs may wait for those of all guests that are restored at the same time.
    seconds = params["parallel_guests"] * sum(jobs) + proof + _MARGIN
    return int(context.api.server_time() + seconds)


def _as_found(found: t.Sequence[Found]) -> list[Leftover]:
    return [Leftover(one.guest, one.mark, kept=one.kept) for one in found]


@dataclass
class _Verification:
    """One call: ``turns`` lets only so many restored guests exist at a time."""

    machine: Engine
    scratch: Scratch
    readings: SharedReadings

    def __post_init__(self) -> None:
        self.context = self.machine.context
        self._turns = asyncio.Semaphore(self.context.params["parallel_guests"])

    async def clear(self, found: t.Sequence[Found]) -> list[Leftover]:
        """Remove what calls that no longer live have left; what others use is left alone."""
        if any(one.kept for one in found):
            self.scratch.keep_away()
        if self.context.stop.is_set():
            return _as_found(found)
        old = [(one.guest, one.mark) for one in found if not one.kept and one.mark is not None]
        chains = [removal_chain(self.context, *one, self.readings) for one in old]
        results = await self.machine.run_chains(chains) if chains else []
        for (guest, _mark), result in zip(old, results):
            if _is_removed(result):
                self.scratch.release(guest.vmid)
        removed = []
        for (guest, mark), result in zip(old, results):
            done = _is_removed(result)
            gone = not done and await is_gone(self.context.api, guest, mark)
            why = "another call has removed it" if gone else None
            removed.append(Leftover(guest, mark, result, removed=done, kept=why))
        return removed + _as_found([one for one in found if one.kept])

    async def clear_later(self, found: t.Sequence[Found]) -> list[Leftover]:
        """The same for guests that are being created, at the end of their restores."""
        if found:
            self.scratch.keep_away()
        cleared = await asyncio.gather(*(self._clear_later(one) for one in found))
        return [leftover for some in cleared for leftover in some]

    async def _clear_later(self, one: Found) -> list[Leftover]:
        try:
            now = await find_when_restored(self.machine, one, self.scratch)
        except PveError as error:
            now = replace(one, kept=str(error))
        return [] if now is None else await self.clear([now])

    async def verify(self, one: Subject) -> Verified:
        """Restore, isolate, start, prove, remove."""
        if one.refusal or one.backup is None:
            return Verified(one)
        async with self._turns:
            while True:
                if self.context.stop.is_set():
                    return Verified(one, why="not started: interrupted")
                try:
                    vmid = await self.scratch.take()
                except PveError as error:
                    return Verified(one, why=str(error), outcome=Outcome.FAILED)
                mark = Mark.new(one.backup.volid, _end(self.context))
                with mark:
                    verified = await self._verify(one, one.backup, vmid, mark)
                if not _was_taken(verified):
                    return verified
                self.scratch.keep_away()

    async def _verify(self, one: Subject, backup: Backup, vmid: int, mark: Mark) -> Verified:
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
        if _is_removed(removed):
            self.scratch.release(vmid)
            return Verified(one, result, vmid, removed)
        left = not await is_gone(self.context.api, guest, mark)
        return Verified(one, result, vmid, removed, left=left)

    async def _read(self, guest: Guest, mark: Mark) -> t.Mapping[str, t.Any]:
        """The configuration of a guest that is still this call's to work on."""
        if self.context.api.server_time() > mark.until:
            raise PveError("it took so long that another call may remove the guest by now")
        return await read_marked(self.context.api, guest, mark)

    def _isolate(self, guest: Guest, mark: Mark) -> t.Callable[[ChainResult], t.Awaitable[Job]]:
        async def prepare(_before: ChainResult) -> Job:
            config = await self._read(guest, mark)
            changes = isolation(config, guest.type, self.context.params["network"])
            if not changes:
                raise Unneeded("it has no network and nothing of the host")
            digest = {"digest": config["digest"]} if config.get("digest") else {}
            return self._job("configure", guest, {**changes, **digest}, mark)

        return prepare

    def _start(self, guest: Guest, mark: Mark) -> t.Callable[[ChainResult], t.Awaitable[Job]]:
        async def prepare(_before: ChainResult) -> Job:
            config = await self._read(guest, mark)
            rest = isolation(config, guest.type, self.context.params["network"])
            if rest:
                shown = ", ".join(sorted(str(value) for value in rest.values()))
                raise PveError(f"it still has what it must not be started with: {shown}")
            return self._job("start", guest, {}, mark)

        return prepare

    def _prove(self, guest: Guest, mark: Mark) -> t.Callable[[ChainResult], t.Awaitable[Job]]:
        async def prepare(_before: ChainResult) -> Job:
            await self._read(guest, mark)
            path = ("nodes", guest.node, guest.type, guest.vmid, "status", "current")
            state = (await read_mapping(self.context.api, path)).get("status")
            if state != "running":
                raise PveError(f"it does not run after its start: {state}")
            raise Unneeded(await prove(self.context, guest))

        return prepare

    def _job(self, name: str, guest: Guest, params: t.Mapping[str, t.Any], mark: Mark) -> Job:
        job = guest_job(OPERATIONS[name], guest, params, self.context.params["wait_timeout"])
        return replace(job, recheck=still_marked(guest, mark))


def _is_removed(result: ChainResult) -> bool:
    return result.last.name == "verify" and result.last.outcome.succeeded


def _may_have_left(result: ChainResult) -> bool:
    """Whether the restore has begun, or may have."""
    first = result.steps[0]
    return bool(result.tasks) or first.outcome is Outcome.LOST


def _was_taken(one: Verified) -> bool:
    """Whether nothing was done because another guest has taken the VMID in the meantime."""
    if one.result is None or one.left or one.removal is not None:
        return False
    first = one.result.steps[0]
    return (
        first.outcome is Outcome.FAILED
        and not one.result.tasks
        and classify(first.why or "") is Cause.TAKEN
    )


def _has_failed_restore(result: ChainResult) -> bool:
    """Whether the restore that this call started, by its response, has failed."""
    first = result.steps[0]
    job = first.result
    return (
        first.outcome in (Outcome.FAILED, Outcome.CANCELLED)
        and job is not None
        and bool(job.tasks)
        and not job.found
        and classify(first.why or "") is not Cause.TAKEN
    )
