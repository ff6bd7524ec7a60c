# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One round of the watcher: the task lists of a node, and the status of single tasks.

A task that is missing from the list of running tasks has not necessarily ended: only the archive or
the task's own status proves that.
"""

from __future__ import annotations

import asyncio
import traceback
import typing as t

from ..api import clock
from ..api.answers import malformed, mapping_of
from ..api.errors import ApiError, Cause, PveError
from .listing import list_tasks
from .task import UNEXPECTED, Outcome, Task, outcome_of

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .clocks import NodeClocks
    from .listing import Entry
    from .pace import Pace
    from .upid import Upid
    from .watched import Watch, WatchedNode

# How long after the last response the status of a task that no list shows is read.
_POLL_ONE_AFTER = 10.0
# How many tasks of a node are read side by side.
_SIDE_BY_SIDE = 8


class Rounds:
    """Polls a node; ``count`` counts the list calls of running tasks."""

    def __init__(self, api: Api, pace: Pace, clocks: NodeClocks) -> None:
        self._api = api
        self._pace = pace
        self._clocks = clocks
        self.count = 0

    async def poll(self, node: WatchedNode) -> None:
        """Settle ended tasks; raises what the lists raise.

        If a round is cancelled, the tasks read until then are settled.
        """
        missing = await self._read_lists(node)
        now = clock.now()
        node.heard(now)
        await self._ask_all([w for w in missing if w.open and now - w.asked >= _POLL_ONE_AFTER])
        await self._learn_ages(node)

    async def _read_lists(self, node: WatchedNode) -> list[Watch]:
        """Read the lists of a node; return the watches whose tasks are not listed as running."""
        watches = {watch.upid: watch for watch in node.watches if watch.open}
        missing = dict(watches)
        for watch in watches.values():
            watch.seen = True
        # With a single poll, there is no later round to make up for a lost response.
        retries = 1 if any(watch.once for watch in watches.values()) else 0
        if not all(watch.unlisted for watch in watches.values()):
            self.count += 1
            for entry in await self._list(node, {"source": "active"}, retries):
                if entry.upid in missing:
                    watch = missing.pop(entry.upid)
                    watch.unlisted, watch.silent_since = False, None
                    self._settle(watch, entry)
        if missing:
            since = min(upid.starttime for upid in missing)
            archive = {"source": "archive", "since": since}
            for entry in await self._list(node, archive, retries):
                if entry.upid in missing:
                    self._settle(missing[entry.upid], entry)
        return list(missing.values())

    async def _list(
        self, node: WatchedNode, filters: t.Mapping[str, t.Any], retries: int
    ) -> list[Entry]:
        return await list_tasks(self._api, node.name, filters, retries=retries, lenient=True)

    async def _ask_all(self, watches: t.Sequence[Watch]) -> None:
        """Read tasks by their UPIDs, side by side; none of them delays or ends another."""
        if not watches:
            return
        side_by_side = asyncio.Semaphore(_SIDE_BY_SIDE)

        async def ask(watch: Watch) -> None:
            async with side_by_side:
                await self._ask(watch)

        for watch in watches:
            self._fell_silent(watch, "no answer in time")
        await asyncio.gather(*(ask(watch) for watch in watches))

    async def _ask(self, watch: Watch) -> None:
        """Read one task; a missing privilege or a lost log ends the watch."""
        watch.asked = clock.now()
        try:
            running, exitstatus = await self._status(watch.upid)
        except ApiError as error:
            self._refused(watch, error)
        except PveError as error:
            self._fell_silent(watch, error)
        except Exception:  # noqa: BLE001 - it must not end the watches beside it
            watch.lose(f"an error in this collection:\n{traceback.format_exc()}")
        else:
            watch.silent_since = None
            watch.unlisted = running
            if not running:
                self._end(watch, exitstatus, None)

    async def _status(self, upid: Upid) -> tuple[bool, str]:
        """Whether a task runs, and its exit status if not."""
        tried = f"GET /nodes/{upid.node}/tasks/{upid}/status"
        answer = await self._api.get(("nodes", upid.node, "tasks", str(upid), "status"), retries=0)
        values = mapping_of(answer, tried)
        status, exitstatus = values.get("status"), values.get("exitstatus")
        if (
            status not in ("running", "stopped")
            or values.get("upid", str(upid)) != str(upid)
            or not isinstance(exitstatus, (str, type(None)))
        ):
            raise malformed(tried, dict(values))
        return status == "running", exitstatus or UNEXPECTED

    def _refused(self, watch: Watch, error: ApiError) -> None:
        if error.cause is Cause.GONE:
            watch.lose(f"node {watch.upid.node} has no such task ({error.reason})")
        elif error.status in (400, 403):
            watch.lose(str(error))
        else:
            self._fell_silent(watch, error)

    @staticmethod
    def _fell_silent(watch: Watch, error: object) -> None:
        if watch.silent_since is None:
            watch.silent_since = clock.now()
        watch.error = str(error)

    async def _learn_ages(self, node: WatchedNode) -> None:
        """Determine the age of tasks that were not started here, by the clock of their node."""
        unknown = [w for w in node.watches if w.open and self._pace.needs_age(w)]
        if unknown:
            await self._clocks.learn(node.name)
        for watch in unknown:
            watch.born = clock.now() - self._clocks.age(watch.upid)

    def _settle(self, watch: Watch, entry: Entry) -> None:
        if entry.status is not None:
            self._end(watch, entry.status, entry.endtime)

    def _end(self, watch: Watch, exitstatus: str, endtime: int | None) -> None:
        outcome = outcome_of(exitstatus)
        if outcome in (Outcome.OK, Outcome.WARNINGS):
            if watch.born is not None:
                self._pace.learn(watch.upid.type, clock.now() - watch.born)
            elif endtime is not None:
                self._pace.learn(watch.upid.type, max(0, endtime - watch.upid.starttime))
        watch.resolve(Task(watch.upid, outcome, exitstatus, endtime))
