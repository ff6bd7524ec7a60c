# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task engine: starts workers, sees their ends, stops them (`PVE/RESTEnvironment.pm`)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from .bursts import Bursts
from .calls import CallError
from .durations import fraction, seconds_for
from .history import Entry, History
from .locks import LockTimeout
from .task import Task
from .upid import Upid
from .worker import Died, Killed, Worker

if TYPE_CHECKING:
    from .entities import TaskFault
    from .world import World

Body = Callable[[Worker], Awaitable[None]]
TICKS = 100
MAX_PID = 4_194_304
TERM_CHECKS = 5
A_MOMENT = 0.01
NO_WORKER = "got no worker upid - start worker failed"
"""The answer when the new worker was killed before it ran anything; its log stays empty."""


class TaskEngine:
    """All tasks of all nodes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: dict[str, Task] = {}
        self._nodes: dict[str, History] = {}
        self._pids: dict[str, int] = {}
        self.attempts: Counter[tuple[str, str]] = Counter()
        """How many tasks of a type were started for a guest: chance depends on it."""
        self._errands: set[asyncio.Task[None]] = set()
        self._bursts = Bursts(world)

    def start(
        self,
        node: str,
        authid: str,
        task_type: str,
        ident: object,
        body: Body,
        *,
        target: int | None = None,
        pace: str | None = None,
    ) -> str:
        """Start a worker and return its UPID; `target` is the guest that a clone makes."""
        world = self._world
        world.statd.begin()
        self.broadcast(node)
        task = self.record(node, authid, task_type, str(ident), world.time_at(node), target)
        task.daemon_deaths = world.nodes[node].pvedaemon_deaths
        aim = ident if target is None else target
        self.attempts[task_type, str(aim)] += 1
        fault = self._fault(task, str(aim))
        self._check_start(task, str(aim), fault)
        duration = seconds_for(pace or task_type, world.seed, aim, world.durations)
        if fault is not None and fault.seconds is not None:
            duration = fault.seconds
        self.history(node).running.append(task)
        worker = Worker(world, task, duration, fault)
        task.runner = asyncio.get_running_loop().create_task(_run(worker, body))
        task.runner.add_done_callback(lambda _runner: self._ended(task))
        return str(task.upid)

    def _check_start(self, task: Task, aim: str, fault: TaskFault | None) -> None:
        """Fail a start that a fault or a burst strikes; raises CallError."""
        node, task_type = task.upid.node, task.upid.type
        start = (task_type, aim, self.attempts[task_type, aim])
        ordered = fault is not None and fault.exitstatus == NO_WORKER
        if not self._bursts.strike(node, *start) and not ordered:
            return
        task.ended = self._world.time_at(node)
        if ordered or self._bursts.leaves_log(node, *start):
            self.history(node).add(Entry(task, int(task.ended), task.exitstatus))
        else:
            del self._tasks[str(task.upid)]
        raise CallError(500, NO_WORKER)

    def remove_old_logs(self, node: str) -> None:
        """Forget the tasks that ended before the oldest one of the older archive did."""
        older = self.history(node).older
        if not older:
            return
        for upid, task in list(self._tasks.items()):
            ended = task.upid.node == node and task.ended is not None
            if ended and (task.ended or 0) < older[0].endtime:
                del self._tasks[upid]

    def record(
        self,
        node: str,
        authid: str,
        task_type: str,
        ident: str,
        started: float,
        target: int | None,
        known: Upid | None = None,
    ) -> Task:
        """A task with a UPID of its own unless that is `known`, not running yet."""
        if known is not None:
            task = self._tasks[str(known)] = Task(known, target, started)
            return task
        world = self._world
        pid = self._pids.get(node, 1000 * world.nodes[node].number) + world.random.randint(1, 40)
        pid = pid if pid < MAX_PID else 300
        self._pids[node] = pid
        up = world.nodes[node].uptime + started - world.nodes[node].clock_offset - world.born
        ticks = int(max(0.0, up) * TICKS)
        task = Task(Upid(node, pid, ticks, int(started), task_type, ident, authid), target, started)
        self._tasks[str(task.upid)] = task
        return task

    def find(self, node: str, upid: str) -> Task | None:
        """The task whose log lies on `node`; the node in the UPID decides nothing."""
        task = self._tasks.get(upid)
        return task if task is not None and task.upid.node == node else None

    def get(self, upid: str) -> Task:
        """The task of a UPID that was given out; raises KeyError for any other."""
        return self._tasks[upid]

    def every(self) -> Iterator[Task]:
        """All tasks, in the order of their starts."""
        return iter(self._tasks.values())

    def running(self, node: str) -> Iterator[Task]:
        """The tasks that run on a node."""
        return (task for task in self.history(node).running if task.running)

    def history(self, node: str) -> History:
        """The task lists of a node."""
        return self._nodes.setdefault(node, History())

    def notice(self, node: str) -> None:
        """See every end that nobody has seen yet."""
        now = int(self._world.time_at(node))
        for task in [task for task in self.history(node).running if not task.running]:
            task.noticed = now
            self.history(node).add(Entry(task, now, task.exitstatus))

    def broadcast(self, node: str) -> None:
        """Read the list of tasks again and report it to the cluster, with the ended ones."""
        self.history(node).fresh.clear()
        self.notice(node)

    def later(self, seconds: float, start: Callable[[], Awaitable[object]]) -> None:
        """Do something outside any task a moment from now, as a daemon of the node would.

        Nobody hears when it is refused.
        """

        async def wait() -> None:
            await self._world.clock.sleep(seconds)
            with suppress(CallError):
                await start()

        errand = asyncio.get_running_loop().create_task(wait())
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    async def stop(self, task: Task) -> None:
        """SIGTERM, a look each second for five seconds, then SIGKILL."""
        if task.runner is None or not task.running:
            return
        task.runner.cancel()
        await self._world.clock.sleep(A_MOMENT)
        for _unused in range(TERM_CHECKS):
            if task.ended is not None:
                return
            await self._world.clock.sleep(1.0)
        self.kill(task)
        await self._world.clock.sleep(A_MOMENT)

    def kill(self, task: Task) -> None:
        """SIGKILL: the worker does nothing more, not even its cleaning up."""
        if task.runner is not None and task.running:
            task.killed = True
            task.runner.cancel()

    def abandon(self) -> None:
        """End everything without a word: the world is about to be another one."""
        for task in self._tasks.values():
            self.kill(task)
        for errand in self._errands:
            errand.cancel()

    def kill_node(self, node: str) -> None:
        """The node is gone, and every worker with it."""
        for task in list(self.running(node)):
            self.kill(task)

    def _fault(self, task: Task, aim: str) -> TaskFault | None:
        """The first task fault that this task meets; it is used up."""
        world = self._world
        task_type = task.upid.type
        chance = fraction(world.seed, "fault", task_type, aim, self.attempts[task_type, aim])
        for fault in world.task_faults:
            ids = (task.upid.id, aim)
            if fault.type not in (None, task.upid.type) or fault.count == 0:
                continue
            if fault.vmid is not None and str(fault.vmid) not in ids:
                continue
            if chance >= fault.probability:
                continue
            if fault.count is not None:
                fault.count -= 1
            return fault
        return None

    def _ended(self, task: Task) -> None:
        """The process is gone: its parent sees it at once, if that still lives."""
        node = self._world.nodes.get(task.upid.node)
        if node is None:
            task.ended = self._world.clock.now()
            return  # the world is another one by now
        task.ended = self._world.time_at(task.upid.node)
        orphan = task.daemon_deaths != node.pvedaemon_deaths
        if node.state != "down" and not orphan:
            self.notice(node.name)


async def _run(worker: Worker, body: Body) -> None:
    """Run the body and write the last line of the log, as the forked child does."""
    task = worker.task
    try:
        await body(worker)
        worker.judge()
        last = f"TASK WARNINGS: {worker.warnings}" if worker.warnings else "TASK OK"
    except (Died, LockTimeout, CallError) as exc:
        task.close_line()
        last = f"TASK ERROR: {' '.join(str(exc).split(chr(10)))}"
    except Killed:
        return
    except asyncio.CancelledError:
        if task.killed:
            raise
        last = "TASK ERROR: received interrupt"
    task.write(last + "\n")
