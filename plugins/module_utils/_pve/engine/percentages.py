# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads how far running tasks are, from the ends of their logs.

That costs requests which change nothing, so they are few: one at a time, each task at most every
two seconds, and together a small share of all requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import typing as t
from dataclasses import dataclass

from ..api import clock
from ..tasks.log import read_log_after
from ..tasks.task import progress_in

if t.TYPE_CHECKING:
    from ..api.client import Api
    from ..tasks.upid import Upid

# How often the log of a task is read at most, in seconds; more seldom if it names no percentage.
_INTERVAL, _LONGEST = 2.0, 64.0
_STEP = 0.5
# The share of these requests in all others, and how many there may be in addition.
_SHARE, _FREE = 0.07, 2
# How long a log may take, in seconds.
_PATIENCE = 10.0


@dataclass
class _Reading:
    """The reading of one log: ``lines`` were there, ``due`` is when to read on."""

    upid: Upid
    notify: t.Callable[[float], None]
    due: float
    lines: int = 0
    pause: float = _INTERVAL
    percent: float | None = None


class Percentages:
    """Notifies of the percentages of running tasks, as long as there are any."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._readings: list[_Reading] = []
        self._loop: asyncio.Future[None] | None = None
        self._made = 0

    @contextlib.contextmanager
    def of(self, upid: Upid, notify: t.Callable[[float], None]) -> t.Iterator[None]:
        """While this task runs, ``notify`` is called with each new percentage."""
        reading = _Reading(upid, notify, clock.now() + _INTERVAL)
        self._readings.append(reading)
        if self._loop is None:
            self._loop = asyncio.ensure_future(self._read_on())
        try:
            yield
        finally:
            self._readings.remove(reading)
            if not self._readings and self._loop is not None:
                self._loop.cancel()
                self._loop = None

    async def _read_on(self) -> None:
        while True:
            await clock.sleep(_STEP)
            reading = min(self._readings, key=lambda one: one.due)
            if reading.due <= clock.now() and self._may_read():
                await self._read(reading)

    def _may_read(self) -> bool:
        others = int(self._api.usage["requests"]) - self._made
        return self._made < _FREE + _SHARE * others

    async def _read(self, reading: _Reading) -> None:
        self._made += 1
        try:
            texts, reading.lines = await asyncio.wait_for(
                read_log_after(self._api, reading.upid, reading.lines), _PATIENCE
            )
        except Exception:  # noqa: BLE001 - whatever it is, the task goes on and so does its job
            texts = []
        percent = progress_in(texts)
        reading.pause = _INTERVAL if percent is not None else min(2 * reading.pause, _LONGEST)
        reading.due = clock.now() + reading.pause
        if percent is not None and percent != reading.percent and reading in self._readings:
            reading.percent = percent
            reading.notify(percent)
