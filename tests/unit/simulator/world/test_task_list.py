# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of tasks with their filters and quirks, and the log of one task."""

from __future__ import annotations

from typing import Any

import pytest
from pvesim.calls import Call, Caller, CallError
from pvesim.paths.task_list import node_tasks
from pvesim.worker import Worker


async def works(worker: Worker) -> None:
    await worker.sleep(100)


async def test_running_tasks_are_in_active_only_and_ended_ones_in_the_archive(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/clone", {"newid": 200})
    assert await cell.call("GET", "tasks") == []
    (active,) = await cell.call("GET", "tasks", {"source": "active"})
    assert (active["upid"], active["status"], active["saved"]) == (upid, "RUNNING", "0")
    assert active["user"] == "root@pam!cli"
    assert "tokenid" not in active
    await cell.end(upid)
    assert await cell.call("GET", "tasks", {"source": "active"}) == []
    (ended,) = await cell.call("GET", "tasks")
    assert (ended["user"], ended["tokenid"], ended["status"]) == ("root@pam", "cli", "OK")
    assert "saved" not in ended


async def test_total_counts_what_matches_before_paging(cell: Any) -> None:
    for _unused in range(4):
        await cell.done("POST", "qemu/100/config", {"cores": 1})
    caller = Caller("root@pam", "cli", lambda _path, _privilege: True)

    async def listed(**params: Any) -> tuple[int, int]:
        call = Call("GET", "/nodes/{node}/tasks", params, caller, "pve1")
        listing = await node_tasks(cell.world, call)
        return len(listing.data), listing.total

    assert await listed() == (4, 4)
    assert await listed(limit=2) == (2, 4)
    assert await listed(limit=0) == (0, 4)
    assert await listed(start=3) == (1, 4)
    assert await listed(typefilter="nosuch") == (0, 0)


async def test_the_newest_end_comes_first(cell: Any) -> None:
    slow = await cell.call("POST", "qemu/100/clone", {"newid": 200, "full": 1})
    quick = await cell.call("POST", "qemu/9000/clone", {"newid": 201})
    await cell.end(quick)
    await cell.end(slow)
    assert [e["upid"] for e in await cell.call("GET", "tasks")] == [slow, quick]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, 4),
        ({"typefilter": "qmstart"}, 3),
        ({"typefilter": "start"}, 0),
        ({"vmid": 100}, 4),
        ({"vmid": 200}, 0),
        ({"userfilter": "ROOT@"}, 4),
        ({"userfilter": "root@pam!cli"}, 0),
        ({"statusfilter": "ok"}, 1),
        ({"statusfilter": "OK, Warning"}, 2),
        ({"statusfilter": "unknown"}, 1),
        ({"errors": 1}, 3),
        ({"errors": 1, "statusfilter": "ok"}, 3),
        ({"errors": 0}, 4),
    ],
)
async def test_lists_can_be_filtered(cell: Any, params: dict[str, Any], found: int) -> None:
    for status in ("WARNINGS: 1", "unexpected status", "broken"):
        cell.world.add_task_fault(type="qmstart", exitstatus=status, count=1)
        await cell.done("POST", "qemu/100/status/start")
        cell.world.guests[100].status = "stopped"
    await cell.done("POST", "qemu/100/clone", {"newid": 200})
    assert len(await cell.call("GET", "tasks", params)) == found


