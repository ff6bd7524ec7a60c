# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of one command that starts tasks: watcher, lanes and scheduler."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import replace

from ..engine.lanes import Lanes
from ..engine.scheduler import Policy, Result, Scheduler
from ..tasks.log import with_log
from ..tasks.types import task_title
from ..tasks.watcher import Watcher

if t.TYPE_CHECKING:
    from ..engine.chains import Chain, ChainResult
    from ..guests.vmids import Vmids
    from ..operations.job import Job
    from ..tasks.task import Task
    from ..tasks.upid import Upid
    from .context import Context


@contextlib.asynccontextmanager
async def engine(context: Context) -> t.AsyncIterator[Engine]:
    """A context manager: an engine with the options of this command."""
    machine = Engine(context)
    try:
        yield machine
    finally:
        await machine.close()


class Engine:
    """Runs jobs according to the options of the fragments start and wait."""

    def __init__(self, context: Context) -> None:
        params = context.params
        self.context = context
        self._watcher = Watcher(
            context.api,
            interval=params["poll_interval"],
            node_timeout=params["node_timeout"],
            contacted=True,
        )
        # Shared by all runs, including simultaneous ones.
        self._lanes = Lanes(
            {
                "all": params["parallel"],
                "node": params["parallel_per_node"],
                "storage": params["parallel_per_storage"],
                "target": params.get("parallel_per_target", 0),
            }
        )
        self._policy = Policy(
            wait=params["wait"],
            warnings=params["warnings"],
            on_timeout=params["on_timeout"],
            retries=params["retries"],
            start_interval=params["start_interval"],
            log_lines=params["log_lines"],
            node_timeout=params["node_timeout"],
            replace_leftovers=params["replace_leftovers"],
        )

    async def close(self) -> None:
        """Stop watching."""
        await self._watcher.close()

    async def run(
        self, jobs: t.Sequence[Job], vmids: Vmids | None = None, *, to_the_end: bool = False
    ) -> list[Result]:
        """Run the jobs; the results are in their order.

        ``to_the_end`` is for jobs that others depend on, to which the option ``wait`` does not
        apply.
        """
        if not jobs:
            return []
        policy = replace(self._policy, wait=True) if to_the_end else self._policy
        with self.context.ends_by_itself():
            results = await self._scheduler(policy, vmids).run(jobs, self.context.progress)
        self.context.record.extend(task for result in results for task in result.tasks)
        return results

    async def run_chains(
        self, chains: t.Sequence[Chain], vmids: Vmids | None = None
    ) -> list[ChainResult]:
        """Run chains to their ends; the results are in their order."""
        with self.context.ends_by_itself():
            scheduler = self._scheduler(self._policy, vmids)
            results = await scheduler.run_chains(chains, self.context.progress)
        self.context.record.extend(task for result in results for task in result.tasks)
        return results

    def _scheduler(self, policy: Policy, vmids: Vmids | None) -> Scheduler:
        return Scheduler(
            self.context.api, self._watcher, self._lanes, policy, self.context.stop, vmids
        )

    async def watch(self, upid: Upid, timeout: float) -> Task:
        """Any task, at its end or when ``timeout`` (seconds from its start) is over."""
        work = self.context.progress.work(task_title(upid.type, upid.id))
        with work.running(upid):
            task = await self._watcher.watch(upid, timeout=timeout)
        work.task_ended(task)
        work.ended(task.outcome, task.note or task.exitstatus)
        if upid.user == self.context.api.authid:
            task = await with_log(self.context.api, task, self._policy.log_lines)
            self.context.record.append(task)
        return task
