# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes one job to its end: started exactly once, watched, and retried if that helps."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..api import clock
from ..api.errors import Cause, PveError, classify
from ..operations.job import Unneeded
from ..tasks.ending import watch_to_end
from ..tasks.log import with_log
from ..tasks.task import Outcome, Task, outcome_of
from .attempts import JobRun, Result, Retry
from .baseline import Baselines
from .follow_up import follow, has_follow_up
from .leftovers import explain, left_by, removal
from .recovery import is_done
from .retries import Policy, Retries
from .starting import Starter, Taken
from .vmid_conflicts import find_holder, is_wanted

if t.TYPE_CHECKING:
    import asyncio

    from ..api.client import Api
    from ..guests.cluster import Guest
    from ..guests.vmids import Vmids
    from ..tasks.upid import Upid
    from ..tasks.watcher import Watcher
    from .lanes import Lanes


class JobDriver:
    """Takes jobs to their ends; ``known`` are the tasks that belong to one of them.

    Once ``stop`` is set, nothing more is started.
    """

    def __init__(
        self,
        api: Api,
        watcher: Watcher,
        lanes: Lanes,
        policy: Policy,
        stop: asyncio.Event,
        vmids: Vmids | None,
    ) -> None:
        self._api = api
        self._watcher = watcher
        self._lanes = lanes
        self._policy = policy
        self._stop = stop
        self._vmids = vmids
        self.known: set[Upid] = set()
        self._next_start = 0.0
        self._retries = Retries(policy, lanes)
        self._starter = Starter(api, Baselines(api), self._retries, self.known)

    async def drive(self, run: JobRun) -> Result:
        """The outcome of the job; never raises."""
        try:
            return await self._attempts(run)
        except Exception as exc:  # noqa: BLE001 - a job that dies must not take the others with it
            return run.died(exc)

    async def _attempts(self, run: JobRun) -> Result:
        """Try until there is a result."""
        adopted = run.job.upid
        while True:
            try:
                if adopted is not None:
                    with self._lanes.occupy(run.job.lanes):
                        return await self._see_through(run, adopted, fresh=False)
                async with self._lanes.hold(run.job.lanes, run.turn):
                    await self._keep_interval()
                    return run.interrupted() if self._stop.is_set() else await self._start(run)
            except Retry as retry:
                adopted, run.state = None, Outcome.QUEUED
                run.work.retried(retry)
                await self._retries.pause(run, retry)
            except Unneeded as unneeded:
                return run.result(Outcome.UNCHANGED, str(unneeded))
            except PveError as error:
                return run.result(Outcome.LOST if adopted else Outcome.FAILED, str(error))

    async def _keep_interval(self) -> None:
        at = max(clock.now(), self._next_start)
        self._next_start = at + self._policy.start_interval
        if at > clock.now():
            await clock.sleep(at - clock.now())

    async def _start(self, run: JobRun) -> Result:
        """Send the call, once, and follow what it starts."""
        try:
            started = await self._starter.start(run)
        except Taken as taken:
            return await self._held(run, taken.error)
        if started.result is not None:
            return started.result
        return await self._see_through(run, t.cast("Upid", started.upid))

    async def _see_through(self, run: JobRun, upid: Upid, *, fresh: bool = True) -> Result:
        """Wait for the task's end and decide what it means for the job."""
        self.known.add(upid)
        run.tasks.append(Task(upid))
        run.state = Outcome.RUNNING
        with run.work.running(upid):
            task, _stopped = await watch_to_end(
                self._api,
                self._watcher,
                upid,
                run.job.timeout,
                self._policy.on_timeout,
                fresh=fresh,
            )
        run.work.task_ended(task)
        run.tasks[-1], run.state = task, task.outcome
        task = await self._checked(run, await self._with_follow_up(run, task))
        task = await with_log(self._api, task, self._policy.log_lines)
        run.tasks[-1], run.state = task, task.outcome
        if task.outcome is Outcome.FAILED:
            if task.exitstatus is not None and outcome_of(task.exitstatus).succeeded:
                run.remains = True  # it did something, but not all
                return run.result(Outcome.FAILED)
            return await self._failed(run, task)
        if task.outcome is Outcome.CANCELLED:
            return await self._unfinished(run, task)
        if run.job.storage and task.outcome.succeeded:
            self._lanes.widen(f"storage {run.job.storage}")
        return run.result(task.outcome)

    async def _with_follow_up(self, run: JobRun, task: Task) -> Task:
        """The task that counts if one only requested the work: the one that did it."""
        if not (run.job.on_guest and has_follow_up(task.upid) and task.outcome.succeeded):
            return task
        run.state = Outcome.RUNNING
        last = await follow(self._api, self._watcher, run, task)
        if last.upid != task.upid:
            self.known.add(last.upid)
            run.tasks.append(last)
        return last

    async def _checked(self, run: JobRun, task: Task) -> Task:
        """The task with the outcome that its effects say, where it ended well by its own word."""
        has_ended = task.outcome not in (Outcome.TIMED_OUT, Outcome.LOST)
        if run.job.details is not None and has_ended:
            task = replace(task, details=await run.job.details(self._api, run.job, task))
        if run.job.check is None or not task.outcome.succeeded:
            return task
        try:
            verdict = await run.job.check(self._api, run.job, task)
        except PveError as error:
            why = f"what it did could not be checked: {error}"
            return replace(task, outcome=Outcome.WARNINGS, note=why)
        if verdict is None:
            return task
        task = replace(task, details={**task.details, **verdict.details})
        if verdict.outcome is None:
            return task
        return replace(task, outcome=verdict.outcome, note=verdict.why)

    async def _failed(self, run: JobRun, task: Task) -> Result:
        """The result of a failed task; raises Retry if it calls for another attempt."""
        error, text = PveError(task.in_words()), task.exitstatus or ""
        cause = classify(text)
        if cause is Cause.TAKEN and run.job.repeatable:
            return await self._held(run, error)
        if cause is Cause.ALREADY and run.unsure:
            return run.result(
                Outcome.OK, f"an earlier call, whose response got lost, was carried out: {text}"
            )
        if cause is Cause.ALREADY and await is_done(self._api, run.job):
            return run.result(Outcome.UNCHANGED, f"another task did this in the meantime: {text}")
        retry = self._retries.after_failure(run, text, error)
        left = await self._left(run, task)
        if isinstance(retry, Retry):
            if left is None or await self._removed(run, left, task):
                raise retry
            run.notes.append(explain(left, task.upid, task.upid.node))
            await self._readdress(run, error)
        return self._ended(run, task, left)

    async def _unfinished(self, run: JobRun, task: Task) -> Result:
        return self._ended(run, task, await self._left(run, task))

    @staticmethod
    def _ended(run: JobRun, task: Task, left: Guest | None) -> Result:
        """The result of a task that failed, with what it left behind."""
        destroyed = (
            task.upid.type in ("qmdestroy", "vzdestroy")
            and classify(task.exitstatus or "") is Cause.NO_QUORUM
        )
        run.remains = left is not None or destroyed
        if destroyed:
            run.notes.append(
                "Without quorum Proxmox VE destroys the disks of a guest before it fails to remove"
                " its configuration: its disks may be lost"
            )
        elif left is not None and not run.notes:
            run.notes.append(explain(left, task.upid, task.upid.node))
        return run.result(task.outcome, task.exitstatus if run.notes else None)

    async def _left(self, run: JobRun, task: Task) -> Guest | None:
        """The locked guest that the failed task of a creation left, None if there is none."""
        if not run.job.repeatable:
            return None
        try:
            return await left_by(self._api, run.job, task.upid)
        except PveError as error:
            run.notes.append(f"cannot determine what the task left behind: {error}")
            return None

    async def _removed(self, run: JobRun, left: Guest, task: Task) -> bool:
        """Remove what our own dead task left, if that is requested and possible.

        Without quorum that fails like everything else, and is retried while the leftover is still
        ours.
        """
        if not self._policy.replace_leftovers or left.type != "qemu":
            return False
        until, attempt = clock.now() + self._policy.node_timeout, 0
        while True:
            attempt += 1
            # It uses the lanes that the job holds: waiting for lanes could deadlock.
            result = await self.drive(JobRun(replace(removal(left), lanes=()), work=run.work))
            run.tasks += result.tasks
            if result.outcome.succeeded:
                return True
            why = (result.task and result.task.exitstatus) or result.message or ""
            if classify(why) is not Cause.NO_QUORUM or clock.now() >= until:
                return False
            await clock.sleep(clock.backoff(attempt, first=2.0))
            if await self._left(run, task) is None:
                return True

    async def _held(self, run: JobRun, error: PveError) -> Result:
        """The VMID already belongs to a guest: the requested one, or another user's."""
        try:
            holder = await find_holder(self._api, run.job, self.known)
        except PveError as unread:
            raise PveError(f"{error}. Who has VMID {run.job.target.vmid}: {unread}") from unread
        if holder.upid is not None:
            run.found = True
            result = await self._see_through(run, holder.upid, fresh=False)
            if not result.outcome.succeeded or await is_wanted(self._api, run.job):
                return result
        elif holder.ours:
            if run.unsure:
                why = "an earlier call, whose response got lost, created it"
                return run.result(Outcome.OK, why)
            return run.result(Outcome.UNCHANGED, "it was created in the meantime, not by this call")
        await self._readdress(run, error)
        if holder.gone:
            raise self._retries.costly(run, error)
        return run.result(Outcome.FAILED, str(error))

    async def _readdress(self, run: JobRun, error: PveError) -> None:
        """Go on with another VMID if we chose it."""
        if run.job.readdress is None or self._vmids is None:
            return
        vmid = await self._vmids.instead_of(run.job.target.vmid)
        run.job = run.job.readdress(vmid)
        run.work.renamed(run.job.target.label)
        run.unsure = False
        raise Retry(str(error), costs=False)
