# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others do meanwhile: their tasks are taken over, their guests and changes left alone."""

from __future__ import annotations

import asyncio

import pytest
from ansible_collections.upid.proxmox.tests.unit.operating import an_api, operate, outcomes
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@in_virtual_time
async def test_what_runs_already_is_taken_over() -> None:
    api = an_api()
    api.seconds = {"qmstart": 60}
    first = await operate(api, "start", 100, wait=False)
    await asyncio.sleep(5)
    second = await operate(api, "start", 100)
    assert outcomes(second) == [(100, "ok", True)]
    assert second.values["guests"][0]["upid"] == first.values["guests"][0]["upid"]
    assert len(api.made("POST")) == 1


@in_virtual_time
async def test_a_running_migration_is_adopted_only_if_it_has_the_same_target() -> None:
    api = an_api()
    api.seconds = {"qmigrate": 60}
    first = await operate(api, "migrate", 100, params={"target": "pve2"}, wait=False)
    same = await operate(api, "migrate", 100, params={"target": "pve2"}, wait=False)
    assert same.values["guests"][0]["upid"] == first.values["guests"][0]["upid"]
    other = await operate(api, "migrate", 100, params={"target": "pve3"}, wait=False)
    assert other.values["guests"][0]["upid"] != first.values["guests"][0]["upid"]


@in_virtual_time
async def test_a_configuration_is_never_taken_over_for_it_may_be_another() -> None:
    api = an_api()
    api.seconds = {"qmconfig": 10}
    await operate(api, "configure", 100, params={"cores": 4}, wait=False)
    await operate(api, "configure", 100, params={"cores": 8})
    assert len(api.made("POST")) == 2


@pytest.mark.parametrize("looks", [1, 2, 3, 4])
@pytest.mark.parametrize("reference", ["victim", {"vmid": 102, "name": "victim"}])
@in_virtual_time
async def test_a_vmid_that_got_another_guest_after_it_was_found_by_name_is_left_alone(
    reference: object, looks: int
) -> None:
    """Whichever of the reads before the call saw the old name last."""
    api = an_api()
    victim = api.cluster.add(102, name="victim")

    async def replaced() -> None:
        await api.until_made("GET", looks)
        await asyncio.sleep(0.005)
        victim.config["name"] = "innocent"

    work = asyncio.ensure_future(replaced())
    report = await operate(api, "delete", reference, allow_destructive=True)
    await work
    assert [one["outcome"] for one in report.values["guests"]] != ["ok"]
    assert 102 in api.cluster.guests
    assert not api.made("DELETE")


@in_virtual_time
async def test_a_vmid_with_a_name_is_the_guest_that_has_both() -> None:
    api = an_api()
    right = await operate(api, "start", {"vmid": 100, "name": "app1"})
    assert outcomes(right) == [(100, "ok", True)]
    wrong = await operate(api, "stop", {"vmid": 101, "name": "app1"}, allow_destructive=True)
    assert outcomes(wrong) == [(101, "failed", False)]
    assert "expected VMID 101 to be named 'app1', found 'app2'" in (wrong.problem or "")
    gone = await operate(api, "delete", {"vmid": 300, "name": "app1"}, allow_destructive=True)
    assert outcomes(gone) == [(300, "unchanged", False)]
    assert [call.path for call in api.made("POST")] == ["/nodes/pve1/qemu/100/status/start"]


@in_virtual_time
async def test_an_explicit_name_is_never_a_vmid() -> None:
    api = an_api()
    api.cluster.add(102, name="100")
    await operate(api, "delete", {"name": "100"}, allow_destructive=True)
    assert 100 in api.cluster.guests
    assert 102 not in api.cluster.guests


@in_virtual_time
async def test_a_configuration_that_changed_in_the_meantime_is_not_overwritten() -> None:
    api = an_api()

    async def changed() -> None:
        await api.until_made("GET .*/pending", 1)
        await asyncio.sleep(0.01)
        api.cluster.guests[100].config["cores"] = 7

    work = asyncio.ensure_future(changed())
    report = await operate(api, "configure", 100, params={"cores": 4})
    await work
    assert outcomes(report) == [(100, "failed", False)]
    assert "changed in the meantime" in (report.problem or "")
    assert api.cluster.guests[100].config["cores"] == 7
