# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The core's Api on a cluster in memory, which a test may interrupt at any call.

``calls`` holds every call with the second at which it was made. What a test puts before an
answer with ``disturb`` replaces it (an exception, an Answer) or delays it (seconds).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)

from .fake_cluster import EPOCH, now
from .fake_server import FakeServer


@dataclass(frozen=True)
class Call:
    """One call as it was made."""

    at: float
    method: str
    path: str
    params: dict[str, Any]


@dataclass
class Disturbance:
    """What happens to calls whose ``METHOD /path`` matches; ``after`` lets them be made first."""

    pattern: re.Pattern[str]
    reply: Any
    count: int | None
    after: bool


@dataclass
class FakeApi(FakeServer):
    """An Api on that server; ``latency`` is how long an answer takes."""

    latency: float = 0.01
    calls: list[Call] = field(default_factory=list)
    disturbances: list[Disturbance] = field(default_factory=list)
    _called: asyncio.Event = field(default_factory=asyncio.Event)

    # The Api.

    async def get(
        self,
        path: tuple[str | int, ...],
        params: Mapping[str, Any] | None = None,
        *,
        retries: int | None = None,
    ) -> Answer:
        """Read; tried again as often as it is said, 5 times without a word."""
        for _unused in range(5 if retries is None else retries):
            try:
                return await self._call("GET", path, params)
            except NoAnswerError:
                await asyncio.sleep(0.5)
        return await self._call("GET", path, params)

    async def post(
        self, path: tuple[str | int, ...], params: Mapping[str, Any] | None = None
    ) -> Answer:
        return await self._call("POST", path, params)

    async def put(
        self, path: tuple[str | int, ...], params: Mapping[str, Any] | None = None
    ) -> Answer:
        return await self._call("PUT", path, params)

    async def delete(
        self, path: tuple[str | int, ...], params: Mapping[str, Any] | None = None
    ) -> Answer:
        return await self._call("DELETE", path, params)

    def server_time(self) -> float:
        """Known to the second, as from a Date header."""
        return float(EPOCH + int(now()))

    @property
    def usage(self) -> dict[str, Any]:
        return {"requests": len(self.calls), "host": "pve1:8006"}

    # What tests use.

    def disturb(
        self, pattern: str, reply: Any, *, count: int | None = 1, after: bool = False
    ) -> None:
        """Replace the next ``count`` answers to ``METHOD /path`` that match, all with None.

        ``reply`` is an exception, an Answer, a number of seconds to wait, or an asyncio.Event to
        wait for; the last two let the call go on.
        """
        self.disturbances.append(Disturbance(re.compile(pattern), reply, count, after))

    def made(self, pattern: str) -> list[Call]:
        """The calls so far whose ``METHOD /path`` matches."""
        return [call for call in self.calls if re.search(pattern, f"{call.method} {call.path}")]

    async def until_made(self, pattern: str, count: int) -> None:
        """Wait until so many calls that match have been made."""
        while len(self.made(pattern)) < count:
            self._called.clear()
            await self._called.wait()

    # The server.

    async def _call(
        self, method: str, path: tuple[str | int, ...], params: Mapping[str, Any] | None
    ) -> Answer:
        given = {name: value for name, value in (params or {}).items() if value is not None}
        text = "/" + "/".join(map(str, path))
        self.calls.append(Call(now(), method, text, given))
        self._called.set()
        await asyncio.sleep(self.latency)
        replaced = await self._disturbed(f"{method} {text}", after=False)
        if replaced:
            return replaced
        self._reach(f"{method} {text}", path)
        self.cluster.settle()
        answer = self.route(method, path, given)
        return await self._disturbed(f"{method} {text}", after=True) or answer

    async def _disturbed(self, label: str, *, after: bool) -> Answer | None:
        for one in self.disturbances:
            if one.after is not after or one.count == 0 or not one.pattern.search(label):
                continue
            one.count = None if one.count is None else one.count - 1
            if isinstance(one.reply, asyncio.Event):
                await one.reply.wait()
            elif isinstance(one.reply, (int, float)):
                await asyncio.sleep(one.reply)
            elif isinstance(one.reply, Answer):
                return one.reply
            else:
                raise one.reply
        return None

    def _reach(self, tried: str, path: tuple[str | int, ...]) -> None:
        if path[0] != "nodes" or len(path) < 2:
            return
        if path[1] in self.cluster.down:
            raise NoAnswerError(tried, "595 No route to host", sent=False)
        if path[1] not in self.cluster.nodes:
            raise ApiError(tried, 500, f"hostname lookup '{path[1]}' failed")
