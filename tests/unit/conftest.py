# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for all unit tests, a simulated cluster for those that want one, and the last word."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from ansible_collections.upid.proxmox.tests.simulator_process import start_simulator
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import Simulated
from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("upid", deadline=None, max_examples=60)
settings.load_profile("upid")


@pytest.fixture(scope="session")
def one_simulated() -> Iterator[Simulated]:
    """A cluster for all who ask for ``simulated``."""
    with start_simulator(speed=10, addresses=3) as simulator:
        yield Simulated(simulator)


@pytest.fixture
def simulated(one_simulated: Simulated) -> Simulated:
    """A cluster over HTTPS that nobody disturbs yet; its guests may be there from before."""
    one_simulated.calm()
    return one_simulated


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many recorded requests the simulator answered as Proxmox VE did."""
    reports = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, ())]
    told = [dict(r.user_properties) for r in reports if dict(r.user_properties).get("replayed")]
    if not told:
        return
    data = terminalreporter.config.rootpath / "tests/unit/simulator/data"
    files = [yaml.safe_load(file.read_text("utf-8")) for file in sorted(data.glob("replay*.yml"))]
    reasons = [numbers for file in files for numbers in file["not_applicable"].values()]
    apart = sum(len(numbers) for numbers in reasons)
    replayed, matched = (sum(p[key] for p in told) for key in ("replayed", "matched"))
    terminalreporter.write_line(
        f"recorded cases: {replayed + apart}, matched: {matched}, not yet: {replayed - matched}, "
        f"not applicable: {apart} ({len(reasons)} reasons)"
    )
