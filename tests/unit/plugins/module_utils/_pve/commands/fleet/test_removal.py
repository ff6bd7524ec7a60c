# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.cloning import an_api
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

FIRST = 301


def a_fleet(guests: int) -> FakeApi:
    """Running VMs of the pool and the tag ``web`` on three nodes."""
    api = an_api()
    for vmid in range(FIRST, FIRST + guests):
        node = f"pve{vmid % 3 + 1}"
        guest = api.cluster.add(vmid, node=node, name=f"web{vmid}", tags="web", status="running")
        guest.pool = "web"
    return api


async def empty(api: FakeApi, selector: dict[str, str], **options: Any) -> Report:
    """The report of a call that wants nothing to be left of the fleet."""
    options = {"exact": True, "selector": selector, "allow_destructive": True, **options}
    return await run_command("fleet", api, guests=[], **options)


@pytest.mark.parametrize("selector", [{"tag": "web"}, {"pool": "web"}])
@in_virtual_time
async def test_those_that_are_removed_at_once_share_the_readings_of_the_cluster(
    selector: dict[str, str],
) -> None:
    api = a_fleet(90)
    report = await empty(api, selector)
    assert report.problem is None, report.problem
    assert set(api.cluster.guests) == {100, 9000, 9100}
    readings = len(api.made("GET /cluster/resources"))
    assert readings <= 90 // 2
    assert len(api.made("GET .*/config")) <= 4 * 90


@pytest.mark.parametrize("status", ["running", "stopped"])
@pytest.mark.parametrize("selector", [{"tag": "web"}, {"pool": "web"}])
@in_virtual_time
async def test_a_guest_that_leaves_the_fleet_at_the_last_moment_is_left_alone(
    selector: dict[str, str], status: str
) -> None:
    api = a_fleet(1)
    guest = api.cluster.guests[FIRST]
    guest.status = status
    call = asyncio.ensure_future(empty(api, selector))
    await api.until_made(f"GET .*/{FIRST}/status/current", 1)
    guest.pool, guest.config["tags"] = None, "mine"
    report = await call
    word = " and ".join(f"{kind} web" for kind in selector)
    assert f"web{FIRST}) on pve2 no longer belongs to {word}" in str(report.problem)
    assert api.made("(POST|DELETE) .*") == []


@in_virtual_time
async def test_a_caller_never_gets_a_reading_that_began_before_its_call() -> None:
    api = a_fleet(2)
    api.disturb(f"GET .*/{FIRST + 1}/status/current", 2.0)
    call = asyncio.ensure_future(empty(api, {"pool": "web"}))
    await api.until_made("GET /cluster/resources", 2)
    api.disturb("GET /cluster/resources", 9.0, after=True)
    await api.until_made("GET /cluster/resources", 3)
    await asyncio.sleep(0.1)  # this reading has its answer, which is on its way
    api.cluster.guests[FIRST + 1].pool = None
    report = await call
    assert [guest["outcome"] for guest in report.values["guests"]] == ["ok", "failed"]
    assert FIRST + 1 in api.cluster.guests
