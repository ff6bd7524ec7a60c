# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of 20 nodes, 2,000 guests and 10,000 tasks costs little CPU to start and to ask.

CPU time of the simulator is measured, which other work on the machine hardly changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from ansible_collections.upid.proxmox.tests.simulator_process import Simulator, start_simulator

WORLD = Path(__file__).parents[2] / "simulator" / "examples" / "large_cluster.yml"
TOKEN = "PVEAPIToken=root@pam!ansible=00000000-0000-4000-8000-000000000001"
START_SECONDS = 5.0
ANSWER_SECONDS = 0.2
ROUNDS = 15


@dataclass(frozen=True)
class Large:
    """The simulator with the large world, and the CPU seconds until it served."""

    simulator: Simulator
    seconds: float

    def spent(self) -> float:
        """The CPU seconds of the simulator so far."""
        return cpu_seconds(self.simulator)

    def get(self, path: str, **params: int) -> Any:
        """The answer to a call of root's token."""
        url = f"{self.simulator.url}/api2/json{path}"
        return self._session.get(url, params=params, timeout=10).json()

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.verify, session.trust_env = str(self.simulator.ca), False
        session.headers["Authorization"] = TOKEN
        return session


def cpu_seconds(simulator: Simulator) -> float:
    """User and system time of the simulator's process."""
    times = psutil.Process(simulator.pid).cpu_times()
    return float(times.user + times.system)


@pytest.fixture(scope="module")
def large() -> Iterator[Large]:
    with start_simulator(world=WORLD) as simulator:
        yield Large(simulator, cpu_seconds(simulator))


def test_its_start_costs_little_cpu(large: Large) -> None:
    print(f"served after {large.seconds:.2f} CPU s")
    assert large.seconds < START_SECONDS


def test_its_answers_cost_little_cpu(large: Large) -> None:
    begun, data = large.spent(), []
    for _round in range(ROUNDS):
        data = large.get("/cluster/resources")["data"]
    each = (large.spent() - begun) / ROUNDS
    kinds = [entry["type"] for entry in data]
    assert (kinds.count("node"), kinds.count("qemu") + kinds.count("lxc")) == (20, 2000)
    print(f"cluster/resources: {each * 1000:.0f} CPU ms")
    assert each < ANSWER_SECONDS


def test_every_task_is_there(large: Large) -> None:
    totals = [large.get(f"/nodes/pve{n}/tasks", limit=1)["total"] for n in range(1, 21)]
    assert sum(totals) == 10_000
