# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs jobs: as many side by side as the lanes let through, each started exactly once."""

from __future__ import annotations

import asyncio
import re
import typing as t
from dataclasses import dataclass, field

from . import clock
from .errors import ApiError, NoAnswerError, PveError, Trouble, classify
from .log import with_log
from .operations.job import Unneeded
from .recovery import Fate, find_started
from .sequel import follow, has_sequel
from .stopping import stop_task
from .task import Outcome, Task
from .upid import Upid, UpidError

if t.TYPE_CHECKING:
    from .client import Api
    from .guests import Vmids
    from .lanes import Lanes
    from .operations.job import Job
    from .watcher import Watcher

# How often to look whether what has to be waited for has happened, in seconds.
_STEP = 0.05
# A node or its daemon may be out of reach for so long, as in a restart, at no cost, in seconds.
_RESTART = 60.0
_STORAGE = re.compile(r"cfs-lock 'storage-([^']+)'|pve-storage-([^']+)'")


@dataclass(frozen=True)
class Policy:
    """How to run jobs; the fields are the options of the same names."""

    wait: bool = True
    on_timeout: str = "fail"
    retries: int = 3
    start_interval: float = 0.0
    log_lines: int = 20


@dataclass(frozen=True)
class Result:
    """What became of a job.

    ``tasks`` holds every task that was started or adopted for it, the last one last. ``message``
    says why it is not ok where no task does. ``attempts`` counts the calls that were sent.
    ``found`` says that the last task was not named by an answer but looked for.
    """

    job: Job
    outcome: Outcome
    tasks: tuple[Task, ...] = ()
    message: str | None = None
    attempts: int = 0
    found: bool = False

    @property
    def task(self) -> Task | None:
        """The task that counts."""
        return self.tasks[-1] if self.tasks else None

    @property
    def changed(self) -> bool:
        """Whether the guest is, or may be, another than before."""
        if self.outcome in (Outcome.QUEUED, Outcome.UNCHANGED):
            return False
        return self.outcome.good or bool(self.tasks) or self.outcome is Outcome.LOST


@dataclass
class _Run:
    """A job on its way; ``calling`` while its call has been sent and not been answered."""

    job: Job
    state: Outcome = Outcome.QUEUED
    calling: bool = False
    attempts: int = 0
    failures: int = 0
    tasks: list[Task] = field(default_factory=list)
    uncertain_since: float | None = None
    unreached_since: float | None = None
    found: bool = False

    def result(self, outcome: Outcome, message: str | None = None) -> Result:
        tasks = tuple(self.tasks)
        return Result(self.job, outcome, tasks, message, self.attempts, self.found)


class _Again(Exception):
    """The job shall be tried once more; ``costs`` says whether that uses up a retry."""

    def __init__(self, why: str, *, costs: bool = True) -> None:
        super().__init__(why)
        self.costs = costs


def _interrupted(run: _Run) -> Result:
    """What can be said of a job that was let go."""
    if run.state is Outcome.STARTING:
        return run.result(
            Outcome.LOST, "interrupted while looking for the task whose answer got lost"
        )
    if run.state is not Outcome.QUEUED:
        return run.result(run.state)
    if run.tasks:
        return run.result(run.tasks[-1].outcome, "not tried again: interrupted")
    return run.result(Outcome.QUEUED, "not started: interrupted")


