# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import NoAnswerError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.listing import (
    PAGE,
    list_tasks,
)
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import EPOCH
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

UPID = f"UPID:pve1:00000001:00000002:{EPOCH - 9:08X}:qmstart:100:root@pam:"


@in_virtual_time
async def test_running_and_ended_tasks_are_distinguished() -> None:
    api = FakeApi()
    running = api.cluster.start("pve1", "qmclone", 9000)
    ended = api.cluster.start("pve1", "qmstart", 100, 3, started=-60, exitstatus="job errors")
    entries = await list_tasks(api, "pve1", {"source": "all"})
    assert [(entry.upid, entry.status, entry.endtime) for entry in entries] == [
        (running.upid, None, None),
        (ended.upid, "job errors", EPOCH - 57),
    ]


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (500, 1), (501, 2), (1234, 3)])
def test_every_page_is_read_with_a_limit_of_its_own(count: int, requests: int) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        for _unused in range(count):
            api.cluster.start("pve1", "qmclone", 9000)
        entries = await list_tasks(api, "pve1", {"source": "active"})
        assert len({entry.upid for entry in entries}) == count
        assert len(api.calls) == requests
        assert {call.params["limit"] for call in api.calls} == {PAGE}

    scenario()


@in_virtual_time
async def test_no_more_is_read_than_requested() -> None:
    api = FakeApi()
    for _unused in range(2000):
        api.cluster.start("pve1", "qmclone", 9000)
    entries = await list_tasks(api, "pve1", {"source": "active"}, most=700)
    assert len(entries) == 700
    assert [call.params["limit"] for call in api.calls] == [500, 200]


@in_virtual_time
async def test_rows_that_are_no_tasks_of_proxmox_ve_are_skipped() -> None:
    api = FakeApi()
    rows = [{"upid": "UPID:pbs:x"}, {}, {"upid": UPID, "status": "OK", "endtime": "1800000000"}]
    api.disturb("tasks", Answer(rows, 3))
    [entry] = await list_tasks(api, "pve1", {})
    assert (str(entry.upid), entry.status, entry.endtime) == (UPID, "OK", 1_800_000_000)


@in_virtual_time
async def test_a_total_that_promises_too_much_ends_with_an_empty_page() -> None:
    api = FakeApi()
    api.disturb("tasks", Answer([{"upid": UPID}], 100))
    assert len(await list_tasks(api, "pve1", {})) == 1
    assert len(api.calls) == 2


@pytest.mark.parametrize(
    "data",
    [None, {}, "x", 7, [None], [[UPID]], ["text"], [{"upid": UPID, "status": 5}],
     [{"upid": UPID, "status": "OK", "endtime": "abc"}],
     [{"upid": UPID, "status": "OK", "endtime": 10**30}]],
)  # fmt: skip
def test_a_malformed_list_is_no_answer_and_is_never_taken_for_an_empty_one(data: Any) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.disturb("tasks", Answer(data, 1))
        with pytest.raises(NoAnswerError, match="GET /nodes/pve1/tasks: the answer is malformed"):
            await list_tasks(api, "pve1", {})

    scenario()


@in_virtual_time
async def test_a_total_that_is_no_number_is_no_answer() -> None:
    api = FakeApi()
    api.disturb("tasks", Answer([{"upid": UPID}], "x"))  # type: ignore[arg-type]
    with pytest.raises(NoAnswerError, match="malformed: 'x'"):
        await list_tasks(api, "pve1", {})


@in_virtual_time
async def test_a_lenient_reader_keeps_the_rows_that_are_well() -> None:
    api = FakeApi()
    api.disturb(
        "tasks", Answer([None, {"upid": UPID, "status": "OK"}, {"upid": UPID, "status": 5}], 3)
    )
    [entry] = await list_tasks(api, "pve1", {}, lenient=True)
    assert entry.status == "OK"
