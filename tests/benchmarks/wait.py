# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for tasks that run: what it costs, and how late their ends are seen."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.upid.proxmox.tests.benchmarks.bench import (
    HERE,
    SECRET,
    TOKEN_NAME,
    USER,
    Bench,
    Cluster,
    Figures,
    cluster,
)

FIRST = 1001
OBSERVED = "ansible_collections.upid.proxmox.tests.benchmarks.observed_wait"


@dataclass(frozen=True)
class Size:
    """``seconds`` that tasks take, by their number.

    Up to ``threads`` of them are waited for by threads of proxmoxer too. ``delays`` are the
    lengths of tasks in seconds for the delays of ``samples`` separate waits.
    """

    seconds: Mapping[int, float]
    threads: int
    delays: Sequence[float]
    samples: int


FULL = Size({1: 12, 10: 12, 100: 12, 1000: 45}, threads=100, delays=(2, 20), samples=15)
QUICK = Size({1: 1, 3: 1}, threads=1, delays=(1,), samples=3)


def run(bench: Bench, *, quick: bool) -> Figures:
    """The figures by number of tasks, and the delays by length of task."""
    size = QUICK if quick else FULL
    tasks, delays = {}, {}
    for number, seconds in size.seconds.items():
        ours = _wait(bench, number, seconds, _by_us)
        tasks[str(number)] = {"ours": ours}
        if number <= size.threads:
            tasks[str(number)]["blocking_status"] = _wait(bench, number, seconds, _by_threads)
    for seconds in size.delays:
        delays[f"{seconds:g}"] = {
            "ours": _delays(_wait(bench, size.samples, seconds, _by_us_separately)),
            "blocking_status": _delays(_wait(bench, size.samples, seconds, _by_threads)),
        }
    return {"tasks": tasks, "delays": delays}


def _wait(bench: Bench, number: int, seconds: float, client: Any) -> Figures:
    """Start tasks that end one after the other within a fifth of their length; wait for them."""
    with cluster(clone_seconds=(0.9 * seconds, 1.1 * seconds)) as target:
        upids = target.start_clones(range(FIRST, FIRST + number))
        figures, ends = client(bench, target, upids)
        truth = target.ends()
    delays = sorted(ends[upid] - truth[upid] for upid in upids)
    return {**figures, **_spread(delays), "failed": sum(end is None for end in ends.values())}


def _spread(delays: Sequence[float]) -> Figures:
    return {
        "delay_median_s": round(statistics.median(delays), 3),
        "delay_p95_s": round(delays[int(0.95 * (len(delays) - 1))], 3),
    }


def _delays(figures: Figures) -> Figures:
    return {"median_s": figures["delay_median_s"], "p95_s": figures["delay_p95_s"]}


def _by_us(
    bench: Bench, target: Cluster, upids: Sequence[str], *, separately: bool = False
) -> tuple[Figures, Mapping[str, float]]:
    options = {
        "upids": upids,
        "separately": separately,
        "api_host": list(target.simulator.hosts),
        "api_token_id": TOKEN_NAME,
        "api_token_secret": SECRET,
        "ca_path": str(target.simulator.ca),
    }
    command = [sys.executable, "-m", OBSERVED]
    figures, run = bench.figures(target, command, {"ANSIBLE_MODULE_ARGS": options})
    observed = json.loads(run.stdout)["observed"]
    more = {
        "requests_per_round": round(observed["requests_per_round"], 2),
        "cpu_s_per_minute": round(60 * observed["cpu_s"] / observed["seconds"], 2),
    }
    return {**figures, **more}, observed["ends"]


def _by_us_separately(
    bench: Bench, target: Cluster, upids: Sequence[str]
) -> tuple[Figures, Mapping[str, float]]:
    return _by_us(bench, target, upids, separately=True)


def _by_threads(
    bench: Bench, target: Cluster, upids: Sequence[str]
) -> tuple[Figures, Mapping[str, float]]:
    document = {
        "host": target.simulator.hosts[0],
        "ca": str(target.simulator.ca),
        "user": USER,
        "token": TOKEN_NAME,
        "secret": SECRET,
        "upids": upids,
    }
    command = [sys.executable, str(HERE / "blocking_status.py")]
    figures, run = bench.figures(target, command, document)
    ends: Mapping[str, float] = json.loads(run.stdout)["ends"]
    per_minute = {"cpu_s_per_minute": round(60 * figures["cpu_s"] / figures["wall_s"], 2)}
    return {**figures, **per_minute}, ends
