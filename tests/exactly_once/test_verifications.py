# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two verifications of backups at once with one range of VMIDs, and one that is killed.

Each removes what it has restored itself, and what a killed one has left, and nothing else.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    Cluster,
    add_guest,
    cluster,
    default_world,
)
from ansible_collections.upid.proxmox.tests.exactly_once.module_process import (
    ModuleProcess,
    run_module,
)

GUESTS = (301, 302, 303, 304)
RANGE = range(90000, 90010)
OPTIONS: dict[str, Any] = {
    "guests": list(GUESTS),
    "vmid_range": f"{RANGE[0]}-{RANGE[-1]}",
    "proof": "running",
    "settle": 2,
}
SECONDS = 2.0


def with_backups(there: Cluster) -> None:
    report = asyncio.run(
        there.run("operation", operation="backup", guests=list(GUESTS), params={"storage": "local"})
    )
    assert report.problem is None, report.problem


def world() -> dict[str, Any]:
    world = default_world()
    for vmid in GUESTS:
        add_guest(world, vmid, like=100)
    return world


def check(there: Cluster, *results: dict[str, Any]) -> None:
    """Every backup is proven by each call, every scratch guest was removed once, by who made it."""
    for result in results:
        assert not result.get("failed"), result["msg"]
        assert [one["proven"] for one in result["guests"]] == [True] * len(GUESTS)
        own = {one["scratch_vmid"] for one in result["guests"]}
        assert own <= set(RANGE)
    truth = there.truth()
    assert not [vmid for vmid in truth.guests if vmid in RANGE]
    assert set(GUESTS) <= set(truth.guests)
    assert {task["id"] for task in truth.of_type("qmdestroy")} <= set(map(str, RANGE))
    restored, destroyed = truth.of_type("qmrestore"), truth.of_type("qmdestroy")
    assert {task["exitstatus"] for task in restored} == {"OK"}
    done = [task for task in destroyed if task["exitstatus"] == "OK"]
    assert len(restored) == len(done)
    # Two may remove the same leftover; one of them finds it gone.
    assert not [
        one
        for result in results
        for one in result["leftovers"]
        if not (one["removed"] or "another call has removed" in one["message"])
        and "may be at work" not in one["message"]
        and "being created" not in one["message"]
    ]


@pytest.mark.seeds(6, 2)
def test_two_at_once_leave_each_other_alone(seed: int) -> None:
    with cluster(world(), seed=seed) as there:
        with_backups(there)
        first = ModuleProcess(there, "verify_backups", OPTIONS)
        time.sleep(random.Random(seed).choice([0.0, 1.0, SECONDS]))
        second = ModuleProcess(there, "verify_backups", OPTIONS)
        results = first.result(), second.result()
        check(there, *results)
        for result in results:
            assert not [one for one in result["leftovers"] if one["removed"]]


@pytest.mark.seeds(6, 1)
def test_what_a_killed_one_has_left_is_removed_beside_one_that_lives(seed: int) -> None:
    with cluster(world(), seed=seed) as there:
        with_backups(there)
        killed = ModuleProcess(there, "verify_backups", OPTIONS)
        there.until(lambda truth: [vmid for vmid in truth.guests if vmid in RANGE])
        time.sleep(random.Random(seed).uniform(0, SECONDS))
        killed.kill()
        left = {vmid for vmid in there.truth().guests if vmid in RANGE}
        living = ModuleProcess(there, "verify_backups", OPTIONS)
        result = run_module(there, "verify_backups", **OPTIONS)
        results = result, living.result()
        check(there, *results)
        removed = {one["vmid"] for each in results for one in each["leftovers"] if one["removed"]}
        assert removed <= left