class Scheduler:
    """Starts, watches and accounts for jobs.

    ``stop`` is set by whoever wants no more to be started; every UPID is still returned.
    """

    def __init__(
        self,
        api: Api,
        watcher: Watcher,
        lanes: Lanes,
        policy: Policy,
        stop: asyncio.Event,
        vmids: Vmids | None = None,
    ) -> None:
        self._api = api
        self._watcher = watcher
        self._lanes = lanes
        self._policy = policy
        self._stop = stop
        self._vmids = vmids
        self._known: set[Upid] = set()
        self._next_start = 0.0

    async def run(self, jobs: t.Sequence[Job]) -> list[Result]:
        """Run the jobs; the results are in the same order, whatever became of each."""
        self._known.update(job.upid for job in jobs if job.upid is not None)
        runs = [_Run(job) for job in jobs]
        drives = [asyncio.ensure_future(self._drive(run)) for run in runs]
        await self._until_enough(runs, drives)
        await self._let_go(runs, drives)
        return [
            _interrupted(run) if drive.cancelled() else drive.result()
            for run, drive in zip(runs, drives)
        ]

    async def _until_enough(
        self, runs: t.Sequence[_Run], drives: t.Sequence[asyncio.Future[Result]]
    ) -> None:
        """Wait for the end of all jobs, for the order to stop, or only for all starts."""
        stopped = asyncio.ensure_future(self._stop.wait())
        pending: set[asyncio.Future[t.Any]] = set(drives)
        try:
            while pending and not stopped.done():
                started = all(run.state not in (Outcome.QUEUED, Outcome.STARTING) for run in runs)
                if started and not self._policy.wait:
                    return
                step = None if self._policy.wait else _STEP
                _done, pending = await asyncio.wait(
                    {*pending, stopped}, timeout=step, return_when=asyncio.FIRST_COMPLETED
                )
                pending.discard(stopped)
        finally:
            stopped.cancel()

    async def _let_go(
        self, runs: t.Sequence[_Run], drives: t.Sequence[asyncio.Future[Result]]
    ) -> None:
        """End what waits. A call that is under way is never abandoned: its answer is the UPID."""
        while any(not drive.done() for drive in drives):
            for run, drive in zip(runs, drives):
                if not run.calling:
                    drive.cancel()
            await asyncio.wait([drive for drive in drives if not drive.done()], timeout=_STEP)

    async def _drive(self, run: _Run) -> Result:
        if run.job.upid is not None:
            with self._lanes.occupy(run.job.lanes):
                try:
                    return await self._see_through(run, run.job.upid)
                except _Again as again:
                    run.state = Outcome.QUEUED
                    await self._prepare(run, again)
                except PveError as error:
                    return run.result(Outcome.LOST, str(error))
        while True:
            try:
                async with self._lanes.hold(run.job.lanes):
                    await self._keep_interval()
                    return _interrupted(run) if self._stop.is_set() else await self._start(run)
            except _Again as again:
                run.state = Outcome.QUEUED
                await self._prepare(run, again)
            except Unneeded as unneeded:
                return run.result(Outcome.UNCHANGED, str(unneeded))
            except PveError as error:
                run.state = Outcome.FAILED
                return run.result(Outcome.FAILED, str(error))

    async def _prepare(self, run: _Run, again: _Again) -> None:
        if again.costs:
            run.failures += 1
        await clock.sleep(clock.backoff(max(1, run.failures), first=1.0, most=20.0))

    async def _start(self, run: _Run) -> Result:
        """Send the call, once, and follow what it starts."""
        if run.job.recheck is not None:
            await run.job.recheck(self._api)
        since = self._api.server_time()
        run.state = Outcome.STARTING
        run.attempts += 1
        try:
            data = await self._send(run)
        except NoAnswerError as error:
            if not error.sent:
                raise self._not_reached(run, error) from error
            return await self._find_out(run, since, error)
        except ApiError as error:
            return await self._refused(run, error)
        if run.job.returns == "null" or (data is None and run.job.returns == "upid"):
            run.state = Outcome.OK
            return run.result(Outcome.OK)
        try:
            upid = Upid.parse(data)
        except UpidError:
            return await self._find_out(run, since, None)
        return await self._see_through(run, upid)

    async def _send(self, run: _Run) -> t.Any:
        send = {"POST": self._api.post, "PUT": self._api.put, "DELETE": self._api.delete}
        run.calling = True
        try:
            return (await send[run.job.method](run.job.path, run.job.params)).data
        finally:
            run.calling = False

    def _not_reached(self, run: _Run, error: NoAnswerError) -> _Again | PveError:
        """Another attempt: at no cost while this may be a restart."""
        if run.unreached_since is None:
            run.unreached_since = clock.now()
        if clock.now() - run.unreached_since < _RESTART:
            return _Again(str(error), costs=False)
        return self._again_or(run, error)

    async def _keep_interval(self) -> None:
        at = max(clock.now(), self._next_start)
        self._next_start = at + self._policy.start_interval
        if at > clock.now():
            await clock.sleep(at - clock.now())

    async def _find_out(self, run: _Run, since: float, error: NoAnswerError | None) -> Result:
        """The answer got lost, or names no task: look for what the call did."""
        job = run.job
        if job.returns == "null":  # such a call can simply be made once more
            raise self._again_or(run, error or PveError(job.title))
        run.uncertain_since = since if run.uncertain_since is None else run.uncertain_since
        try:
            fate = await find_started(self._api, job, run.uncertain_since, self._known)
        except ApiError as refusal:  # who may not look any more cannot tell
            fate = Fate(None, certain=False, why=str(refusal))
        run.found = fate.upid is not None
        if fate.upid is not None:
            run.uncertain_since = None
            return await self._see_through(run, fate.upid)
        if fate.certain and job.repeatable:
            raise self._again_or(run, error or PveError(f"{job.title}: no task was started"))
        what = f"{error}. " if error else f"{job.title}: the answer names no task. "
        run.state = Outcome.LOST
        return run.result(
            Outcome.LOST,
            f"{what}No task was found for it on {job.node} ({fate.why or 'none in the task list'});"
            " look at the guest before you start it again",
        )

    async def _refused(self, run: _Run, error: ApiError) -> Result:
        trouble = error.trouble
        if trouble.passes:
            raise self._again_after(run, trouble, str(error), error)
        if trouble is Trouble.TAKEN:
            if run.uncertain_since is not None:  # our own call, sent before this one
                return await self._find_out(run, run.uncertain_since, None)
            await self._readdress(run, error)
        run.state = Outcome.FAILED
        hint = f". It needs {run.job.needs}" if error.status == 403 and run.job.needs else ""
        return run.result(Outcome.FAILED, f"{error}{hint}")

    async def _see_through(self, run: _Run, upid: Upid) -> Result:
        """Wait for the task's end and decide what it means for the job."""
        self._known.add(upid)
        run.tasks.append(Task(upid))
        run.state = Outcome.RUNNING
        fresh = run.job.upid is not upid
        task = await self._watcher.watch(upid, timeout=run.job.timeout, fresh=fresh)
        if task.outcome is Outcome.TIMED_OUT and self._policy.on_timeout == "stop":
            task, _accepted = await stop_task(self._api, self._watcher, upid)
        run.tasks[-1], run.state = task, task.outcome
        task = await with_log(
            self._api, await self._through_sequel(run, task), self._policy.log_lines
        )
        run.tasks[-1], run.state = task, task.outcome
        if task.outcome is Outcome.FAILED:
            await self._failed(run, task)
        elif run.job.storage and task.outcome.good:
            self._lanes.widen(f"storage {run.job.storage}")
        return run.result(task.outcome)

    async def _through_sequel(self, run: _Run, task: Task) -> Task:
        """The task that counts where one only asked for it: the one that did it."""
        if not (has_sequel(task.upid) and task.outcome.good):
            return task
        run.state = Outcome.RUNNING
        last = await follow(self._api, self._watcher, run.job, task, run.job.timeout)
        if last.upid != task.upid:
            self._known.add(last.upid)
            run.tasks.append(last)
        return last

    async def _failed(self, run: _Run, task: Task) -> None:
        """Raise where the failed task calls for another attempt."""
        error = PveError(task.in_words())
        trouble = classify(task.exitstatus or "")
        if trouble.passes and run.failures < self._policy.retries:
            raise self._again_after(run, trouble, task.exitstatus or "", error)
        if trouble is Trouble.TAKEN:
            await self._readdress(run, error)

    async def _readdress(self, run: _Run, error: PveError) -> None:
        """Somebody else took the VMID: go on with another where the choice was ours."""
        if run.job.readdress is None or self._vmids is None:
            return
        vmid = await self._vmids.instead_of(run.job.target.vmid)
        run.job = run.job.readdress(vmid)
        raise _Again(str(error), costs=False)

    def _again_after(
        self, run: _Run, trouble: Trouble, text: str, error: PveError
    ) -> _Again | PveError:
        if trouble is Trouble.STORAGE_LOCK:
            match = _STORAGE.search(text)
            name = next(filter(None, match.groups())) if match else run.job.storage
            if name and self._lanes.narrow(f"storage {name}"):
                return _Again(str(error), costs=False)
        return self._again_or(run, error)

    def _again_or(self, run: _Run, error: PveError) -> _Again | PveError:
        """Another attempt, or the error where all retries are used up."""
        if run.failures >= self._policy.retries:
            return PveError(f"{error} (after {run.attempts} attempts)")
        return _Again(str(error))
