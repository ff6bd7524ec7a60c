# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clocks of the nodes.

The ``Date`` of an answer is the clock of the host that was asked, the start of a task that of the
node that runs it, and this machine has a third one. They differ, so an age is only right by the
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

# What fits into the eight hexadecimal digits that a UPID has for it.
_LATEST = 0xFFFFFFFF


class NodeClocks:
    """What time it is on each node.

    A clock is known from the node's own word (``learn``) or from a task that has started in this
    moment (``note``). Until then the answering host's clock has to do. What is known does not
    depend on which host answers, nor on this machine's clock.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        # The epoch of each node's clock minus our own, which never jumps.
        self._ahead: dict[str, float] = {}
        self._asked: dict[str, asyncio.Future[None]] = {}

    def now(self, node: str) -> float:
        """Seconds since the epoch by the clock of a node, as well as it is known."""
        ahead = self._ahead.get(node)
        return self._api.server_time() if ahead is None else clock.now() + ahead

    def age(self, upid: Upid) -> float:
        """How many seconds ago a task started."""
        return max(0.0, self.now(upid.node) - upid.starttime)

    def note(self, upid: Upid) -> None:
        """A task started in this moment: its start is what the clock of its node shows."""
        if upid.node not in self._ahead:
            self._ahead[upid.node] = upid.starttime - clock.now()

    async def learn(self, node: str) -> None:
        """Ask a node for its time, once; one that does not say leaves it as it was.

        That needs Sys.Audit on ``/nodes/{node}``.
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
