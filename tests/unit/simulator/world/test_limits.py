# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of the server: starts in bursts, the size of lists, the daily removal of logs."""

from __future__ import annotations

import json
from typing import Any

from pvesim.calls import CallError
from pvesim.worker import Died, Worker

LOST = "got no worker upid - start worker failed"
DAY = 86400


async def nothing(_worker: Worker) -> None:
    """A body that ends at once."""


def burst(cell: Any, count: int) -> list[str | None]:
    """Start so many tasks at a time; None for every start that failed."""
    upids: list[str | None] = []
    for number in range(count):
        try:
            upid = cell.world.tasks.start("pve1", "root@pam!cli", "qmstart", number, nothing)
        except CallError as error:
            if error.message != LOST:
                raise
            upid = None
        upids.append(upid)
    return upids


async def test_no_start_fails_unless_the_world_says_so(cell: Any) -> None:
    assert cell.world.start_failures == 0
    assert None not in burst(cell, 500)


async def test_in_a_burst_some_starts_fail_and_some_of_them_leave_a_log(cell: Any) -> None:
    cell.world.start_failures = 0.012
    lost = left = 0
    for _second in range(40):
        lost += burst(cell, 57).count(None)
        await cell.settle(1.5)
    left = sum(
        1 for e in cell.world.tasks.history("pve1").archive() if e.status == "unexpected status"
    )
    assert 3 <= lost <= 40
    assert 0 < left < lost


async def test_a_start_without_others_never_fails(cell: Any) -> None:
    cell.world.start_failures = 57.0
    for _time in range(20):
        assert burst(cell, 1) != [None]
        await cell.settle(1.1)
    assert None in burst(cell, 57)


async def test_random_results_are_the_same_with_the_same_seed(cell: Any) -> None:
    cell.world.start_failures = 0.5
    first = [upid is None for upid in burst(cell, 100)]
    cell.world.tasks.attempts.clear()
    await cell.settle(1.5)
    assert [upid is None for upid in burst(cell, 100)] == first
    assert 10 < first.count(True) < 90


async def test_an_operation_without_a_free_worker_does_not_run(cell: Any) -> None:
    cell.world.start_failures = 57.0
    burst(cell, 5)
    refusal = await cell.refusal("POST", "qemu/9000/clone", {"newid": 200})
    assert (refusal.status, refusal.message) == (500, LOST)
    await cell.settle(30)
    assert 200 not in cell.world.guests
    assert await cell.done("POST", "qemu/9000/clone", {"newid": 200}) == "OK"


async def end_with(cell: Any, text: str, count: int) -> list[str]:
    """Run tasks that fail with a text; their UPIDs."""

    async def dies(_worker: Worker) -> None:
        raise Died(text)

    tasks = cell.world.tasks
    upids = [tasks.start("pve1", "root@pam", "qmstart", n, dies) for n in range(count)]
    for upid in upids:
        await cell.end(upid)
    return [str(upid) for upid in upids]


async def test_a_broadcast_ends_where_32_kib_are_full(cell: Any) -> None:
    await end_with(cell, "x" * 3000, 30)
    entries = await cell.call("GET", "/cluster/tasks")
    assert 8 <= len(entries) <= 11
    assert len(json.dumps(entries)) < 34_000
    await end_with(cell, "short", 30)
    assert len(await cell.call("GET", "/cluster/tasks")) == 25


async def test_long_error_texts_shorten_the_memory(cell: Any) -> None:
    await end_with(cell, "x" * 3000, 60)
    archive = cell.world.tasks.history("pve1").archive()
    assert len(archive) < 40


async def test_a_task_that_left_the_archive_is_known_until_its_log_is_removed(cell: Any) -> None:
    upids = await end_with(cell, "x" * 3000, 20)
    await cell.settle(5)
    await end_with(cell, "y" * 3000, 40)
    listed = [e["upid"] for e in await cell.call("GET", "tasks", {"limit": 500})]
    assert upids[0] not in listed
    path = f"tasks/{upids[0]}"
    assert (await cell.call("GET", f"{path}/status"))["exitstatus"] == "x" * 3000
    cell.world.tasks.remove_old_logs("pve1")
    for method, rest in (("GET", "/status"), ("DELETE", "")):
        assert (await cell.refusal(method, path + rest)).errors == {"upid": "no such task"}
    told = "unable to open file - No such file or directory"
    assert await cell.call("GET", f"{path}/log") == [{"n": 1, "t": told}]
    for upid in listed:
        assert await cell.call("GET", f"tasks/{upid}/status")


async def test_the_daily_job_runs_at_night(cell: Any) -> None:
    runs: list[tuple[str, float]] = []
    cell.world.tasks.remove_old_logs = lambda node: runs.append((node, cell.clock.now()))
    cell.world.node_down("pve3")
    for _hour in range(48):
        cell.clock.advance(3600)
        cell.world.statd.refresh()
    assert sorted(node for node, _when in runs) == ["pve1", "pve1", "pve2", "pve2"]
    assert {(int(when) % DAY) // 3600 for _node, when in runs} <= {1, 2, 3, 4, 5, 6}
