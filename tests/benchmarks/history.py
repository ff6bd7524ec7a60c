# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest tasks of three nodes whose archives are full."""

from __future__ import annotations

from ansible_collections.upid.proxmox.tests.benchmarks.bench import Bench, Figures, cluster

FULL = 650
QUICK = 50


def run(bench: Bench, *, quick: bool) -> Figures:
    """The figures of a play with the lookup, and of one with ``proxmox_tasks_info`` per node."""
    with cluster(past=QUICK if quick else FULL) as target:
        return {
            "ours": bench.play(target, "history_ours.yml"),
            "loop": bench.play(target, "history_loop.yml"),
        }
