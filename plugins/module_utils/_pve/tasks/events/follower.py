# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows the tasks of all nodes, and the connection to them."""

from __future__ import annotations

import asyncio
import typing as t

from ...api import clock
from ...api.answers import read_mapping
from ...api.errors import ApiError, NoAnswerError, PveError, UsageError
from ..clocks import NodeClocks
from ..history import all_nodes
from .event import Event, Kind
from .node import NodeFollower, Step
from .position import Position

if t.TYPE_CHECKING:
    from ...api.client import Api
    from .query import EventQuery

# How many steps wait for whoever takes them, at most: then the polls wait, too.
_WAITING = 100
# How often a poll fails before that is reported.
_FAILURES = 2
_LONGEST = 30.0
_REFUSED = (401, 403)
# How often the list of nodes is read, in seconds.
_NODES_EVERY = 60.0


class Follower:
    """Follows the tasks of a cluster.

    ``positions`` are how far the steps that ``acknowledge`` has got have come, by node. The steps
    of a node come in order. Each node is polled on its own, so one that is silent delays no other.
    """

    def __init__(self, api: Api, query: EventQuery, positions: t.Mapping[str, Position]) -> None:
        self._api = api
        self._query = query
        self.positions = {node: position.copy() for node, position in positions.items()}
        self._clocks = NodeClocks(api)
        self._waiting: asyncio.Queue[Step | Exception] = asyncio.Queue(_WAITING)
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._supervisor: asyncio.Task[None] | None = None
        self._contact = _Contact(api, query, self._emit)

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be taken."""
        return self._waiting.empty()

    def start(self) -> None:
        """Begin to poll."""
        self._supervisor = asyncio.ensure_future(self._guarded(self._supervise()))

    async def next(self) -> Step:
        """What happens next; raises what keeps it from going on."""
        step = await self._waiting.get()
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        """Stop polling."""
        for task in (self._supervisor, *self._polls.values()):
            if task is not None:
                task.cancel()
        self._contact.close()

    def acknowledge(self, step: Step) -> None:
        """This step was handed over."""
        if step.node:
            step.change(self.positions.setdefault(step.node, Position()))

    async def _emit(self, event: Event) -> None:
        if self._query.accepts_event(event):
            await self._waiting.put(Step("", lambda _position: None, event))

    async def _guarded(self, work: t.Awaitable[None]) -> None:
        """An error ends everything, it does not end a part of it unseen."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - raised again where the steps are taken
            await self._waiting.put(error)

    async def _supervise(self) -> None:
        began = clock.now()
        nodes = await self._first_nodes()
        late = clock.now() - began > self._query.interval
        await self._report_rights(nodes)
        for node in nodes:
            self._follow(node, began=began if late else None)
        listed = clock.now()
        while not self._query.nodes:
            await clock.sleep(_NODES_EVERY)
            try:
                nodes = await all_nodes(self._api, retries=0)
            except PveError:
                continue
            for node in nodes:
                self._follow(node, began=listed)
            listed = clock.now()
            for node in set(self._polls) - set(nodes):
                self._polls.pop(node).cancel()

    def _follow(self, node: str, *, began: float | None) -> None:
        if node in self._polls:
            return
        position = self.positions.get(node, Position()).copy()
        one = NodeFollower(self._api, self._clocks, node, self._query, position)
        one.began = began
        self._polls[node] = asyncio.ensure_future(self._guarded(self._poll(one)))

    async def _first_nodes(self) -> list[str]:
        """The nodes, as soon as the API answers; wrong credentials are final."""
        nodes: list[str] = []
        failures = 0
        while not nodes:
            try:
                nodes = await all_nodes(self._api, retries=0)
            except (ApiError, NoAnswerError) as error:
                if isinstance(error, ApiError) and error.status in _REFUSED:
                    raise
                failures += 1
                if failures >= _FAILURES:
                    await self._contact.lost(error)
            if not nodes:
                await clock.sleep(clock.backoff(failures, most=_LONGEST))
        await self._contact.regained()
        unknown = [node for node in self._query.nodes if node not in nodes]
        if unknown:
            raise UsageError(f"nodes: there is no node {unknown[0]!r} in the cluster")
        return list(self._query.nodes or nodes)

    async def _report_rights(self, nodes: t.Sequence[str]) -> None:
        """Without Sys.Audit on a node only the caller's own tasks are listed."""
        if self._api.authid == "root@pam" or not self._query.wants(Kind.TASKS_HIDDEN):
            return
        seen = await asyncio.gather(*(self._sees_all(node) for node in nodes))
        hidden = [node for node, all_ in zip(nodes, seen) if not all_]
        if hidden:
            await self._emit(
                Event(
                    Kind.TASKS_HIDDEN,
                    f"tasks_hidden:{','.join(hidden)}",
                    int(clock.wall()),
                    f"{self._api.authid} sees no tasks of other users on {', '.join(hidden)}:"
                    " grant it Sys.Audit on /nodes",
                )
            )

    async def _sees_all(self, node: str) -> bool:
        path = f"/nodes/{node}"
        try:
            rights = await read_mapping(
                self._api, ("access", "permissions"), {"path": path}, retries=1
            )
        except PveError:
            return True
        return "Sys.Audit" in (rights.get(path) or ())

    async def _poll(self, node: NodeFollower) -> None:
        """Poll a node for ever."""
        failures, since = 0, 0
        while True:
            await self._contact.made()
            started = clock.now()
            try:
                news = await node.read()
            except PveError as error:
                failures, since = failures + 1, since or int(clock.wall())
                node.began = started if node.began is None else node.began
                if await self._contact.holds(error) and failures >= _FAILURES:
                    await self._pass_on(node.lost(since, str(error)))
                await clock.sleep(clock.backoff(failures, most=_LONGEST))
                continue
            failures, since = 0, 0
            await self._pass_on(node.regained())
            await node.report(news, self._pass_on)
            await clock.sleep(self._query.interval - (clock.now() - started))

    async def _pass_on(self, step: Step | None) -> None:
        if step is not None:
            await self._waiting.put(step)


