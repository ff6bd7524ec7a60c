# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clocks of the nodes.

The ``Date`` of a response is by the clock of the host that sent it, the start of a task by that of
the node that runs it, and this machine has a third one. They differ, so an age is only right by the
clock of the node that runs the task.
"""

from __future__ import annotations

import asyncio
import typing as t

from ..api import clock
from ..api.answers import count_of, mapping_of
from ..api.errors import ApiError, NoAnswerError

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .upid import Upid

# The maximum of the eight hexadecimal digits in a UPID.
_LATEST = 0xFFFFFFFF


class NodeClocks:
    """The time on each node.

    A clock is known from the node itself (``learn``) or from a task that has just started
    (``note``). Until then the clock of the responding host is used. Known clocks do not depend on
    the responding host or on this machine's clock.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        # The epoch of each node's clock minus our monotonic clock.
        self._ahead: dict[str, float] = {}
        self._asked: dict[str, asyncio.Future[None]] = {}

    def now(self, node: str) -> float:
        """Seconds since the epoch by the clock of a node, as far as known."""
        ahead = self._ahead.get(node)
        return self._api.server_time() if ahead is None else clock.now() + ahead

    def age(self, upid: Upid) -> float:
        """How many seconds ago a task started."""
        return max(0.0, self.now(upid.node) - upid.starttime)

    def note(self, upid: Upid) -> None:
        """A task has just started: its start is the current time of its node."""
        if upid.node not in self._ahead:
            self._ahead[upid.node] = upid.starttime - clock.now()

    async def learn(self, node: str) -> None:
        """Read the time of a node, once; if that fails, nothing changes.

        It needs Sys.Audit on ``/nodes/{node}``.
        """
        if node in self._ahead:
            return
        if node not in self._asked:
            self._asked[node] = asyncio.ensure_future(self._ask(node))
        await asyncio.shield(self._asked[node])

    async def _ask(self, node: str) -> None:
        path = ("nodes", node, "time")
        try:
            answer = await self._api.get(path, retries=0)
            seconds = count_of(mapping_of(answer, f"GET /nodes/{node}/time").get("time"))
        except (ApiError, NoAnswerError):
            return
        if seconds is not None and 0 <= seconds <= _LATEST:
            self._ahead[node] = seconds - clock.now()
