# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List scheduling: how long jobs take that are started in order as soon as there is a place."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def makespan(durations: Sequence[float], places: int) -> float:
    """Seconds until the last job has ended, ``places`` at a time and with no overhead."""
    ends = [0.0] * places
    for duration in durations:
        heapq.heappush(ends, heapq.heappop(ends) + duration)
    return max(ends)
