# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.clocks import NodeClocks
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize("skew", [-600.0, 0.0, 600.0])
def test_the_clock_of_a_node_is_read_once_and_runs_on(skew: float) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.cluster.skews["pve2"] = skew
        clocks = NodeClocks(api)
        await asyncio.gather(clocks.learn("pve2"), clocks.learn("pve2"))
        await asyncio.sleep(100)
        assert abs(clocks.now("pve2") - api.server_time() - skew) < 2
        assert abs(clocks.now("pve1") - api.server_time()) < 2
        await clocks.learn("pve2")
        assert len(api.made("GET /nodes/pve2/time")) == 1
        old = api.cluster.start("pve2", "qmclone", 9000, started=-500)
        assert abs(clocks.age(old.upid) - 600) < 2

    scenario()


@pytest.mark.parametrize("skew", [-600.0, 600.0])
def test_a_task_that_has_just_started_shows_the_clock_without_a_request(skew: float) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.cluster.skews["pve2"] = skew
        clocks = NodeClocks(api)
        clocks.note(api.cluster.start("pve2", "qmclone", 9000).upid)
        await asyncio.sleep(30)
        assert abs(clocks.now("pve2") - api.server_time() - skew) < 2
        await clocks.learn("pve2")
        assert not api.calls

    scenario()


@pytest.mark.parametrize(
    "failure",
    [
        ApiError("GET time", 403, "Permission check failed (/nodes/pve2, Sys.Audit)"),
        NoAnswerError("GET time", "595", sent=False),
        Answer(None),
        Answer({"time": "noon"}),
        Answer({"time": 10**400}),
        Answer({"time": float("nan")}),
    ],
)
def test_a_node_that_does_not_report_its_time_has_that_of_the_host_that_answers(
    failure: Any,
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.disturb("GET /nodes/pve2/time", failure, count=None)
        clocks = NodeClocks(api)
        await clocks.learn("pve2")
        assert abs(clocks.now("pve2") - api.server_time()) < 2

    scenario()
