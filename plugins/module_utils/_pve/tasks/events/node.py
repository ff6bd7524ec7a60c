# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows the tasks of one node."""

from __future__ import annotations

import asyncio
import contextlib
import typing as t
from dataclasses import dataclass

from ...api import clock
from ...api.answers import mapping_of
from ...api.errors import ApiError, Cause, NoAnswerError, PveError
from ..clone_log import CLONES, read_targets
from ..log import read_log, with_log
from ..task import UNEXPECTED, Outcome, Task, outcome_of
from ..upid import Upid
from .event import Event, Kind, task_finished, task_progress, task_started
from .news import read_news
from .position import Position

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ..clocks import NodeClocks
    from ..listing import Entry
    from .news import News
    from .query import EventQuery

Change = t.Callable[[Position], None]
# How many logs of ended tasks are read ahead, and how many of running ones in a round.
_LOGS = 10
_LEAST_SECONDS, _LONG_AGO = 2.0, 1e9
# How many lines of a running log are read.
_LINES = 5
# How many rounds a task may be in no list until it is asked for by its UPID: its end is noticed up
# to 10 s late if the process that started it is gone.
_PATIENCE = 3


@dataclass(frozen=True)
class Step:
    """An event, or none for what the query leaves out, and how it changes the position."""

    node: str
    change: Change
    event: Event | None = None


