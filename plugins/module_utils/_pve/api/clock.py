# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time. The event loop is the clock, so a test brings a loop whose time it controls."""

from __future__ import annotations

import asyncio
import random
import time
import typing as t


def now() -> float:
    """Seconds of a monotonic clock."""
    return asyncio.get_running_loop().time()


def wall() -> float:
    """Seconds since the epoch by this machine's clock, which goes on while the machine sleeps."""
    return time.time()


class Moment(t.NamedTuple):
    """A moment by both clocks: the monotonic one stands still while the machine sleeps."""

    now: float
    wall: float

    @property
    def slept(self) -> float:
        """How many seconds the machine has slept since then, or its clock was set ahead."""
        return (wall() - self.wall) - (now() - self.now)


def moment() -> Moment:
    """This moment."""
    return Moment(now(), wall())


async def sleep(seconds: float) -> None:
    """Let others run for this long; the only sleep of this package."""
    await asyncio.sleep(max(0.0, seconds))


def backoff(attempt: int, first: float = 0.5, most: float = 8.0) -> float:
    """How long to wait before attempt number ``attempt`` (1, 2, ...) is repeated.

    It doubles from ``first`` to ``most`` and gets a jitter of a half, so that requests that failed
    together are not retried together.
    """
    longest = min(most, first * 2.0 ** min(attempt - 1, 30))
    return longest * random.uniform(0.5, 1.0)
