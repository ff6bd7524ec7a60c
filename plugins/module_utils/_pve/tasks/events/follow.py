# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hands the events of a cluster over, and remembers how far."""

from __future__ import annotations

import typing as t

from .follower import Follower

if t.TYPE_CHECKING:
    from ...api.client import Api
    from .cursor import CursorFile
    from .query import EventQuery

# How many steps there are at most between two writes of the cursor.
_STEPS = 100


async def follow(
    api: Api,
    query: EventQuery,
    hand_over: t.Callable[[dict[str, t.Any]], t.Awaitable[None]],
    settled: t.Callable[[], t.Awaitable[None]],
    cursor: CursorFile | None = None,
) -> None:
    """Hand over each event as a dictionary, until cancelled.

    ``hand_over`` may take its time: nothing more is read then than what fits a small queue.
    ``settled`` returns when everything that was handed over is safe; only then does the cursor move
    on. So after a crash events may come again, with the same ids, but none is left out.

    Raises UsageError, and what the API says if it refuses the credentials at the start.
    """
    follower = Follower(api, query, cursor.load() if cursor else {})
    follower.start()
    unsaved = 0
    try:
        while True:
            step = await follower.next()
            if step.event is not None:
                await hand_over(step.event.as_result())
            follower.acknowledge(step)
            unsaved += 1
            if cursor and (follower.idle or unsaved >= _STEPS):
                await settled()
                cursor.save(follower.positions)
                unsaved = 0
    finally:
        follower.close()
