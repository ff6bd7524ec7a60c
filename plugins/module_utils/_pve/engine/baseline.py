# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks a node had before a call was sent, so that none of them is taken for its task.

Clocks cannot decide that: the host that answers and the node that runs the task have their own
clocks, and start times are whole seconds. But a task that exists before the call cannot have been
started by it.
"""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass

from ..api import clock
from ..tasks.listing import list_tasks

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..tasks.upid import Upid

# The newest tasks are remembered by name; older ones are recognised by their start.
_NEWEST = 200
# A baseline that is older than this, in seconds, is read again before the next call.
_FRESH = 30.0


@dataclass(frozen=True)
class Baseline:
    """The tasks of a node at one moment.

    ``tasks`` are all running ones and those that ended last. Tasks that began before ``horizon``
    (epoch seconds of the node's own clock) existed, too, even if they are not among them.
    """

    tasks: frozenset[Upid] = frozenset()
    horizon: int = 0

    def may_follow(self, upid: Upid) -> bool:
        """Whether a task can have been started after the moment of the baseline."""
        return upid not in self.tasks and upid.starttime >= self.horizon


class Baselines:
    """Reads the baseline of a node when it is needed, with one request for simultaneous calls."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._read: dict[str, tuple[float, asyncio.Future[Baseline]]] = {}

    async def of(self, node: str) -> Baseline:
        """The baseline of a node for a call that is sent now; raises what the list call raises."""
        at, reading = self._read.get(node, (float("-inf"), None))
        failed = reading is not None and reading.done() and reading.exception() is not None
        if reading is None or failed or clock.now() - at > _FRESH:
            reading = asyncio.ensure_future(_read(self._api, node))
            self._read[node] = (clock.now(), reading)
        return await asyncio.shield(reading)


async def _read(api: Api, node: str) -> Baseline:
    """One page of the list: first what runs, then what ended, the newest end first."""
    entries = await list_tasks(api, node, {"source": "all"}, most=_NEWEST, retries=None)
    if len(entries) >= _NEWEST and entries[-1].endtime is None:  # so many run at once
        entries += await list_tasks(api, node, {"source": "archive"}, most=_NEWEST, retries=None)
    tasks = frozenset(entry.upid for entry in entries)
    ends = [entry.endtime for entry in entries if entry.endtime is not None]
    return Baseline(tasks, min(ends) if ends and len(entries) >= _NEWEST else 0)
