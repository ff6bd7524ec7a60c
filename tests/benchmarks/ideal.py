# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List scheduling: how long jobs take that are started in order as soon as there is a place."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A step of a chain: how long it takes, and in which lanes it takes a place for so long."""

    seconds: float
    lanes: tuple[str, ...] = ()


def makespan(durations: Sequence[float], places: int) -> float:
    """Seconds until the last job has ended, ``places`` at a time and with no overhead."""
    ends = [0.0] * places
    for duration in durations:
        heapq.heappush(ends, heapq.heappop(ends) + duration)
    return max(ends)


def chained(chains: Sequence[Sequence[Stage]], limits: Mapping[str, int]) -> float:
    """Seconds until the last chain has ended, each stage begun after the one before it.

    A stage begins as soon as each of its lanes has a place, those of earlier chains first. A lane
    without limit has room for all.
    """
    used: Counter[str] = Counter()
    due = {number: 0 for number, chain in enumerate(chains) if chain}  # the stage that waits
    running: list[tuple[float, int, int]] = []  # end, chain, stage
    now = 0.0
    while due or running:
        for number, place in sorted(due.items()):
            stage = chains[number][place]
            if all(used[lane] < limits.get(lane, len(chains)) for lane in stage.lanes):
                used.update(stage.lanes)
                heapq.heappush(running, (now + stage.seconds, number, place))
                del due[number]
        now, number, place = heapq.heappop(running)
        used.subtract(chains[number][place].lanes)
        if place + 1 < len(chains[number]):
            due[number] = place + 1
    return now
