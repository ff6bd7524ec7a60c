# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task engine: UPIDs, ends, faults, durations, stopping, and the archive."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from pvesim.history import MAX_INDEX_BYTES
from pvesim.upid import Upid
from pvesim.worker import Died, Interrupted, Worker

UPID = re.compile(r"UPID:pve1:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:\w+:[^:]*:root@pam!cli:")


async def nothing(_worker: Worker) -> None:
    """A body that ends at once."""


def start(cell: Any, body: Any, task_type: str = "qmconfig", ident: object = 100) -> str:
    return str(cell.world.tasks.start("pve1", "root@pam!cli", task_type, ident, body))


async def test_upids_are_unique_and_well_formed(cell: Any) -> None:
    upids = [start(cell, nothing) for _unused in range(300)]
    assert len(set(upids)) == 300
    for upid in upids:
        assert UPID.fullmatch(upid)
        assert str(Upid.parse(upid)) == upid
    assert len({upid.split(":")[2] for upid in upids}) == 300


async def test_the_last_line_of_the_log_decides(cell: Any) -> None:
    async def dies(_worker: Worker) -> None:
        raise Died("first line\nsecond line")

    async def warns(worker: Worker) -> None:
        worker.warn("careful")
        worker.warn("really")

    assert await cell.end(start(cell, nothing)) == "OK"
    assert await cell.end(start(cell, dies)) == "first line second line"
    upid = start(cell, warns)
    assert await cell.end(upid) == "WARNINGS: 2"
    assert cell.task(upid).lines == ["WARN: careful", "WARN: really", "TASK WARNINGS: 2"]


async def test_output_without_newline_hides_that_the_task_succeeded(cell: Any) -> None:
    async def dangles(worker: Worker) -> None:
        worker.task.write("...10%")

    upid = start(cell, dangles)
    assert await cell.end(upid) == "unexpected status"
    assert cell.task(upid).lines == ["...10%TASK OK"]


@pytest.mark.parametrize(
    ("wanted", "last"),
    [
        ("WARNINGS: 1", "TASK WARNINGS: 1"),
        ("no space left on device", "TASK ERROR: no space left on device"),
        ("unexpected status TASK OK", "progress 100%TASK OK"),
    ],
)
async def test_a_fault_decides_how_a_task_ends(cell: Any, wanted: str, last: str) -> None:
    cell.world.add_task_fault(type="qmstart", vmid=100, exitstatus=wanted, count=1)
    upid = await cell.call("POST", "qemu/100/status/start")
    assert await cell.end(upid) == wanted.removesuffix(" TASK OK")
    assert cell.task(upid).lines[-1] == last
    assert await cell.done("POST", "qemu/100/status/stop") == "OK"
    assert await cell.done("POST", "qemu/100/status/start") == "OK"


async def test_a_fault_applies_only_to_the_guest_and_type_it_names(cell: Any) -> None:
    cell.world.add_task_fault(type="qmclone", vmid=201, exitstatus="struck")
    ends = [await cell.done("POST", "qemu/9000/clone", {"newid": n}) for n in (200, 201, 202)]
    assert ends == ["OK", "struck", "OK"]


async def test_a_fault_of_probability_zero_never_applies(cell: Any) -> None:
    cell.world.add_task_fault(exitstatus="struck", probability=0)
    assert await cell.end(start(cell, nothing)) == "OK"


async def test_random_faults_depend_on_the_guest_and_the_attempt_not_on_the_order(
    cell: Any,
) -> None:
    cell.world.add_task_fault(exitstatus="struck", probability=0.5)

    async def struck(task_type: str, idents: list[int]) -> dict[int, str]:
        upids = {ident: start(cell, nothing, task_type, ident) for ident in idents}
        return {ident: await cell.end(upid) for ident, upid in upids.items()}

    idents = list(range(40))
    forth = await struck("qmstart", idents)
    cell.world.tasks.attempts.clear()
    assert await struck("qmstart", idents[::-1]) == forth
    assert await struck("qmstart", idents) != forth
    assert 8 < list(forth.values()).count("struck") < 32


async def test_a_fault_can_set_the_duration_of_tasks(cell: Any) -> None:
    cell.world.add_task_fault(type="qmstart", seconds=42)
    upid = await cell.call("POST", "qemu/100/status/start")
    assert await cell.end(upid) == "OK"
    assert abs(cell.task(upid).ended - cell.task(upid).started - 42) < 0.1


async def test_a_duration_does_not_depend_on_the_order_of_starts(cell: Any) -> None:
    async def works(worker: Worker) -> None:
        await worker.work()

    async def durations(idents: list[int]) -> dict[int, float]:
        upids = {ident: start(cell, works, "qmclone", ident) for ident in idents}
        for upid in upids.values():
            await cell.end(upid)
        tasks = {ident: cell.task(upid) for ident, upid in upids.items()}
        return {ident: round(task.ended - task.started, 3) for ident, task in tasks.items()}

    forth, back = await durations([1, 2, 3]), await durations([3, 2, 1])
    assert forth == back
    assert len(set(forth.values())) == 3


