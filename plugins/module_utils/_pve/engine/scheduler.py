# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs chains of jobs: as many side by side as the lanes allow, and each to its end."""

from __future__ import annotations

import asyncio
import typing as t

from ..api import clock
from ..api.errors import Cause, NoAnswerError, classify
from ..tasks.task import Outcome
from .attempts import JobRun, Result
from .chains import Chain, ChainRun
from .driver import JobDriver
from .progress import SILENT
from .retries import Policy

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..guests.vmids import Vmids
    from ..operations.job import Job
    from ..tasks.watcher import Watcher
    from .chains import ChainResult, ChainStep, Prepare
    from .lanes import Lanes
    from .progress import Progress

__all__ = ("Policy", "Result", "Scheduler")

# How often to check whether a wait is over, in seconds.
_STEP = 0.05


class Scheduler:
    """Starts jobs, watches their tasks and reports on each.

    Once ``stop`` is set, nothing more is started; every UPID is still returned.
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
        self._lanes = lanes
        self._policy = policy
        self._stop = stop
        self._driver = JobDriver(api, watcher, lanes, policy, stop, vmids)

    async def run(self, jobs: t.Sequence[Job], progress: Progress | None = None) -> list[Result]:
        """Run the jobs; the results are in the same order, whatever the outcome."""
        chains = await self.run_chains([Chain.of(job) for job in jobs], progress)
        return [t.cast("Result", chain.last.result) for chain in chains]

    async def run_chains(
        self, chains: t.Sequence[Chain], progress: Progress | None = None
    ) -> list[ChainResult]:
        """Run chains side by side; the results are in the same order.

        ``progress`` notes what happens to them. With the policy not to wait, a chain ends after
        its first task has been started.
        """
        jobs = [step.job for chain in chains for step in chain.steps if step.job is not None]
        self._driver.known.update(job.upid for job in jobs if job.upid is not None)
        runs = [
            ChainRun(
                chain, chain.target, work=progress.work(chain.target.label) if progress else SILENT
            )
            for chain in chains
        ]
        drives = [asyncio.ensure_future(self._drive_chain(run)) for run in runs]
        await self._until_enough(runs, drives)
        await self._let_go(runs, drives)
        return [
            run.interrupted() if drive.cancelled() else drive.result()
            for run, drive in zip(runs, drives)
        ]

    async def _until_enough(
        self, runs: t.Sequence[ChainRun], drives: t.Sequence[asyncio.Future[ChainResult]]
    ) -> None:
        """Wait for the end of all chains, for an interrupt, or only for all starts."""
        stopped = asyncio.ensure_future(self._stop.wait())
        all_ended: asyncio.Future[t.Any] = asyncio.gather(*drives)
        step = None if self._policy.wait else _STEP
        try:
            while not (all_ended.done() or stopped.done()):
                if not self._policy.wait and all(
                    run.begun or drive.done() for run, drive in zip(runs, drives)
                ):
                    return
                await asyncio.wait(
                    {all_ended, stopped}, timeout=step, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            stopped.cancel()
            all_ended.add_done_callback(_read)

    async def _let_go(
        self, runs: t.Sequence[ChainRun], drives: t.Sequence[asyncio.Future[ChainResult]]
    ) -> None:
        """End what waits. A call in progress is never abandoned: its response is the UPID."""
        while any(not drive.done() for drive in drives):
            for run, drive in zip(runs, drives):
                if not run.calling:
                    drive.cancel()
            await asyncio.wait([drive for drive in drives if not drive.done()], timeout=_STEP)

    async def _drive_chain(self, chain: ChainRun) -> ChainResult:
        """Run one step after the other until one does not succeed."""
        chain.turn = self._lanes.turn()
        for number, step in enumerate(chain.chain.steps, 1):
            chain.work.step(step.name, number, len(chain.chain.steps))
            await self._take(chain, step)
            if chain.over or not self._policy.goes_on_after(chain.ended[-1].outcome):
                break
        result = chain.result()
        chain.work.ended(result.outcome, result.last.why)
        return result

    async def _take(self, chain: ChainRun, step: ChainStep) -> None:
        """Run a step; if others changed the guest in the meantime, prepare and run it again."""
        for number in range(self._policy.retries + 1):
            job = step.job or await self._prepared(chain, step)
            if job is None:
                return
            chain.run = JobRun(job, turn=chain.turn, work=chain.work)
            result = await self._driver.drive(chain.run)
            last = number == self._policy.retries or step.prepare is None
            if last or not _found_it_modified(result):
                chain.end(step.name, result)
                return
            chain.retry(result)
            chain.work.retried(result.message or "it was changed in the meantime")

    async def _prepared(self, chain: ChainRun, step: ChainStep) -> Job | None:
        """The job of a step that is due; None if it ended without one, which is noted."""
        prepare = t.cast("Prepare", step.prepare)
        until, attempt = clock.now() + self._policy.node_timeout, 0
        while True:
            try:
                return await prepare(chain.result())
            except NoAnswerError as error:  # a node may be down for a while
                if clock.now() >= until:
                    chain.end_without_job(step.name, error)
                    return None
                attempt += 1
                chain.work.retried(error)
                await clock.sleep(clock.backoff(attempt, first=2.0))
            except Exception as error:  # noqa: BLE001 - it must not take the other chains with it
                chain.end_without_job(step.name, error)
                return None


def _found_it_modified(result: Result) -> bool:
    """Whether a job failed because another user or task changed the guest after it was read."""
    text = (result.task and result.task.exitstatus) or result.message or ""
    return result.outcome is Outcome.FAILED and classify(text) is Cause.MODIFIED


def _read(future: asyncio.Future[t.Any]) -> None:
    """Consume the results of abandoned jobs, so that none is reported twice."""
    if not future.cancelled():
        future.exception()
