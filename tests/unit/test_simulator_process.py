# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator of a test serves while the test needs it, and not a moment longer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import requests
from ansible_collections.upid.proxmox.tests.simulator_process import Simulator, start_simulator


def is_alive(pid: int) -> bool:
    """Whether there is a process of this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_address_serves_and_is_trusted_by_the_ca() -> None:
    with start_simulator(addresses=2) as simulator:
        answers = [
            requests.get(f"{url}/_sim/world", verify=str(simulator.ca)) for url in simulator.urls
        ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(set(simulator.hosts)) == len(simulator.fingerprints) == 2


def test_the_process_ends_with_the_block() -> None:
    with start_simulator() as simulator:
        assert is_alive(simulator.pid)
    assert not is_alive(simulator.pid)


def test_the_process_ends_when_the_block_fails() -> None:
    started: list[Simulator] = []

    def fail() -> None:
        with start_simulator() as simulator:
            started.append(simulator)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert not is_alive(started[0].pid)


def test_a_simulator_that_does_not_start_reports_the_reason(tmp_path: Path) -> None:
    world = tmp_path / "world.yml"
    world.write_text("no: world")
    with (
        pytest.raises(RuntimeError, match=r"ended with exit code [1-9].*\n(.*\n)*.*no"),
        start_simulator(world=world),
    ):
        pass
