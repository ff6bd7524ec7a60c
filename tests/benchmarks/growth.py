# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job costs when there are ten, a hundred, a thousand of them."""

from __future__ import annotations

import sys

from ansible_collections.upid.proxmox.tests.benchmarks.bench import (
    NODES,
    SECRET,
    TOKEN_NAME,
    Bench,
    Cluster,
    Figures,
    cluster,
)

FIRST = 1001
PLACES = 50
FULL = (10, 100, 1000)
QUICK = (2, 4)
MODULE = "ansible_collections.upid.proxmox.plugins.modules.clone"


def run(bench: Bench, *, quick: bool) -> Figures:
    """The figures of the module's process alone, per number of clones of one second each.

    ``start`` is a call without guests: what it costs before the first job.
    """
    with cluster() as target:
        start = _clone(bench, target, 0)
    figures: Figures = {"places": PLACES, "start": start, "jobs": {}}
    for jobs in QUICK if quick else FULL:
        with cluster() as target:
            one = _clone(bench, target, jobs)
            made = target.guests()
        figures["jobs"][str(jobs)] = {
            **one,
            "guests": made,
            "failed": jobs - made,
            "requests_per_job": round(one["requests"] / jobs, 2),
            "cpu_ms_per_job": round((one["cpu_s"] - start["cpu_s"]) / jobs * 1000, 1),
        }
    return figures


def _clone(bench: Bench, target: Cluster, jobs: int) -> Figures:
    guests = [
        {"name": f"vm{vmid}", "vmid": vmid, "target_node": NODES[vmid % len(NODES)]}
        for vmid in range(FIRST, FIRST + jobs)
    ]
    options = {
        "source": "9000",
        "guests": guests,
        "parallel": PLACES,
        "parallel_per_node": PLACES,
        "api_host": list(target.simulator.hosts),
        "api_token_id": TOKEN_NAME,
        "api_token_secret": SECRET,
        "ca_path": str(target.simulator.ca),
    }
    document = {"ANSIBLE_MODULE_ARGS": options}
    return bench.figures(target, [sys.executable, "-m", MODULE], document)[0]
