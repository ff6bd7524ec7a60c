# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clones with limits, beside the same by community.proxmox, and beside the ideal."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ansible_collections.upid.proxmox.tests.benchmarks.bench import (
    NODES,
    Bench,
    Cluster,
    Figures,
    cluster,
)
from ansible_collections.upid.proxmox.tests.benchmarks.ideal import makespan

FIRST = 1001
SEED = 4


@dataclass(frozen=True)
class Size:
    """``jobs`` clones, at most ``places`` at a time, each of ``least`` to ``most`` seconds."""

    jobs: int = 40
    places: int = 12
    least: float = 3.0
    most: float = 9.0


FULL = Size()
QUICK = Size(jobs=4, places=2, least=0.3, most=0.6)


def run(bench: Bench, *, quick: bool) -> Figures:
    """The figures of the three ways, on clusters that are alike."""
    size = QUICK if quick else FULL
    dice = random.Random(SEED)
    durations = [round(dice.uniform(size.least, size.most), 2) for _unused in range(size.jobs)]
    ways = {"ours": "clone_ours.yml", "loop": "clone_loop.yml", "async": "clone_async.yml"}
    return {
        "jobs": size.jobs,
        "places": size.places,
        "ideal_s": round(makespan(durations, size.places), 2),
        **{way: _clone(bench, playbook, durations, size) for way, playbook in ways.items()},
    }


def _clone(bench: Bench, playbook: str, durations: list[float], size: Size) -> Figures:
    guests = [
        {"name": f"vm{vmid}", "vmid": vmid, "target_node": NODES[vmid % len(NODES)]}
        for vmid in range(FIRST, FIRST + size.jobs)
    ]
    with cluster() as target:
        _set_durations(target, durations)
        figures = bench.play(target, playbook, guests=guests, places=size.places)
        made = target.guests()
    return {**figures, "guests": made, "failed": size.jobs - made}


def _set_durations(target: Cluster, durations: list[float]) -> None:
    for vmid, seconds in enumerate(durations, start=FIRST):
        fault = {"action": "task", "type": "qmclone", "vmid": vmid, "seconds": seconds}
        target.admin("POST", "faults", fault)
