# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is new in the task list of a node since a position."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..listing import list_until
from .position import KEPT

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ..listing import Entry
    from .position import Position

# A page is this much larger than what is expected to be new.
_MARGIN = 25


@dataclass
class News:
    """What a list says.

    ``running`` are the tasks that run, the oldest first. ``ended`` are those that have ended since
    the position, in the order of the archive, the oldest first. ``before`` are the newest ones
    that had ended before. ``gap`` says that the archive does not reach back to the position.
    ``first`` says that nothing of the node was read before, and ``since`` where it was to begin
    then, by the clock of the node, None for this moment.
    """

    running: list[Entry] = field(default_factory=list)
    ended: list[Entry] = field(default_factory=list)
    before: list[Entry] = field(default_factory=list)
    gap: bool = False
    first: bool = False
    since: float | None = None


async def read_news(
    api: Api, node: str, position: Position, *, since: float | None, expected: int
) -> News:
    """Read the list of a node, as much of it as is new.

    From a position that has not begun, everything counts as new that ended at ``since`` or later,
    and nothing without it. ``expected`` is about how many entries are new.

    One request is enough for running and ended tasks: the source ``all`` has the running ones
    first, and then the archive, where the last noticed end comes first. It is read up to an entry
    that was reported before, whatever the clocks said when it ended: the filters of the call
    compare starts, so a long task would not be found by them.
    """
    walk = _Walk(position, since)
    await list_until(api, node, {"source": "all"}, expected + _MARGIN, walk.take)
    return walk.news()


class _Walk:
    """Sorts the entries of a list, which come the newest first."""

    def __init__(self, position: Position, since: float | None) -> None:
        self._position = position
        self._known = frozenset(position.ended)
        self._since = since
        self._running: dict[str, Entry] = {}
        self._ended: dict[str, Entry] = {}
        self._before: dict[str, Entry] = {}

    def take(self, page: list[Entry]) -> bool:
        """Take the next page; whether it reaches what is known."""
        for entry in page:
            self._take(entry)
        return bool(self._before)

    def _take(self, entry: Entry) -> None:
        """The next entry; one may come twice, at the end of a page and on the next one."""
        upid = str(entry.upid)
        if not entry.archived:
            # One whose end is known already is not in the archive yet, but will be in a moment.
            self._running[upid] = entry
        elif self._before or self._is_old(upid, entry):
            self._before[upid] = entry
        else:
            self._ended[upid] = entry

    def news(self) -> News:
        """All of it."""
        ended, before = list(self._ended.values()), list(self._before.values())
        gap = bool(self._known and not before)
        if gap:
            before = [one for one in ended if (one.endtime or 0) < self._position.endtime]
            ended = [one for one in ended if (one.endtime or 0) >= self._position.endtime]
        return News(
            sorted(
                (entry for upid, entry in self._running.items() if upid not in self._ended),
                key=lambda entry: (entry.upid.starttime, entry.upid.pstart),
            ),
            ended[::-1],
            before[:KEPT][::-1],
            gap,
            not self._position.begun,
            self._since,
        )

    def _is_old(self, upid: str, entry: Entry) -> bool:
        if self._position.begun:
            return upid in self._known
        return self._since is None or (entry.endtime or 0) < self._since
