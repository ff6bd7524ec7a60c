# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.client import Client
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.simulator_process import start_simulator
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import (
    TICKET,
    TOKEN,
    Simulated,
)
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command

FIFTY = [{"name": f"web{index}"} for index in range(50)]
TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"


@dataclass
class Noted:
    """A client that notes which task lists it is asked for, and how often."""

    client: Client
    lists: list[tuple[str, str]] = field(default_factory=list)

    async def get(
        self, path: Any, params: Mapping[str, Any] | None = None, *, retries: int | None = None
    ) -> Answer:
        if len(path) == 3 and path[2] == "tasks":
            self.lists.append((path[1], (params or {})["source"]))
        return await self.client.get(path, params, retries=retries)

    async def post(self, path: Any, params: Mapping[str, Any] | None = None) -> Answer:
        return await self.client.post(path, params)

    async def put(self, path: Any, params: Mapping[str, Any] | None = None) -> Answer:
        return await self.client.put(path, params)

    async def delete(self, path: Any, params: Mapping[str, Any] | None = None) -> Answer:
        return await self.client.delete(path, params)

    def server_time(self) -> float:
        return self.client.server_time()

    @property
    def authid(self) -> str:
        return self.client.authid

    @property
    def usage(self) -> dict[str, Any]:
        return self.client.usage

    def rounds(self, source: str) -> int:
        """How many lists of this kind were asked for."""
        return len([1 for _node, kind in self.lists if kind == source])


@pytest.fixture
def fresh() -> Iterator[Simulated]:
    """A cluster of its own, so that nothing is there from before."""
    with start_simulator(speed=10, addresses=3) as simulator:
        yield Simulated(simulator)


def run(
    simulated: Simulated, module: str, identity: Mapping[str, str], /, **options: Any
) -> tuple[Report, Noted]:
    """What a module reports, and what it asked for; the server counted the same."""

    async def work(client: Client) -> tuple[Report, Noted]:
        noted = Noted(client)
        report = await run_command(module, noted, **options)
        return report, noted

    simulated.admin("DELETE", "requests")
    report, noted = simulated.run(work, **identity)
    assert noted.usage["requests"] == simulated.counted["total"]
    return report, noted


@pytest.mark.parametrize("identity", [TOKEN, TICKET], ids=["token", "ticket"])
def test_fifty_clones_and_the_same_call_again(
    fresh: Simulated, identity: Mapping[str, str]
) -> None:
    options = {"source": "debian-12-cloud", "guests": FIFTY, "placement": "round_robin"}
    report, noted = run(fresh, "clone", identity, **options)
    assert report.problem is None
    assert report.values["summary"]["ok"] == report.values["summary"]["total"] == 50
    counted = fresh.counted
    assert counted["logins"] == (1 if identity is TICKET else 0)
    attempts = sum(guest["attempts"] for guest in report.values["guests"])
    lists = counted["counts"]["GET /nodes/{node}/qemu"]
    allowed = attempts + noted.rounds("active") + noted.rounds("archive") + lists + 5
    assert noted.rounds("archive") <= noted.rounds("active")
    assert counted["total"] <= allowed, counted["counts"]
    assert counted["total"] <= 100, counted["counts"]
    names = [guest["name"] for guest in report.values["guests"]]

    again, _noted = run(fresh, "clone", identity, **options)
    assert (again.changed, again.problem) == (False, None)
    assert again.values["summary"]["unchanged"] == again.values["summary"]["total"] == 50
    counted = fresh.counted
    assert counted["total"] <= 8, counted["counts"]
    assert not [label for label in counted["counts"] if "clone" in label]
    found, _noted = run(fresh, "guest_info", identity, type="qemu")
    made = [guest for guest in found.values["guests"] if guest["name"] in names]
    assert len(made) == 50
    assert {guest["node"] for guest in made} == {"pve1", "pve2", "pve3"}


@pytest.mark.parametrize("source", ["debian-12-cloud", 9000])
def test_a_single_clone_by_vmid_costs_eight_requests(fresh: Simulated, source: object) -> None:
    """One for the cluster, the source, the tasks before, the start; the rest watch the task."""
    fresh.admin("POST", "faults", action="task", type="qmclone", seconds=1)
    report, _noted = run(fresh, "clone", TOKEN, source=source, name="web1", vmid=500)
    assert report.problem is None
    counted = fresh.counted
    assert counted["total"] <= 8, counted["counts"]
    again, _noted = run(fresh, "clone", TOKEN, source=source, name="web1", vmid=500)
    assert not again.changed
    assert fresh.counted["total"] <= 3, fresh.counted["counts"]


def test_a_single_clone_by_name_reads_the_names_of_every_node_twice(fresh: Simulated) -> None:
    fresh.admin("POST", "faults", action="task", type="qmclone", seconds=1)
    report, _noted = run(fresh, "clone", TOKEN, source="debian-12-cloud", name="web1")
    assert report.problem is None
    counted = fresh.counted
    assert counted["counts"]["GET /nodes/{node}/qemu"] == 6
    assert counted["total"] <= 9 + 6, counted["counts"]
    again, _noted = run(fresh, "clone", TOKEN, source="debian-12-cloud", name="web1")
    assert not again.changed
    assert fresh.counted["total"] <= 5, fresh.counted["counts"]


@pytest.mark.parametrize("known_by", ["name", "vmid"])
def test_adopting_forty_running_clones_reads_forty_logs(fresh: Simulated, known_by: str) -> None:
    guests = [{"name": f"w{number}", "vmid": 500 + number} for number in range(40)]
    fresh.admin("POST", "faults", action="task", type="qmclone", seconds=40)
    run(fresh, "clone", TOKEN, source=9000, guests=guests, wait=False,
        parallel=40, parallel_per_node=40)  # fmt: skip
    again = [{known_by: guest[known_by]} for guest in guests]
    report, noted = run(fresh, "clone", TOKEN, source=9000, guests=again)
    assert report.problem is None
    assert report.values["summary"]["ok"] == 40
    rounds = noted.rounds("active") + noted.rounds("archive")
    assert fresh.counted["total"] <= 40 + rounds + 20, fresh.counted["counts"]


def test_waiting_for_300_tasks_costs_one_list_for_each_node_and_round(fresh: Simulated) -> None:
    async def begin(client: Client) -> list[str]:
        """Start 300 tasks, 100 on each node."""
        upids = []
        for index in range(300):
            params = {"vmid": 1000 + index, "ostemplate": TEMPLATE, "rootfs": "ceph:1"}
            answer = await client.post(("nodes", f"pve{1 + index % 3}", "lxc"), params)
            upids.append(answer.data)
        return upids

    fresh.admin("POST", "faults", action="task", type="vzcreate", seconds=40)
    upids = fresh.run(begin)
    report, noted = run(fresh, "wait_task", TOKEN, upids=upids)
    assert report.problem is None
    assert report.values["summary"]["ok"] == report.values["summary"]["total"] == 300
    counted = fresh.counted
    active, archive = noted.rounds("active"), noted.rounds("archive")
    # The clock of each node is asked for once, for the ages of tasks that were not started here.
    assert counted["counts"]["GET /nodes/{node}/time"] == 3
    assert counted["total"] == active + archive + 3, counted["counts"]
    assert archive <= active
    each = [noted.lists.count((node, "active")) for node in ("pve1", "pve2", "pve3")]
    assert sum(each) == active
    assert max(each) - min(each) <= max(each) // 2 + 2
