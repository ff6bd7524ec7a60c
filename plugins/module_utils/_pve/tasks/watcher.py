# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watches any number of tasks on any number of nodes until they end.

A node with watched tasks is polled in rounds, with one list call per round. A silent node does not
delay others, and whatever happens to a loop, all its waits are resolved.
"""

from __future__ import annotations

import asyncio
import traceback
import typing as t

from ..api import clock
from ..api.errors import ApiError, NoAnswerError, PveError
from .clocks import NodeClocks
from .pace import Pace
from .rounds import Rounds
from .task import Outcome, Task
from .watched import Watch, WatchedNode

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .upid import Upid

# How long a poll of a node may still take after a deadline, in seconds.
_LAST_POLL = 2.0
# How long a single poll of a task may take.
_ONLY_POLL = 60.0
# The longest wait, in seconds; timers refuse greater numbers.
_LONGEST = 10 * 365 * 86400.0


class Watcher:
    """Reports when and how tasks end.

    ``interval`` fixes the seconds between two rounds; by default they adapt to the durations of
    tasks of the same type. If a node has not answered for ``node_timeout`` seconds, its tasks are
    lost. ``contacted`` says that the API has answered before; otherwise, an API that cannot be
    reached or refuses the credentials ends the wait after the retries of one request. ``clocks``
    are those of the nodes.
    """

    def __init__(
        self,
        api: Api,
        *,
        interval: float | None = None,
        node_timeout: float,
        contacted: bool = False,
    ) -> None:
        self._api = api
        self._node_timeout = node_timeout
        self._nodes: dict[str, WatchedNode] = {}
        self._contacted = contacted
        self._contact: asyncio.Future[t.Any] | None = None
        self._pace = Pace(interval)
        self.clocks = NodeClocks(api)
        self._polls = Rounds(api, self._pace, self.clocks)

    @property
    def rounds(self) -> int:
        """The list calls of running tasks so far."""
        return self._polls.count

    def watch(
        self, upid: Upid, *, timeout: float | None = None, fresh: bool = False
    ) -> asyncio.Future[Task]:
        """A future of the ended task. It never fails: an unknown outcome is ``lost``.

        After ``timeout`` seconds from now a task that still runs is returned as ``timed_out``.
        ``fresh`` says that the task has just been started, so that polling at once is useless.
        """
        now = clock.now()
        timeout = None if timeout is None else min(timeout, _LONGEST)
        done: asyncio.Future[Task] = asyncio.get_running_loop().create_future()
        watch = Watch(upid, now, None if timeout is None else now + timeout, done)
        if fresh:
            watch.born, self._contacted = now, True
            self.clocks.note(upid)
        node = self._nodes.setdefault(upid.node, WatchedNode(upid.node))
        node.watches.append(watch)
        if node.loop is None:
            node.loop = asyncio.ensure_future(self._attend(node, poll_first=not fresh))
        elif not fresh:
            node.wake.set()
        return done

    async def close(self) -> None:
        """Stop watching; futures that are still open are cancelled."""
        waits: list[asyncio.Future[t.Any]] = [
            node.loop for node in self._nodes.values() if node.loop is not None
        ]
        waits += [self._contact] if self._contact is not None else []
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        for node in self._nodes.values():
            for watch in node.watches:
                watch.done.cancel()

    async def _attend(self, node: WatchedNode, *, poll_first: bool) -> None:
        """Poll a node until all its watches have ended, by their tasks or by an error here."""
        try:
            if not poll_first:
                await self._pause(node)
            while node.watches:
                await self._round(node)
                self._expire(node)
                node.watches = [watch for watch in node.watches if watch.open]
                if node.watches:
                    await self._pause(node)
        except Exception:  # noqa: BLE001 - whoever waits must learn of it, whatever it was
            node.lose_all(f"an error in this collection:\n{traceback.format_exc()}")
            node.watches = []
        finally:
            node.loop = None

    async def _round(self, node: WatchedNode) -> None:
        """One round, whatever its result."""
        error = await self._poll(node)
        if error is None:
            self._contacted = True
            return
        if not (self._contacted or node.answered):
            refusal = await self._make_contact(node)
            if refusal is not None:
                node.lose_all(str(refusal))
                return
            error = await self._poll(node)
        if error is not None:
            self._note(node, error)

    async def _poll(self, node: WatchedNode) -> PveError | None:
        """Poll a node; the error if it did not answer."""
        began = clock.now()
        try:
            await asyncio.wait_for(self._polls.poll(node), self._patience(node))
        except asyncio.TimeoutError:
            if node.heard_at is not None and node.heard_at >= began:
                return None  # only the status of some tasks is missing
            return NoAnswerError(f"GET /nodes/{node.name}/tasks", "no answer in time", sent=True)
        except PveError as error:
            return error
        return None

    async def _make_contact(self, node: WatchedNode) -> PveError | None:
        """Make the first contact with the API, once for all nodes; return the error, if any.

        A silent node behind a host that answers is waited for, a wrong address is not.
        """
        if self._contact is None:
            self._contact = asyncio.ensure_future(self._api.get(("version",)))
        try:
            await asyncio.wait_for(asyncio.shield(self._contact), self._patience(node))
        except asyncio.TimeoutError:
            return None
        except ApiError as error:
            if error.status == 401:
                return error
        except PveError as error:
            return error
        self._contacted = True
        return None

    async def _pause(self, node: WatchedNode) -> None:
        """Wait for the next round, or less if a caller needs a poll at once."""
        seconds = self._pace.seconds(node.watches)
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
    def _patience(node: WatchedNode) -> float | None:
        """How long a poll may take: not much longer than the longest wait of its tasks."""
        now = clock.now()
        ends = [
            now + _ONLY_POLL if watch.once else watch.deadline
            for watch in node.watches
            if watch.deadline is not None
        ]
        return max(_LAST_POLL, min(ends) - now) if ends else None

    @staticmethod
    def _note(node: WatchedNode, error: PveError) -> None:
        """What an error of a list call means. Some refusals are permanent.

        The API has answered before, so a certificate or ticket that is refused now is a transient
        problem: one is being renewed, or the clocks of nodes differ.
        """
        unknown = isinstance(error, ApiError) and "hostname lookup" in error.text
        if unknown and not node.answered:
            node.lose_all(f"there is no node {node.name} in the cluster ({error})")
        elif isinstance(error, ApiError) and error.status in (400, 403, 501):
            node.lose_all(str(error))
        else:
            node.fell_silent(clock.now(), error)

    def _expire(self, node: WatchedNode) -> None:
        """End tasks that are late, and those whose state has been unknown for too long."""
        now = clock.now()
        for watch in node.watches:
            silences = [s for s in (node.silent_since, watch.silent_since) if s is not None]
            gone = bool(silences) and now - min(silences) >= self._node_timeout
            late = watch.seen and watch.deadline is not None and now >= watch.deadline
            # A task that no list shows was running when its status was last read.
            unknown = node.silent_since is not None or (bool(silences) and not watch.unlisted)
            if gone or (late and unknown):
                error = node.error if node.silent_since is not None else watch.error
                watch.lose(f"node {node.name} does not answer: {error}")
            elif late:
                limit = t.cast("float", watch.deadline) - watch.since
                note = f"still running after {limit:.0f} s"
                watch.resolve(Task(watch.upid, Outcome.TIMED_OUT, note=note))