async def test_since_and_until_compare_the_start_and_include_it(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/clone", {"newid": 200})
    await cell.end(upid)
    begun = int(cell.task(upid).started)
    for params, found in (
        ({"since": begun}, 1),
        ({"since": begun + 1}, 0),
        ({"until": begun}, 1),
        ({"until": begun - 1}, 0),
    ):
        assert len(await cell.call("GET", "tasks", params)) == found


async def test_an_unknown_type_of_status_is_refused(cell: Any) -> None:
    refusal = await cell.refusal("GET", "tasks", {"statusfilter": "bogus"})
    assert refusal.errors == {"statusfilter": "invalid format - invalid status 'bogus'\n"}


def no_rights(_path: str, _privilege: str) -> bool:
    return False


async def test_a_user_does_not_see_running_tasks_of_their_tokens_but_the_ended_ones(
    cell: Any,
) -> None:
    who = {"userid": "ansible@pve", "may": no_rights}
    upid = cell.world.tasks.start("pve1", "ansible@pve!ci", "qmshutdown", 100, works)
    source = {"source": "active"}
    assert await cell.call("GET", "tasks", source, **who, tokenid=None) == []
    assert len(await cell.call("GET", "tasks", source, **who, tokenid="ci")) == 1
    assert (await cell.call("GET", f"tasks/{upid}/status", **who, tokenid=None))["tokenid"] == "ci"
    assert len(await cell.call("GET", "/cluster/tasks", **who, tokenid=None)) == 1
    assert await cell.call("GET", "/cluster/tasks", **who, tokenid="ci") == []
    await cell.call("DELETE", f"tasks/{upid}", **who, tokenid=None)
    assert len(await cell.call("GET", "tasks", **who, tokenid=None)) == 1
    assert await cell.call("GET", "tasks", **who, tokenid="other") == []


async def test_tasks_of_others_need_rights_on_the_node(cell: Any) -> None:
    upid = cell.world.tasks.start("pve1", "root@pam", "qmshutdown", 100, works)
    who = {"userid": "bob@pve", "may": no_rights}
    assert await cell.call("GET", "tasks", {"source": "active"}, **who) == []
    for method, path, privilege in (
        ("GET", f"tasks/{upid}/status", "Sys.Audit"),
        ("GET", f"tasks/{upid}/log", "Sys.Audit"),
        ("DELETE", f"tasks/{upid}", "Sys.Modify"),
    ):
        refusal = await cell.refusal(method, path, **who)
        assert refusal.message == f"Permission check failed (/nodes/pve1, {privilege})"


MISSING = "UPID:pve1:0000FFFF:0002A15C:6B00C86D:qmclone:120:root@pam!cli:"


async def test_a_upid_without_a_log_is_not_a_task_but_its_log_has_one_line(cell: Any) -> None:
    for method, path in (("GET", f"tasks/{MISSING}/status"), ("DELETE", f"tasks/{MISSING}")):
        refusal = await cell.refusal(method, path)
        assert (refusal.status, refusal.errors) == (400, {"upid": "no such task"})
    assert await cell.call("GET", f"tasks/{MISSING}/log") == [
        {"n": 1, "t": "unable to open file - No such file or directory"}
    ]


async def test_an_invalid_upid_is_refused(cell: Any) -> None:
    for upid in (
        "garbage",
        MISSING[:-1],
        MISSING.replace("0000FFFF", "FFF"),
        MISSING.replace("qmclone", ""),
    ):
        for method, path in (("GET", "/status"), ("GET", "/log"), ("DELETE", "")):
            refusal = await cell.refusal(method, f"tasks/{upid}{path}")
            assert refusal.errors == {"upid": "unable to parse worker upid"}


async def test_another_node_does_not_know_the_task(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/clone", {"newid": 200})
    with pytest.raises(CallError, match="Parameter verification failed"):
        await cell.call("GET", f"tasks/{upid}/status", node="pve2")
    with pytest.raises(CallError, match="Parameter verification failed"):
        await cell.call("GET", f"tasks/{upid.lower()}/status".replace("upid", "UPID"))


async def test_logs_are_paged(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/clone", {"newid": 200})
    await cell.end(upid)
    lines = cell.task(upid).lines
    assert 95 < len(lines) < 105
    log = f"tasks/{upid}/log"
    assert len(await cell.call("GET", log)) == 50
    assert len(await cell.call("GET", log, {"limit": 0})) == len(lines)
    page = await cell.call("GET", log, {"start": len(lines) - 1, "limit": 5})
    assert page == [{"n": len(lines), "t": "TASK OK"}]
    assert await cell.call("GET", log, {"start": 5000}) == []


async def test_an_empty_log_has_one_line_at_any_start(cell: Any) -> None:
    upid = cell.world.tasks.start("pve1", "root@pam", "qmshutdown", 100, works)
    for params in ({}, {"start": 1}, {"limit": 0}):
        answer = await cell.call("GET", f"tasks/{upid}/log", params)
        assert answer == [{"n": 1, "t": "no content"}]


async def test_a_downloaded_log_is_not_paged(cell: Any) -> None:
    refusal = await cell.refusal("GET", f"tasks/{MISSING}/log", {"download": 1, "start": 1})
    assert refusal.message == (
        "'download' cannot be used together with 'start' or 'limit' parameters"
    )
