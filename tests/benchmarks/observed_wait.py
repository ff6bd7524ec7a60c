# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``wait_task`` with one more option, and with notes on what it saw and when.

``separately`` waits for each task by a wait of its own. The result gets ``observed``:
``ends``, when each task was first seen to have ended (epoch seconds, by UPID);
``requests_per_round``, the requests for one round over all nodes, while every task ran;
``cpu_s`` and ``seconds`` of the waiting alone, without the start of the process.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import (
    Answer,
    Params,
    Segments,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.client import Api
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands import wait_task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import (
    Context,
    Report,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.edge.arguments import WAIT_SPEC
from ansible_collections.upid.proxmox.plugins.module_utils._pve.edge.module import run
from ansible_collections.upid.proxmox.plugins.modules.wait_task import ARGUMENT_SPEC


class Observer:
    """An Api that notes which answers tell the end of one of these tasks."""

    def __init__(self, api: Api, upids: Iterable[str]) -> None:
        self._api = api
        self._upids = frozenset(upids)
        self._rounds: Counter[str] = Counter()
        self._requests = 0
        self._all_run = True
        self.ends: dict[str, float] = {}

    @property
    def requests_per_round(self) -> float:
        """The requests for one round over all nodes, while every task ran."""
        return self._requests * len(self._rounds) / sum(self._rounds.values())

    async def get(
        self, path: Segments, params: Params | None = None, *, retries: int | None = None
    ) -> Answer:
        """Read, and look at the answer."""
        active = (params or {}).get("source") == "active"
        if self._all_run and path[-1] != "time":  # the clock of a node is read once
            self._requests += 1
            self._rounds[str(path[1])] += active
        answer = await self._api.get(path, params, retries=retries)
        if path[-1] == "tasks":
            for upid in self._upids & {row["upid"] for row in answer.data if "endtime" in row}:
                self.ends.setdefault(upid, time.time())
        if active:
            here = {upid for upid in self._upids if upid.split(":", 2)[1] == path[1]}
            self._all_run &= here <= {row["upid"] for row in answer.data if "endtime" not in row}
        return answer

    async def post(self, path: Segments, params: Params | None = None) -> Answer:
        """Start or create."""
        return await self._api.post(path, params)

    async def put(self, path: Segments, params: Params | None = None) -> Answer:
        """Change."""
        return await self._api.put(path, params)

    async def delete(self, path: Segments, params: Params | None = None) -> Answer:
        """Remove or stop."""
        return await self._api.delete(path, params)

    def server_time(self) -> float:
        """The server's clock."""
        return self._api.server_time()

    @property
    def authid(self) -> str:
        """Who calls."""
        return self._api.authid

    @property
    def usage(self) -> dict[str, Any]:
        """Requests and host."""
        return self._api.usage


async def observe(context: Context) -> Report:
    """Wait as the module does, and add what was observed."""
    params = context.params
    groups = [[upid] for upid in params["upids"]] if params["separately"] else [params["upids"]]
    began, used = time.monotonic(), time.process_time()
    watched = await asyncio.gather(*(_wait(context, group) for group in groups))
    observed: Mapping[str, Any] = {
        "ends": {
            upid: observer.ends.get(upid)
            for group, (observer, _report) in zip(groups, watched, strict=True)
            for upid in group
        },
        "requests_per_round": watched[0][0].requests_per_round,
        "seconds": time.monotonic() - began,
        "cpu_s": time.process_time() - used,
    }
    report = watched[0][1]
    return replace(report, values={**report.values, "observed": observed})


async def _wait(context: Context, upids: list[str]) -> tuple[Observer, Report]:
    observer = Observer(context.api, upids)
    mine = replace(context, api=observer, params={**context.params, "upids": upids})
    return observer, await wait_task.run(mine)


if __name__ == "__main__":
    run(observe, {**WAIT_SPEC, **ARGUMENT_SPEC, "separately": {"type": "bool", "default": False}})
