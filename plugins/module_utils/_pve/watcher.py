# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watches any number of tasks on any number of nodes until they end.

A node with watched tasks is looked at in rounds, one list call a round. What is missing from the
list of running tasks has not ended for that reason: only the archive or the task's own status
says so. A node that is silent delays nobody else.
"""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, field

from . import clock
from .errors import ApiError, NoAnswerError, PveError, Trouble
from .task import Outcome, Task, outcome_of
from .tasklist import list_tasks

if t.TYPE_CHECKING:
    from .client import Api
    from .tasklist import Entry
    from .upid import Upid

SHORTEST, LONGEST, SHARE = 0.2, 2.0, 0.03
# How long after the last answer a task that no list shows is asked for by itself.
_ASK_AGAIN = 10.0
# How long a look at a node may still take when a deadline has come, in seconds.
_LAST_LOOK = 2.0


@dataclass
class _Watch:
    """One task that somebody waits for; ``born`` is its start on our clock.

    ``seen`` says that a round has looked for it, so that it may be called late.
    """

    upid: Upid
    since: float
    born: float
    deadline: float | None
    done: asyncio.Future[Task]
    seen: bool = False
    unlisted: bool = False
    asked: float = field(default=float("-inf"))

    @property
    def open(self) -> bool:
        return not self.done.done()


@dataclass
class _Node:
    """What is known of one node: its watches, and since when it has been silent."""

    name: str
    watches: list[_Watch] = field(default_factory=list)
    silent_since: float | None = None
    trouble: str = ""
    loop: asyncio.Task[None] | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Watcher:
    """Tells when tasks end and how.

    ``interval`` fixes the seconds between two rounds; without it they follow how long tasks of
    the same type take. A node that has not answered for ``node_timeout`` seconds makes its tasks
    lost. ``rounds`` counts the list calls of running tasks.
    """

    def __init__(self, api: Api, *, interval: float | None = None, node_timeout: float) -> None:
        self._api = api
        self._interval = interval
        self._node_timeout = node_timeout
        self._nodes: dict[str, _Node] = {}
        self._shortest: dict[str, float] = {}
        self.rounds = 0

    def watch(
        self, upid: Upid, *, timeout: float | None = None, fresh: bool = False
    ) -> asyncio.Future[Task]:
        """A future of the ended task. It never fails: what cannot be known is ``lost``.

        After ``timeout`` seconds from now a task that still runs comes back ``timed_out``.
        ``fresh`` says that the task has just been started, so that looking at once is no use.
        """
        now = clock.now()
        done: asyncio.Future[Task] = asyncio.get_running_loop().create_future()
        age = 0.0 if fresh else max(0.0, self._api.server_time() - upid.starttime)
        deadline = None if timeout is None else now + timeout
        watch = _Watch(upid, now, now - age, deadline, done)
        node = self._nodes.setdefault(upid.node, _Node(upid.node))
        node.watches.append(watch)
        if node.loop is None:
            node.loop = asyncio.ensure_future(self._attend(node, look_first=not fresh))
        elif not fresh:
            node.wake.set()
        return done

    async def close(self) -> None:
        """Stop watching; futures that are still open are cancelled."""
        loops = [node.loop for node in self._nodes.values() if node.loop is not None]
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        for node in self._nodes.values():
            for watch in node.watches:
                watch.done.cancel()

    async def _attend(self, node: _Node, *, look_first: bool) -> None:
        if not look_first:
            await self._pause(node)
        while node.watches:
            await self._look(node)
            self._expire(node)
            node.watches = [watch for watch in node.watches if watch.open]
            if node.watches:
                await self._pause(node)
        node.loop = None

    async def _look(self, node: _Node) -> None:
        """One round, whatever comes of it."""
        try:
            await asyncio.wait_for(self._round(node), self._patience(node))
        except asyncio.TimeoutError:
            self._note_silence(node, PveError("no answer to the last look"))
        except NoAnswerError as error:
            self._note_silence(node, error)
        except ApiError as error:
            self._note_refusal(node, error)
        except PveError as error:
            self._lose_all(node, str(error))
        else:
            node.silent_since = None

    async def _pause(self, node: _Node) -> None:
        """Wait for the next round, less when somebody wants to know at once."""
        seconds = self._seconds_to_next_round(node)
        deadlines = [watch.deadline for watch in node.watches if watch.deadline is not None]
        if deadlines:
            seconds = min(seconds, max(0.05, min(deadlines) - clock.now()))
        try:
            await asyncio.wait_for(node.wake.wait(), seconds)
        except asyncio.TimeoutError:
            return
        finally:
            node.wake.clear()

    @staticmethod
    def _patience(node: _Node) -> float | None:
        """How long a round may take: no answer is waited for much longer than anybody waits."""
        deadlines = [
            watch.deadline for watch in node.watches if watch.seen and watch.deadline is not None
        ]
        return max(_LAST_LOOK, min(deadlines) - clock.now()) if deadlines else None

    def _seconds_to_next_round(self, node: _Node) -> float:
        if self._interval is not None:
            return self._interval
        now = clock.now()
        typical = min(
            self._shortest.get(watch.upid.type, now - watch.born) for watch in node.watches
        )
        return min(LONGEST, max(SHORTEST, SHARE * typical))

    async def _round(self, node: _Node) -> None:
        watches = {watch.upid: watch for watch in node.watches if watch.open}
        missing = dict(watches)
        for watch in watches.values():
            watch.seen = True
        if not all(watch.unlisted for watch in watches.values()):
            self.rounds += 1
            for entry in await list_tasks(self._api, node.name, {"source": "active"}):
                if entry.upid in missing:
                    watch = missing.pop(entry.upid)
                    watch.unlisted = False
                    self._settle(watch, entry)
        if missing:
            await self._look_in_archive(node, missing)
        for watch in missing.values():
            if watch.open and clock.now() - watch.asked >= _ASK_AGAIN:
                await self._ask(watch)

    async def _look_in_archive(self, node: _Node, missing: dict[Upid, _Watch]) -> None:
        since = min(upid.starttime for upid in missing)
        for entry in await list_tasks(self._api, node.name, {"source": "archive", "since": since}):
            if entry.upid in missing:
                self._settle(missing[entry.upid], entry)

    async def _ask(self, watch: _Watch) -> None:
        """Ask for one task by its UPID; a right that is missing or a lost log ends the watch."""
        upid = watch.upid
        watch.asked = clock.now()
        try:
            answer = await self._api.get(
                ("nodes", upid.node, "tasks", str(upid), "status"), retries=0
            )
        except ApiError as error:
            if error.trouble is Trouble.GONE:
                self._lose(watch, f"node {upid.node} knows no such task ({error.reason})")
            elif error.status in (400, 403):
                self._lose(watch, str(error))
            else:
                raise
            return
        if answer.data.get("status") == "running":
            watch.unlisted = True
            return
        self._end(watch, str(answer.data.get("exitstatus") or "unexpected status"), None)

    def _settle(self, watch: _Watch, entry: Entry) -> None:
        if entry.status is not None:
            self._end(watch, entry.status, entry.endtime)

    def _end(self, watch: _Watch, exitstatus: str, endtime: int | None) -> None:
        took = clock.now() - watch.born
        known = self._shortest.get(watch.upid.type)
        self._shortest[watch.upid.type] = took if known is None else min(known, took)
        outcome = outcome_of(exitstatus)
        self._resolve(watch, Task(watch.upid, outcome, exitstatus, endtime))

    def _lose(self, watch: _Watch, why: str) -> None:
        self._resolve(watch, Task(watch.upid, Outcome.LOST, note=why))

    @staticmethod
    def _resolve(watch: _Watch, task: Task) -> None:
        if watch.open:
            watch.done.set_result(task)

    def _note_silence(self, node: _Node, error: PveError) -> None:
        if node.silent_since is None:
            node.silent_since = clock.now()
        node.trouble = str(error)

    def _note_refusal(self, node: _Node, error: ApiError) -> None:
        """A clear no to the list call: some will never become a yes."""
        final = error.status in (400, 401, 403, 501) or "hostname lookup" in error.text
        if not final:
            self._note_silence(node, error)
            return
        why = str(error)
        if "hostname lookup" in error.text:
            why = f"there is no node {node.name} in the cluster ({error.text})"
        self._lose_all(node, why)

    def _lose_all(self, node: _Node, why: str) -> None:
        for watch in node.watches:
            self._lose(watch, why)

    def _expire(self, node: _Node) -> None:
        now = clock.now()
        silent = node.silent_since is not None
        gone = silent and now - t.cast("float", node.silent_since) >= self._node_timeout
        for watch in node.watches:
            late = watch.seen and watch.deadline is not None and now >= watch.deadline
            if gone or (late and silent):
                self._lose(watch, f"node {node.name} does not answer: {node.trouble}")
            elif late:
                limit = t.cast("float", watch.deadline) - watch.since
                self._resolve(
                    watch,
                    Task(watch.upid, Outcome.TIMED_OUT, note=f"still running after {limit:.0f} s"),
                )
