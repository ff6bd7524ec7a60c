# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster loses quorum in the middle of a bulk, or the pmxcfs of a node restarts."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    TICKET,
    Cluster,
    World,
    cluster,
    default_world,
    meanwhile,
)

NAMES = [f"web{number}" for number in range(10)]
FIRST = 301
# How long quorum is lost, by seed.
SECONDS = {1: 15.0, 2: 60.0}


def world() -> World:
    """Clones take two seconds, so that some end, some work and some wait at any moment."""
    slow = default_world()
    slow["durations"] = {"qmclone.linked": [2, 2], "vzclone.linked": [2, 2]}
    return slow


def clone_ten(there: Cluster, *, by_vmid: bool, **options: Any) -> Report:
    guests: list[dict[str, Any]] = [{"name": name} for name in NAMES]
    if by_vmid:
        guests = [{**guest, "vmid": FIRST + index} for index, guest in enumerate(guests)]
    return asyncio.run(there.run("clone", source=9000, guests=guests, parallel=3, **options))


def lose_quorum(there: Cluster, seconds: float) -> None:
    """Three clones work, none has ended."""
    there.until(lambda truth: len(truth.of_type("qmclone")) >= 3)
    time.sleep(0.5)
    there.admin("POST", "quorum", there=False)
    time.sleep(seconds)
    there.admin("POST", "quorum", there=True)


def check_ten(there: Cluster, report: Report) -> None:
    """Every name once, complete; every task reported; every leftover lock named."""
    truth = there.truth()
    whole = [guest for guest in truth.guests.values() if not guest["lock"]]
    names = Counter(guest["name"] for guest in whole)
    assert {name: names[name] for name in NAMES} == dict.fromkeys(NAMES, 1)
    assert [guest["outcome"] for guest in report.values["guests"]] == ["ok"] * 10
    told = {task["upid"] for task in report.values["tasks"]}
    assert told == {task["upid"] for task in truth.of_type("qmclone", "qmdestroy")}


def locked(there: Cluster) -> list[int]:
    return [vmid for vmid, guest in there.truth().guests.items() if guest["lock"]]


@pytest.mark.seeds(2, 1)
def test_a_bulk_by_name_completes(seed: int) -> None:
    with cluster(world(), speed=1) as there:
        with meanwhile(lambda: lose_quorum(there, SECONDS[seed])):
            report = clone_ten(there, by_vmid=False)
        check_ten(there, report)
        messages = " ".join(str(guest["message"]) for guest in report.values["guests"])
        problem = f"{report.problem} {messages} {report.values}"
        for vmid in locked(there):
            assert f"qm unlock {vmid} && qm destroy {vmid}" in problem


@pytest.mark.seeds(2, 1)
def test_a_bulk_by_vmid_completes_if_leftovers_may_be_replaced(seed: int) -> None:
    with cluster(world(), speed=1) as there:
        with meanwhile(lambda: lose_quorum(there, SECONDS[seed])):
            report = clone_ten(there, by_vmid=True, replace_leftovers=True, **TICKET)
        check_ten(there, report)
        assert locked(there) == []


def test_a_bulk_by_vmid_names_leftovers_and_the_same_call_completes_afterwards() -> None:
    with cluster(world(), speed=1) as there:
        with meanwhile(lambda: lose_quorum(there, 5)):
            report = clone_ten(there, by_vmid=True)
        left = locked(there)
        assert left, "clones that worked without quorum leave their guests locked"
        for vmid in left:
            assert f"qm unlock {vmid} && qm destroy {vmid}" in str(report.problem)
        outcomes = {guest["vmid"]: guest["outcome"] for guest in report.values["guests"]}
        assert {vmid for vmid, outcome in outcomes.items() if outcome == "failed"} == set(left)
        again = clone_ten(there, by_vmid=True, replace_leftovers=True, **TICKET)
        assert again.problem is not None, "the token's leftovers are not those of the password"
        _remove(there, left)
        again = clone_ten(there, by_vmid=True)
        assert again.problem is None
        assert locked(there) == []
        assert len(there.truth().named(*NAMES)) == 10


def _remove(there: Cluster, vmids: list[int]) -> None:
    """The effect of the named commands."""

    async def call() -> None:
        async with there.client(**TICKET) as api:
            for vmid in vmids:
                await api.delete(("nodes", "pve1", "qemu", vmid), {"skiplock": 1})

    asyncio.run(call())
    there.until(lambda truth: not set(vmids) & set(truth.guests))


def test_a_restart_of_the_cluster_file_system_costs_nothing() -> None:
    with cluster(world(), speed=1) as there:

        def restart() -> None:
            there.until(lambda truth: len(truth.of_type("qmclone")) >= 3)
            there.node("pve1", "pmxcfs/restart")

        with meanwhile(restart):
            report = clone_ten(there, by_vmid=False)
        check_ten(there, report)


def test_containers_are_complete_or_their_locks_are_reported() -> None:
    with cluster(world(), speed=1) as there:

        def lose() -> None:
            there.until(lambda truth: truth.of_type("vzclone"))
            time.sleep(0.5)
            there.admin("POST", "quorum", there=False)
            time.sleep(5)
            there.admin("POST", "quorum", there=True)

        guests = [{"name": f"ct{number}"} for number in range(3)]
        with meanwhile(lose):
            report = asyncio.run(there.run("clone", source=9100, guests=guests))
        truth = there.truth()
        if truth.guests[9100]["lock"]:
            assert "pct unlock 9100" in str(report.problem)
        begun = {task["upid"] for task in truth.of_type("vzclone")}
        assert {task["upid"] for task in report.values["tasks"]} == begun
