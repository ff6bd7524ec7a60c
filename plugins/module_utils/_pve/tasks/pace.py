# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How often to poll: the end of short tasks is noticed at once, and long ones cost little."""

from __future__ import annotations

import typing as t

from ..api import clock

if t.TYPE_CHECKING:
    from .watched import Watch

SHORTEST, LONGEST, SHARE = 0.2, 2.0, 0.03
_LEAST, _MOST = 0.1, 3600.0


class Pace:
    """The seconds between two rounds, fixed or adapted to durations of tasks of the same type."""

    def __init__(self, interval: float | None) -> None:
        self.fixed = None if interval is None else min(_MOST, max(_LEAST, interval))
        self._shortest: dict[str, float] = {}

    def learn(self, task_type: str, seconds: float) -> None:
        """A task of this type succeeded after this duration.

        Failed tasks say nothing about how long the work takes.
        """
        known = self._shortest.get(task_type)
        self._shortest[task_type] = seconds if known is None else min(known, seconds)

    def needs_age(self, watch: Watch) -> bool:
        """Whether the age of this task matters and is unknown."""
        return self.fixed is None and watch.born is None and watch.upid.type not in self._shortest

    def seconds(self, watches: t.Sequence[Watch]) -> float:
        """How long to wait until the next round for these watches."""
        if self.fixed is not None:
            return self.fixed
        now = clock.now()
        ages = {id(watch): 0.0 if watch.born is None else now - watch.born for watch in watches}
        typical = min(self._shortest.get(watch.upid.type, ages[id(watch)]) for watch in watches)
        return min(LONGEST, max(SHORTEST, SHARE * typical))
