# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A single call from the command line."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.upid.proxmox.tests.benchmarks.bench import Bench, Figures, cluster

FULL = 5
QUICK = 1


def run(bench: Bench, *, quick: bool) -> Figures:
    """The middle one of a few runs: a task that has ended, and a clone of two seconds.

    community.proxmox has no module that waits for a task; ``proxmox_tasks_info`` looks once.
    """
    times = QUICK if quick else FULL
    with cluster(clone_seconds=(2, 2)) as target:
        (upid,) = target.start_clones([1001])
        target.until_ended([upid])
        vmids = iter(range(2001, 3000))
        return {
            "wait": {
                "ours": _middle(
                    times, lambda: bench.ad_hoc(target, "upid.proxmox.wait_task", upids=[upid])
                ),
                "tasks_info": _middle(
                    times,
                    lambda: bench.ad_hoc(
                        target, "community.proxmox.proxmox_tasks_info", node="pve1", task=upid
                    ),
                ),
            },
            "clone": {
                "ours": _middle(
                    times,
                    lambda: bench.ad_hoc(
                        target, "upid.proxmox.clone", source="9000", vmid=next(vmids), name="one"
                    ),
                ),
                "proxmox_kvm": _middle(
                    times,
                    lambda: bench.ad_hoc(
                        target,
                        "community.proxmox.proxmox_kvm",
                        node="pve1",
                        clone="template",
                        vmid=9000,
                        newid=next(vmids),
                        name="one",
                        full=False,
                        format="unspecified",
                        timeout=60,
                    ),
                ),
            },
        }


def _middle(times: int, call: Callable[[], Figures]) -> Figures:
    return sorted((call() for _unused in range(times)), key=lambda one: one["wall_s"])[times // 2]