async def test_speed_shortens_work_but_not_timeouts(cell: Any) -> None:
    cell.clock.speed = 10
    upid = await cell.call("POST", "qemu/100/clone", {"newid": 200})
    blocked = await cell.call("POST", "qemu/100/status/start")
    await asyncio.gather(cell.end(upid), cell.end(blocked))
    copy, wait = cell.task(upid), cell.task(blocked)
    assert 2 <= copy.ended - copy.started <= 4
    assert 2 <= wait.ended - wait.started <= 5


async def test_a_stopped_task_was_interrupted(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/101/status/shutdown", node="pve2")
    await cell.settle(0.5)
    await cell.call("DELETE", f"tasks/{upid}", node="pve2")
    assert cell.task(upid).exitstatus == "received interrupt"
    assert cell.world.guests[101].running


async def test_a_stopped_wait_for_a_lock_is_reported(cell: Any) -> None:
    await cell.call("POST", "qemu/100/clone", {"newid": 200})
    upid = await cell.call("DELETE", "qemu/100")
    await cell.settle(2)
    await cell.call("DELETE", f"tasks/{upid}")
    lock = "can't lock file '/var/lock/qemu-server/lock-100.conf' - received interrupt"
    assert cell.task(upid).exitstatus == lock
    assert 100 in cell.world.guests


async def test_workers_that_do_not_end_within_five_seconds_are_killed(cell: Any) -> None:
    async def stubborn(worker: Worker) -> None:
        try:
            await worker.sleep(100)
        except Interrupted:
            await worker.sleep(100)

    upid = start(cell, stubborn)
    await cell.settle(1)
    begun = cell.clock.now()
    await cell.call("DELETE", f"tasks/{upid}")
    assert 5 <= cell.clock.now() - begun < 5.1
    assert cell.task(upid).exitstatus == "unexpected status"


async def test_stopping_an_ended_task_is_not_an_error(cell: Any) -> None:
    upid = start(cell, nothing)
    await cell.end(upid)
    assert await cell.call("DELETE", f"tasks/{upid}") is None
    assert cell.task(upid).exitstatus == "OK"


async def test_tasks_of_a_node_that_goes_down_end(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/clone", {"newid": 200})
    await cell.settle(1)
    cell.world.node_down("pve1")
    await cell.settle(30)
    assert not cell.task(upid).running
    assert cell.world.tasks.history("pve1").archive() == []
    cell.world.node_up("pve1")
    await cell.settle(11)
    entry = (await cell.call("GET", "tasks", {}))[0]
    assert (entry["upid"], entry["status"]) == (upid, "unexpected status")
    assert entry["endtime"] >= entry["starttime"] + 30
    assert cell.world.guests[200].lock == "clone"


async def test_an_end_that_pvedaemon_missed_is_noticed_by_pvestatd(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/status/start")
    cell.world.nodes["pve1"].pvedaemon = "down"
    cell.world.nodes["pve1"].pvedaemon = "up"
    assert await cell.end(upid) == "OK"
    assert (await cell.call("GET", f"tasks/{upid}/status"))["status"] == "stopped"
    assert await cell.call("GET", "tasks", {}) == []
    await cell.settle(10)
    entry = (await cell.call("GET", "tasks", {}))[0]
    assert entry["endtime"] > int(cell.task(upid).ended)


async def test_the_archive_keeps_two_generations(cell: Any) -> None:
    upids = [start(cell, nothing, ident=n) for n in range(1000, 2500)]
    for upid in upids:
        await cell.end(upid)
    history = cell.world.tasks.history("pve1")
    kept = [str(entry.task.upid) for entry in history.archive()]
    assert 600 <= len(kept) <= 1400
    assert kept[0] == upids[-1]
    assert upids[0] not in kept
    assert sum(entry.size for entry in history.older) > MAX_INDEX_BYTES
    assert (await cell.call("GET", f"tasks/{upids[0]}/status"))["exitstatus"] == "OK"


async def test_a_node_broadcasts_25_tasks_and_all_running_ones(cell: Any) -> None:
    for number in range(30):
        await cell.end(start(cell, nothing, ident=number))

    async def waits(worker: Worker) -> None:
        await worker.sleep(50)

    for number in range(3):
        start(cell, waits, ident=number)
    entries = await cell.call("GET", "/cluster/tasks")
    assert len(entries) == 25
    assert [("pid" in e, "endtime" in e) for e in entries[:4]] == [
        (True, False),
        (True, False),
        (True, False),
        (False, True),
    ]
