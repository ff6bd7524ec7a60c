# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts of the API die before, during and after the login; tickets run out."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    PATIENCE,
    TICKET,
    Cluster,
    World,
    cluster,
    default_world,
)
from ansible_collections.upid.proxmox.tests.exactly_once.module_process import (
    ModuleProcess,
    run_module,
)

NAMES = [f"vm-{number:02}" for number in range(1, 9)]
# With VMIDs: a name alone could belong to a new guest on a dead node.
GUESTS = [{"name": name, "vmid": 601 + index} for index, name in enumerate(NAMES)]
BY_TICKET = {**TICKET, "api_token_id": None, "api_token_secret": None}


def elsewhere() -> World:
    """The default world with the template on another node than the first."""
    world = default_world()
    world["guests"][9000]["node"] = "pve2"
    return world


def bulk(**more: Any) -> dict[str, Any]:
    """Eight clones, three at a time."""
    return {"source": 9000, "guests": GUESTS, "full": True, "parallel": 3, **more}


@pytest.mark.parametrize("failure", ["down", "silent", "pvedaemon/down"])
def test_the_first_host_fails_before_the_login(failure: str) -> None:
    with cluster(elsewhere()) as there:
        there.node("pve1", failure)
        result = run_module(there, "clone", **bulk(), **BY_TICKET)
        assert not result.get("failed"), result["msg"]
        assert sorted(guest["name"] for guest in there.truth().named(*NAMES)) == NAMES


@pytest.mark.parametrize("failure", ["down", "silent"])
def test_the_first_host_is_lost_during_the_login(failure: str) -> None:
    with cluster(elsewhere()) as there:
        there.fault("delay", seconds=8, path="/access/ticket", node="pve1")
        running = ModuleProcess(there, "clone", {**bulk(api_timeout=5), **BY_TICKET})
        time.sleep(2)
        there.node("pve1", failure)
        result = running.result()
        assert not result.get("failed"), result["msg"]
        assert sorted(guest["name"] for guest in there.truth().named(*NAMES)) == NAMES


@pytest.mark.parametrize("failure", ["down", "silent"])
@pytest.mark.parametrize("identity", [{}, BY_TICKET], ids=["token", "ticket"])
def test_the_host_in_use_is_lost_in_a_bulk_run(failure: str, identity: dict[str, Any]) -> None:
    with cluster(elsewhere()) as there:
        running = ModuleProcess(there, "clone", {**bulk(api_timeout=5), **identity})
        there.until(lambda truth: len(truth.named(*NAMES)) >= 2)
        there.node("pve1", failure)
        result = running.result()
        assert not result.get("failed"), result["msg"]
        truth = there.truth()
        assert sorted(guest["name"] for guest in truth.named(*NAMES)) == NAMES
        clones = [task["upid"] for task in truth.of_type("qmclone")]
        assert sorted(task["upid"] for task in result["tasks"]) == sorted(clones)


def test_a_node_that_dies_takes_its_tasks_alone() -> None:
    """The others keep their outcomes; tasks on the node are lost at their deadline."""
    world = default_world()
    world["durations"] = {"vzcreate": [4, 8]}
    with cluster(world, speed=1) as there:
        guests = [
            {"hostname": f"ct-{node}-{number}", "target_node": node}
            for node in ("pve1", "pve2")
            for number in (1, 2, 3)
        ]
        template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
        options = {"ostemplate": template, "storage": "ceph", "guests": guests}
        started = run_module(there, "container", **options, wait=False)
        upids = [guest["upid"] for guest in started["guests"]]
        began = time.monotonic()
        waiting = ModuleProcess(there, "wait_task", {"upids": upids, "wait_timeout": 20})
        time.sleep(2)
        there.node("pve1", "down")
        result = waiting.result()
        outcomes = [task["outcome"] for task in result["tasks"]]
        assert outcomes == ["lost"] * 3 + ["ok"] * 3
        assert 19 < time.monotonic() - began < 32
        assert "does not answer" in result["msg"]


def until_logged_in(there: Cluster) -> None:
    deadline = time.monotonic() + PATIENCE
    while there.admin("GET", "requests")["logins"] == 0:
        assert time.monotonic() < deadline, "no login"
        time.sleep(0.05)


def test_a_ticket_that_runs_out_in_a_long_wait_is_not_noticed() -> None:
    """Tasks of three hours, a ticket of two; it expires on all nodes at the same time."""
    world = default_world()
    world["durations"] = {"vzcreate": [10800, 10800], "qmclone.linked": [10800, 10800]}
    with cluster(world, speed=1) as there:
        guests = [{"hostname": f"ct-{n}", "target_node": f"pve{1 + n % 3}"} for n in range(9)]
        template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
        options = {"ostemplate": template, "storage": "ceph", "guests": guests, "wait": False}
        upids = [guest["upid"] for guest in run_module(there, "container", **options)["guests"]]
        there.admin("DELETE", "requests")
        waiting = ModuleProcess(
            there, "wait_task", {"upids": upids, "wait_timeout": 99999, **BY_TICKET}
        )
        until_logged_in(there)
        there.admin("POST", "clock", advance=7300)
        time.sleep(7)
        there.admin("POST", "clock", advance=3600)
        result = waiting.result()
        assert not result.get("failed"), result["msg"]
        assert {task["outcome"] for task in result["tasks"]} == {"ok"}
        assert there.admin("GET", "requests")["logins"] == 2


def test_a_ticket_that_runs_out_in_a_bulk_run_is_not_noticed() -> None:
    with cluster() as there:
        running = ModuleProcess(there, "clone", {**bulk(), **BY_TICKET})
        there.until(lambda truth: len(truth.named(*NAMES)) >= 2)
        there.admin("POST", "clock", advance=7300)
        result = running.result()
        assert not result.get("failed"), result["msg"]
        truth = there.truth()
        assert sorted(guest["name"] for guest in truth.named(*NAMES)) == NAMES
        assert len(truth.of_type("qmclone")) == len(NAMES) == len(result["tasks"])
        assert there.admin("GET", "requests")["logins"] == 2