class _Contact:
    """Whether the API answers at all, whatever its nodes do."""

    def __init__(
        self, api: Api, query: EventQuery, emit: t.Callable[[Event], t.Awaitable[None]]
    ) -> None:
        self._api = api
        self._emit = emit
        self._interval = query.interval
        self._since: int | None = None
        self._back = asyncio.Event()
        self._back.set()
        self._asked: asyncio.Future[PveError | None] | None = None
        self._probing: asyncio.Future[None] | None = None

    async def made(self) -> None:
        """Wait until the API answers."""
        await self._back.wait()

    async def holds(self, error: PveError) -> bool:
        """Whether the API answers although a node failed with this error; asked once for all."""
        if not self._back.is_set():
            return False
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future(self._ask())
        failed = await asyncio.shield(self._asked)
        if failed is None:
            return True
        await self.lost(error)
        if self._probing is None or self._probing.done():
            self._probing = asyncio.ensure_future(self._probe())
        return False

    async def lost(self, error: PveError) -> None:
        """The API does not answer."""
        if self._since is not None:
            return
        self._since = int(clock.wall())
        self._back.clear()
        message = f"the API cannot be reached: {error}"
        await self._emit(Event(Kind.API_LOST, f"api_lost:{self._since}", self._since, message))

    async def regained(self) -> None:
        """The API answers."""
        since, self._since = self._since, None
        self._back.set()
        if since is None:
            return
        now = int(clock.wall())
        host = self._api.usage["host"]
        await self._emit(
            Event(
                Kind.API_REGAINED,
                f"api_regained:{since}",
                now,
                f"the API answers again at {host}",
                lost_for=max(0, now - since),
            )
        )

    def close(self) -> None:
        """Stop asking."""
        for work in (self._asked, self._probing):
            if work is not None:
                work.cancel()

    async def _ask(self) -> PveError | None:
        """Why the API does not answer, twice in a row."""
        failed: PveError | None = None
        for attempt in range(1, _FAILURES + 1):
            try:
                await self._api.get(("version",), retries=0)
            except PveError as error:
                failed = error
            else:
                return None
            if attempt < _FAILURES:
                await clock.sleep(clock.backoff(attempt))
        return failed

    async def _probe(self) -> None:
        attempt = 1
        while await self._ask() is not None:
            await clock.sleep(clock.backoff(attempt, most=_LONGEST))
            attempt += 1
        await self.regained()