class NodeFollower:
    """Reads what happens on a node, one ``round`` after another.

    ``position`` is how far its steps have gone, which the caller may be behind with. ``began`` is
    the moment since when everything is to be reported if there is no position, None for this one.
    """

    def __init__(
        self, api: Api, clocks: NodeClocks, node: str, query: EventQuery, position: Position
    ) -> None:
        self.node = node
        self.position = position
        self.began: float | None = None
        self._api = api
        self._clocks = clocks
        self._query = query
        self._expected = 0
        self._unlisted: dict[str, int] = {}
        # When the log of a running task was read, and its progress then.
        self._progress: dict[str, tuple[float, float | None]] = {}

    async def read(self) -> News:
        """Read the list; raises what the call raises."""
        since = None if self.position.begun else await self._since()
        news = await read_news(
            self._api, self.node, self.position, since=since, expected=self._expected
        )
        self._expected = len(news.running) + 2 * len(news.ended)
        return news

    async def report(self, news: News, emit: t.Callable[[Step], t.Awaitable[None]]) -> None:
        """Emit what a list means, in the order in which it happened."""
        if news.first or news.gap:
            await emit(self._taken(self._beginning(news)))
        for begin in range(0, len(news.ended), _LOGS):
            chunk = news.ended[begin : begin + _LOGS]
            for end in await asyncio.gather(*(self._ended(entry) for entry in chunk)):
                for step in self._end(*end, news):
                    await emit(self._taken(step))
        await self._report_rest(news, emit)

    def lost(self, since: int, why: str) -> Step | None:
        """The node does not answer; None if that has been said."""
        if self.position.lost is not None:
            return None

        def change(position: Position) -> None:
            position.lost = since

        message = f"node {self.node} cannot be read: {why}"
        event = Event(Kind.NODE_LOST, f"node_lost:{self.node}:{since}", since, message, self.node)
        return self._taken(Step(self.node, change, self._wanted(event)))

    def regained(self) -> Step | None:
        """The node answers; None if it was not lost."""
        if self.position.lost is None:
            return None
        since, now = self.position.lost, int(clock.wall())

        def change(position: Position) -> None:
            position.lost = None

        event = Event(
            Kind.NODE_REGAINED,
            f"node_regained:{self.node}:{since}",
            now,
            f"node {self.node} can be read again",
            self.node,
            lost_for=max(0, now - since),
        )
        return self._taken(Step(self.node, change, self._wanted(event)))

    async def _report_rest(self, news: News, emit: t.Callable[[Step], t.Awaitable[None]]) -> None:
        for entry in news.running:
            if str(entry.upid) not in self.position.running:
                await emit(self._taken(self._start(entry.upid, news)))
        for task in await self._unlisted_ends(news):
            for step in self._end(task, (), news):
                await emit(self._taken(step))
        for event in await self._advances(news):
            await emit(Step(self.node, lambda _position: None, event))

    async def _since(self) -> float | None:
        """Where to begin without a position, by the clock of the node."""
        moment = self._query.since
        if moment is None and self.began is None:
            return None
        await self._clocks.learn(self.node)
        now = self._clocks.now(self.node)
        if moment is not None:
            return moment.by(now)
        return now - (clock.now() - (self.began or 0.0))

    def _taken(self, step: Step) -> Step:
        step.change(self.position)
        return step

    def _wanted(self, event: Event) -> Event | None:
        return event if self._query.accepts_event(event) else None

    def _beginning(self, news: News) -> Step:
        """Where a first list begins, and where one does after a gap."""
        before = [str(entry.upid) for entry in news.before]
        if news.first:
            until = max((entry.endtime or 0 for entry in news.before), default=0)
            return Step(self.node, lambda position: position.rebase(before, until))
        event = Event(
            Kind.TASKS_MISSED,
            f"{self.position.ended[-1]}{Kind.TASKS_MISSED.value}",
            int(clock.wall()),
            f"the task list of node {self.node} does not reach back to the last reported end:"
            " events may be missing",
            self.node,
        )
        until = self.position.endtime
        return Step(self.node, lambda position: position.rebase(before, until), self._wanted(event))

    def _start(self, upid: Upid, news: News) -> Step:
        """A task has started; one of the first list probably did so before it was to begin."""
        event = self._wanted(task_started(Task(upid)))
        if news.first and (news.since is None or upid.starttime < news.since):
            event = None
        return Step(self.node, lambda position: position.start(upid), event)

    def _end(self, task: Task, created: t.Iterable[int], news: News) -> t.Iterator[Step]:
        """A task has ended, and started before if it was too short to be seen."""
        upid = task.upid
        if str(upid) not in self.position.running:
            yield self._start(upid, news)
        event = task_finished(task, self._clocks.now(self.node), created)
        yield Step(self.node, lambda position: position.end(upid, task.ended), self._wanted(event))

    async def _ended(self, entry: Entry) -> tuple[Task, frozenset[int]]:
        """A task with the end of its log, and the guests that a clone has created."""
        status = entry.status or UNEXPECTED
        task = Task(entry.upid, outcome_of(status), status, entry.endtime)
        if not self._query.accepts_event(task_finished(task, 0)):
            return task, frozenset()
        if task.outcome.succeeded and entry.upid.type in CLONES:
            with contextlib.suppress(PveError):
                return task, await read_targets(self._api, entry.upid)
        return await with_log(self._api, task, self._query.log_lines), frozenset()

    async def _unlisted_ends(self, news: News) -> list[Task]:
        """Tasks that have ended and are in no list any more, for instance after a gap."""
        listed = {str(entry.upid) for entry in news.running}
        self._unlisted = {
            text: self._unlisted.get(text, 0) + 1
            for text in self.position.running
            if text not in listed
        }
        lost = [text for text, rounds in self._unlisted.items() if rounds >= _PATIENCE][:_LOGS]
        tasks = await asyncio.gather(*(self._by_itself(Upid.parse(text)) for text in lost))
        return [task for task in tasks if task is not None]

    async def _by_itself(self, upid: Upid) -> Task | None:
        """A task by its own status, None while it runs or cannot be read."""
        path = ("nodes", upid.node, "tasks", str(upid), "status")
        try:
            values = mapping_of(await self._api.get(path, retries=0), "status")
        except ApiError as error:
            gone = error.cause is Cause.GONE or error.status == 403
            return Task(upid, Outcome.LOST, note=error.reason) if gone else None
        except NoAnswerError:
            return None
        if values.get("status") != "stopped":
            return None
        exitstatus = str(values.get("exitstatus") or UNEXPECTED)
        task = Task(upid, outcome_of(exitstatus), exitstatus)
        return await with_log(self._api, task, self._query.log_lines)

    async def _advances(self, news: News) -> list[Event]:
        """The progress of running tasks, read from their logs, those first that wait longest."""
        if not self._query.wants(Kind.TASK_PROGRESS):
            return []
        wanted = {str(e.upid): e.upid for e in news.running if self._query.accepts(e.upid)}
        self._progress = {text: self._progress.get(text, (-_LONG_AGO, None)) for text in wanted}
        read = sorted(self._progress, key=lambda text: self._progress[text][0])[:_LOGS]
        due = [text for text in read if clock.now() - self._progress[text][0] >= _LEAST_SECONDS]
        logs = await asyncio.gather(*(read_log(self._api, wanted[text], _LINES) for text in due))
        events: list[Event] = []
        for text, log in zip(due, logs):
            task, old = Task(wanted[text], log=log), self._progress[text][1]
            new = old if task.progress is None else task.progress
            self._progress[text] = (clock.now(), new)
            if new is not None and new != old:
                events.append(task_progress(task, self._clocks.now(self.node)))
        return events
