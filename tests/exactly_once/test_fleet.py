# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet with a fault at any of its steps: the same call completes the requested guests.

The cluster has the result: each guest once, with configuration, disk and power as requested, and
every task reported.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    Truth,
    add_guest,
    cluster,
    default_world,
    meanwhile,
)
from ansible_collections.upid.proxmox.tests.exactly_once.module_process import (
    ModuleProcess,
    run_module,
)

NAMES = [f"web-{number:02}" for number in range(1, 9)]
TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
TASKS = ("qmclone", "qmconfig", "resize", "qmstart", "vzcreate", "vzstart", "qmdestroy")


def wish(**options: Any) -> dict[str, Any]:
    """Eight VMs by cloning and two containers, configured and started."""
    vms: list[dict[str, Any]] = [
        {"name": name, "source": "9000", "disks": {"scsi0": 10}} for name in NAMES
    ]
    containers = [
        {"name": name, "ostemplate": TEMPLATE, "storage": "ceph", "disks": {"rootfs": 4}}
        for name in ("ct-1", "ct-2")
    ]
    common = {"placement": "round_robin", "memory": 3072, "tags": ["web"]}
    return {**common, "guests": [*vms, *containers], **options}


def check(truth: Truth) -> None:
    """Every guest once, complete, as requested, and running."""
    made = truth.named(*NAMES, "ct-1", "ct-2")
    assert sorted(guest["name"] for guest in made) == sorted([*NAMES, "ct-1", "ct-2"])
    for guest in made:
        assert guest["lock"] is None
        assert guest["status"] == "running", guest
        assert int(guest["config"]["memory"]) == 3072
        assert guest["config"]["tags"] == "web"
        if guest["type"] == "qemu":
            assert "size=10G" in guest["config"]["scsi0"]
    succeeded = [task for task in truth.of_type(*TASKS) if task["exitstatus"] == "OK"]
    for task_type in ("qmclone", "vzcreate"):
        assert len([task for task in succeeded if task["type"] == task_type]) == (
            len(NAMES) if task_type == "qmclone" else 2
        )


def told(result: Mapping[str, Any]) -> set[str]:
    return {task["upid"] for task in result["tasks"]}


@pytest.mark.seeds(20, 3)
def test_a_killed_fleet_is_finished_by_the_same_call(seed: int) -> None:
    with cluster(seed=seed) as there:
        first = ModuleProcess(there, "fleet", wish())
        time.sleep(random.Random(seed).uniform(0.5, 5.0))
        first.kill()
        before = there.truth()
        result = run_module(there, "fleet", **wish())
        assert not result.get("failed"), result["msg"]
        truth = there.truth()
        check(truth)
        begun = {task["upid"] for task in truth.of_type(*TASKS)}
        known = {task["upid"] for task in before.of_type(*TASKS)}
        assert begun - known <= told(result), "a task of the second call is not reported"
        again = run_module(there, "fleet", **wish())
        assert (again["changed"], again["tasks"]) == (False, [])


# Where a response gets lost, and how.
CALLS = {
    "clone": "/nodes/pve1/qemu/9000/clone",
    "create": "/nodes/*/lxc",
    "configure": "/nodes/*/qemu/*/config",
    "resize": "/nodes/*/qemu/*/resize",
    "start": "/nodes/*/*/*/status/start",
}
LOSSES: Mapping[str, Mapping[str, Any]] = {
    "dropped before": {"action": "drop", "when": "before"},
    "dropped after": {"action": "drop", "when": "after"},
    "502 after": {"action": "status", "status": 502, "when": "after"},
    "truncated": {"action": "truncate", "when": "after"},
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("call", CALLS)
def test_a_lost_answer_at_any_step_costs_nothing(call: str, loss: str) -> None:
    with cluster() as there:
        method = "PUT" if call == "resize" else "POST"
        there.fault(**LOSSES[loss], method=method, path=CALLS[call], count=2)
        report = asyncio.run(there.run("fleet", **wish()))
        assert report.problem is None, report.problem
        truth = there.truth()
        check(truth)
        assert told(report.values) == {task["upid"] for task in truth.of_type(*TASKS)}


def test_a_quorum_that_goes_for_a_while_in_the_middle_costs_no_guest() -> None:
    with cluster(speed=2) as there:

        def lose() -> None:
            there.until(lambda truth: truth.of_type("qmstart"))
            there.admin("POST", "quorum", there=False)
            time.sleep(10)
            there.admin("POST", "quorum", there=True)

        with meanwhile(lose):
            report = asyncio.run(there.run("fleet", **wish(parallel=3)))
        assert report.problem is None, report.problem
        check(there.truth())


def test_two_fleets_at_once_by_vmid_are_one_fleet() -> None:
    options = wish()
    for vmid, guest in enumerate(options["guests"], start=501):
        guest["vmid"] = vmid
    with cluster() as there:
        both = there.run_all({name: there.run("fleet", **options) for name in ("one", "two")})
        assert [report.problem for report in both.values()] == [None, None]
        check(there.truth())


def test_unlisted_guests_are_deleted_with_their_disks_and_nothing_else_is() -> None:
    world = default_world()
    for vmid in (401, 402, 403):
        add_guest(world, vmid, like=100, tags="old" if vmid < 403 else "other")
    with cluster(world) as there:
        before = there.truth()
        there.fault("drop", when="after", method="DELETE", path="/nodes/*/qemu/401")
        options = {
            "guests": [{"name": "guest402", "vmid": 402}],
            "exact": True,
            "selector": {"tag": "old"},
            "allow_destructive": True,
        }
        report = asyncio.run(there.run("fleet", **options))
        assert report.problem is None, report.problem
        truth = there.truth()
        assert set(before.guests) - set(truth.guests) == {401}
        assert len(truth.of_type("qmdestroy")) == 1


@pytest.mark.parametrize("node", ["silent", "down"])
def test_a_node_that_is_away_is_a_failure_of_its_own_guests(node: str) -> None:
    with cluster() as there:
        first = asyncio.run(there.run("fleet", **wish()))
        assert first.problem is None, first.problem
        there.node("pve2", node)
        mine = {guest["vmid"] for guest in first.values["guests"] if guest["node"] == "pve2"}
        options = wish(memory=4096, node_timeout=5)
        for guest, made in zip(options["guests"], first.values["guests"], strict=True):
            guest["vmid"] = made["vmid"]
        report = asyncio.run(there.run("fleet", **options, api_timeout=3))
        outcomes = {guest["vmid"]: guest["outcome"] for guest in report.values["guests"]}
        assert {vmid for vmid, outcome in outcomes.items() if outcome == "failed"} == mine
        truth = there.truth()
        changed = [guest for vmid, guest in truth.guests.items() if vmid in set(outcomes) - mine]
        assert {int({**g["config"], **g["pending"]}["memory"]) for g in changed} == {4096}
