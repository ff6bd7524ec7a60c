# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.vmids import (
    VmidRange,
    Vmids,
    check_vmid,
)
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time, run_virtually
from hypothesis import given
from hypothesis import strategies as st


@in_virtual_time
async def test_vmids_begin_at_the_lowest_free_one_of_the_cluster() -> None:
    api = FakeApi()
    for vmid in (100, 101, 103):
        api.cluster.add(vmid)
    vmids = Vmids(api, {100, 101, 103, 105}, None)
    assert [await vmids.take() for _unused in range(3)] == [102, 104, 106]
    assert len(api.calls) == 1


@pytest.mark.parametrize("data", [None, "", "text", [], {}, [101], True, "1e3"], ids=str)
def test_an_answer_that_is_no_vmid_is_no_answer(data: Any) -> None:
    async def scenario() -> None:
        api = FakeApi()
        api.disturb("nextid", Answer(data))
        with pytest.raises(NoAnswerError, match="GET /cluster/nextid: the answer is malformed"):
            await Vmids(api, set(), None).take()

    run_virtually(scenario())


@given(st.sets(st.integers(200, 220)), st.integers(1, 8))
def test_no_vmid_is_allocated_twice_or_taken_from_another(used: set[int], count: int) -> None:
    async def scenario() -> None:
        vmids = Vmids(FakeApi(), used, VmidRange(200, 260))
        taken = [await vmids.take() for _unused in range(count)]
        assert len(set(taken)) == count
        assert not set(taken) & used
        assert all(200 <= vmid <= 260 for vmid in taken)

    run_virtually(scenario())


@in_virtual_time
async def test_an_exhausted_range_is_an_error() -> None:
    vmids = Vmids(FakeApi(), {200}, VmidRange(200, 201))
    assert await vmids.take() == 201
    with pytest.raises(UsageError, match="vmid_range: no VMID is free from 200 to 201"):
        await vmids.take()


@in_virtual_time
async def test_a_vmid_in_place_of_a_taken_one_is_really_free() -> None:
    api = FakeApi()
    for vmid in (201, 202):
        api.cluster.add(vmid)  # since the cluster was read
    assert await Vmids(api, (), VmidRange(200, 299)).instead_of(200) == 203


@in_virtual_time
async def test_a_cluster_that_returns_no_free_vmid_is_an_error() -> None:
    api = FakeApi()
    api.disturb("nextid", ApiError("GET /cluster/nextid", 500, "no quorum"))
    with pytest.raises(ApiError, match="no quorum"):
        await Vmids(api, (), VmidRange(200, 299)).instead_of(200)


@pytest.mark.parametrize("text", ["", "200", "200-", "300-200", "50-99", "a-b", "100-9999999999"])
def test_an_invalid_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="vmid_range: "):
        VmidRange.parse(text)


def test_a_range_is_read_with_blanks_around_it() -> None:
    assert VmidRange.parse(" 200 - 299 ") == VmidRange(200, 299)


@pytest.mark.parametrize("vmid", [-1, 0, 99, 1_000_000_000])
def test_a_vmid_out_of_range_is_refused_by_option_and_value(vmid: int) -> None:
    with pytest.raises(UsageError, match=f"source: VMID {vmid} is outside 100..999999999"):
        check_vmid(vmid, "source")
