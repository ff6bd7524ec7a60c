# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest costs in a call of many, counted in calls of the core's functions and requests."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.unit.cloning import an_api
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

FIRST = 10_001
FEW, MANY = 100, 300
PLACES = 20
CORE, FAKES = "/plugins/module_utils/_pve/", "/tests/unit/fake_"


@contextlib.contextmanager
def core_calls() -> Iterator[Counter[str]]:
    """Counts the calls of each function of the core meanwhile, without those by fakes."""
    counts: Counter[str] = Counter()

    def seen(frame: FrameType, event: str, _argument: Any) -> None:
        caller = frame.f_back.f_code.co_filename if frame.f_back else ""
        if event == "call" and CORE in frame.f_code.co_filename and FAKES not in caller:
            counts[frame.f_code.co_name] += 1

    sys.setprofile(seen)
    try:
        yield counts
    finally:
        sys.setprofile(None)


async def cost(command: str, by: str, guests: int) -> tuple[float, float]:
    """Calls and requests for each guest of a call that creates so many."""
    api = an_api()
    # The names are read again and again as time goes by, so it goes by quickly.
    api.seconds = {"qmclone": 0.2}
    node = "target_node" if command == "clone" else "node"
    wanted: list[dict[str, Any]] = [
        {"name": f"vm{vmid}", node: f"pve{vmid % 3 + 1}"} | ({"vmid": vmid} if by == "vmid" else {})
        for vmid in range(FIRST, FIRST + guests)
    ]
    options: dict[str, Any] = {"parallel": PLACES, "parallel_per_node": PLACES}
    options |= {"state": "present"} if command == "fleet" else {}
    with core_calls() as calls:
        report = await run_command(command, api, source="9000", guests=wanted, **options)
    assert report.problem is None, report.problem
    return calls.total() / guests, len(api.calls) / guests


@pytest.mark.parametrize("by", ["vmid", "name"])
@pytest.mark.parametrize("command", ["clone", "fleet"])
@in_virtual_time
async def test_a_guest_of_many_costs_no_more_than_one_of_few(command: str, by: str) -> None:
    calls, requests = await cost(command, by, FEW)
    calls_of_many, requests_of_many = await cost(command, by, MANY)
    assert calls_of_many < 1.1 * calls
    assert requests_of_many < 1.1 * requests
