# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet beside other runs: what they started is taken over, what they created is not doubled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.unit.cloning import CLONE, an_api, clone, fleet
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_clone_that_is_taken_over_goes_on_where_it_came_to_be() -> None:
    """The earlier call chose another node; only the cluster says so once the clone has ended."""
    api = an_api()
    await clone(api, name="web1", vmid=301, target_node="pve2", wait=False)
    report = await fleet(api, source="tpl", memory=4096, guests=[{"name": "web1", "vmid": 301}])
    assert report.problem is None, report.problem
    [guest] = report.values["guests"]
    assert (guest["node"], guest["outcome"]) == ("pve2", "ok")
    assert [call.path for call in api.made("POST .*/301/")] == [
        "/nodes/pve2/qemu/301/config",
        "/nodes/pve2/qemu/301/status/start",
    ]
    assert len(api.made(CLONE)) == 1


@pytest.mark.parametrize(("ha_task", "state"), [("hastop", "started"), ("hastart", "stopped")])
@in_virtual_time
async def test_a_task_of_ha_is_not_taken_over_for_the_opposite(ha_task: str, state: str) -> None:
    api = an_api()
    guest = api.cluster.add(201, name="web1")
    guest.status = "stopped" if state == "started" else "running"
    other = api.cluster.start("pve1", ha_task, 201, 30)
    report = await fleet(api, guests=[{"name": "web1", "state": state}])
    assert report.problem is None, report.problem
    verb = "start" if state == "started" else "shutdown"
    assert [call.path for call in api.made("POST .*")] == [f"/nodes/pve1/qemu/201/status/{verb}"]
    assert str(other.upid) not in [task["upid"] for task in report.values["tasks"]]
    assert now() < 30, "nobody waits for it"


@in_virtual_time
async def test_the_same_operation_of_an_earlier_call_is_taken_over() -> None:
    api = an_api()
    guest = api.cluster.add(201, name="web1")
    earlier = api.cluster.start(
        "pve1", "qmstart", 201, 30, at_end=lambda: setattr(guest, "status", "running")
    )
    report = await fleet(api, guests=[{"name": "web1"}])
    assert report.problem is None, report.problem
    assert [task["upid"] for task in report.values["tasks"]] == [str(earlier.upid)]
    assert api.made("POST .*") == []


@in_virtual_time
async def test_a_double_that_is_removed_again_is_in_the_result_with_its_task() -> None:
    api = an_api()
    api.seconds = {"qmclone": 20}
    options: dict[str, Any] = {"source": "tpl", "guests": [{"name": "web1"}], "state": "present"}
    runs = [
        asyncio.ensure_future(
            fleet(api, vmid_range=f"{n}00-{n}99", on_conflict="remove", **options)
        )
        for n in (3, 4)
    ]
    first, second = await asyncio.gather(*runs)
    assert (first.problem, second.problem) == (None, None)
    assert [guest.vmid for guest in api.cluster.guests.values() if guest.name == "web1"] == [300]
    assert [task["type"] for task in second.values["tasks"]] == ["qmclone", "qmdestroy"]
    [guest] = second.values["guests"]
    assert (guest["vmid"], guest["outcome"]) == (300, "unchanged")
    assert guest["upid"] == second.values["tasks"][-1]["upid"]
    assert not second.changed


@in_virtual_time
async def test_clones_of_one_source_that_is_called_in_several_ways_do_not_wait_for_each_other() -> (
    None
):
    """Else each of them would be another run's for the others, which might get their names."""
    api = an_api()
    api.seconds = {"qmclone": 10}
    api.disturb(CLONE, 5.0)
    asyncio.get_running_loop().call_later(2, api.seconds.update, {"qmclone": 100})
    guests = [
        {"name": f"web{number}", "source": source}
        for number, source in enumerate(("tpl", "9000", "09000"), 1)
    ]
    report = await fleet(api, guests=guests, state="present", parallel=2)
    assert report.problem is None, report.problem
    assert [guest["outcome"] for guest in report.values["guests"]] == ["ok"] * 3
    assert api.made(CLONE)[2].at < 20, "the long one goes on until second 105"
