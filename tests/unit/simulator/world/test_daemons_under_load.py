# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many calls at once that each wait ten seconds for a lock, as measured on a real node."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from pvesim.answer import HttpError
from pvesim.calls import CallError
from pvesim.daemons import Daemons

LOCK = 10.0
CALLS = 24


class Load:
    """What became of the calls, and how many were carried out."""

    def __init__(self, cell: Any) -> None:
        self.clock = cell.clock
        self.daemons = Daemons(cell.world)
        self.begun = self.clock.now()
        self.ran = 0
        self.ends: Counter[tuple[int, int]] = Counter()

    async def call(self) -> None:
        """A call, with its status and the seconds after which it was answered."""
        status = 200
        try:
            await self.daemons.run("pve1", "pve1", self._wait_for_a_lock(), forwarded=True)
        except CallError as exc:
            status = exc.status
        except HttpError as exc:
            status = exc.answer.status
        self.ends[status, round(self.clock.now() - self.begun)] += 1

    async def _wait_for_a_lock(self) -> None:
        async with self.daemons["pve1"].worker(protected=True, writes=True):
            self.ran += 1
            await self.clock.sleep(LOCK)
        raise CallError(500, "got timeout")


async def test_many_calls_are_answered_after_more_than_30_seconds(cell: Any) -> None:
    load = Load(cell)
    await asyncio.gather(*(load.call() for _unused in range(CALLS)))
    refused = {seconds: n for (status, seconds), n in load.ends.items() if status == 500}
    lost = {seconds: n for (status, seconds), n in load.ends.items() if status == 596}
    assert refused == {10: 3, 20: 3, 30: 3, 40: 3, 50: 3, 60: 3}
    assert lost == {30: 3, 60: 3}
    assert sum(refused.values()) <= load.ran < CALLS


@pytest.mark.parametrize("calls", [3, 9])
async def test_a_resumed_daemon_carries_out_waiting_calls(cell: Any, calls: int) -> None:
    cell.world.nodes["pve1"].pvedaemon = "blocked"
    load = Load(cell)
    await asyncio.gather(*(load.call() for _unused in range(calls)))
    assert load.ends == {(596, 30): calls}
    cell.world.nodes["pve1"].pvedaemon = "up"
    await load.daemons["pve1"].changed()
    await cell.settle(60)
    assert load.ran == calls
