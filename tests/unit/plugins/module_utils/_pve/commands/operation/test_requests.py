# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look costs: the figures of the guide to the performance, for three nodes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.operating import an_api, operate, outcomes
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("operation", "options", "by_vmid", "by_name"),
    [("start", {}, 2, 8), ("configure", {"params": {"cores": 2}}, 3, 9)],
)
@in_virtual_time
async def test_a_name_costs_two_requests_a_node_and_a_vmid_nothing_more(
    operation: str, options: dict[str, Any], by_vmid: int, by_name: int
) -> None:
    for guest, requests in ((101, by_vmid), ("app2", by_name)):
        api = an_api()
        report = await operate(api, operation, guest, **options)
        assert outcomes(report) == [(101, "unchanged", False)]
        assert len(api.calls) == requests


@in_virtual_time
async def test_a_guest_by_name_is_read_once_more_before_it_is_changed() -> None:
    by_vmid, by_name = an_api(), an_api()
    await operate(by_vmid, "start", 100)
    await operate(by_name, "start", "app1")
    assert len(by_name.made("GET .*/100/config")) == 1
    assert not by_vmid.made("GET .*/100/config")
    assert len(by_name.calls) == len(by_vmid.calls) + 7


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("operation", {"operation": "start"}),
        ("remove_guests", {}),
        ("snapshot_guests", {"prefix": "auto-"}),
    ],
)
def test_the_cluster_is_read_for_many_guests_of_a_pool_together(
    module: str, options: dict[str, Any]
) -> None:
    """Each is checked by a reading that begins after the decision about it."""

    @in_virtual_time
    async def scenario() -> None:
        counts = {}
        for guests in (10, 100):
            api = FakeApi()
            for vmid in range(301, 301 + guests):
                api.cluster.add(vmid, node=f"pve{vmid % 3 + 1}", name=f"vm{vmid}").pool = "ci"
            given = {"pool": "ci", "allow_destructive": True, **options}
            report = await run_command(module, api, **given)
            assert report.problem is None
            assert len(report.values["guests"]) == guests
            counts[guests] = len(api.made("GET /cluster/resources"))
        assert counts[100] <= 40, counts

    scenario()
