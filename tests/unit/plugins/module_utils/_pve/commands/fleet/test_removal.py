# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.cloning import an_api, fleet, steps_of
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
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
    return await fleet(api, guests=[], **options)


@pytest.mark.parametrize("selector", [{"tag": "web"}, {"pool": "web"}])
@in_virtual_time
async def test_guests_that_are_removed_at_once_share_the_readings_of_the_cluster(
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
async def test_a_reading_that_began_before_it_was_asked_for_does_not_count() -> None:
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


@in_virtual_time
async def test_unlisted_guests_are_stopped_and_deleted_and_nothing_else_is() -> None:
    api = an_api()
    for vmid, name, tags in ((201, "web1", "prod"), (202, "old", "prod"), (203, "app", "dev")):
        api.cluster.add(vmid, name=name, tags=tags)
    api.cluster.guests[202].status = "running"
    api.cluster.add(204, name="gold", tags="prod", template=1)
    options: dict[str, Any] = {
        "guests": [{"name": "web1", "state": "present"}],
        "exact": True,
        "selector": {"tag": "prod"},
        "allow_destructive": True,
    }
    plan = await fleet(api, check=True, **options)
    assert plan.changed
    assert {202, 201, 203, 204} <= set(api.cluster.guests)
    assert "old" in str(plan.diff)
    report = await fleet(api, **options)
    assert report.problem is None, report.problem
    assert {201, 203, 204} <= set(api.cluster.guests)
    assert 202 not in api.cluster.guests
    assert steps_of(report)[1] == [("stop", "ok"), ("delete", "ok"), ("verify", "unchanged")]


@in_virtual_time
async def test_a_guest_that_is_to_be_absent_is_deleted_and_stays_away() -> None:
    api = an_api()
    api.cluster.add(201, name="web1")
    options: dict[str, Any] = {
        "guests": [{"name": "web1", "state": "absent"}, {"vmid": 999, "state": "absent"}],
        "allow_destructive": True,
    }
    report = await fleet(api, **options)
    assert report.problem is None, report.problem
    assert 201 not in api.cluster.guests
    again = await fleet(api, **options)
    assert (again.changed, again.problem) == (False, None)


@in_virtual_time
async def test_the_source_of_a_clone_is_never_removed() -> None:
    api = an_api()
    api.cluster.add(202, name="gold", tags="prod", scsi0="ceph:vm-202-disk-0")
    report = await fleet(
        api,
        guests=[{"name": "web1", "source": "0202", "tags": ["prod"]}],
        exact=True,
        selector={"tag": "prod"},
        allow_destructive=True,
    )
    assert report.problem is None, report.problem
    assert 202 in api.cluster.guests
    assert api.made("DELETE .*") == []


@in_virtual_time
async def test_an_absent_guest_that_may_not_be_seen_is_not_gone() -> None:
    api = an_api()
    hidden = ApiError("GET /cluster/nextid", 400, "", {"vmid": "VM 999 already exists"})
    api.disturb("GET /cluster/nextid", hidden)
    guests = [{"name": "web1", "vmid": 999, "state": "absent"}]
    report = await fleet(api, guests=guests, allow_destructive=True)
    assert "lacks VM.Audit on it" in (report.problem or "")
