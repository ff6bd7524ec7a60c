# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task: its status, its log, its end (`PVE/API2/Tasks.pm`)."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from pvesim.calls import Call, CallError, Download, Listing, call, parameter_error
from pvesim.task import Task
from pvesim.upid import Upid
from pvesim.world import World

from .task_list import owner, split_user

DEFAULT_LIMIT = 50
NO_FILE = "unable to open file - No such file or directory"


def _parse(call: Call) -> Upid:
    upid = Upid.parse(call.params["upid"])
    if upid is None:
        raise parameter_error(upid="unable to parse worker upid")
    return upid


def _check_right(call: Call, upid: Upid, privilege: str) -> None:
    """The own tasks are free, others' need a right on the node."""
    if owner(call, upid.userid, upid.tokenid):
        return
    path = f"/nodes/{call.node}"
    if not call.caller.may(path, privilege):
        raise CallError(403, f"Permission check failed ({path}, {privilege})")


def _find(world: World, call: Call) -> Task:
    task = world.tasks.find(call.node, call.params["upid"])
    if task is None:
        raise parameter_error(upid="no such task")
    return task


@call("GET", "/nodes/{node}/tasks/{upid}")
async def task_index(_world: World, _call: Call) -> list[dict[str, str]]:
    """What there is to ask about a task."""
    return [{"name": "log"}, {"name": "status"}]


@call("GET", "/nodes/{node}/tasks/{upid}/status")
async def task_status(world: World, call: Call) -> dict[str, Any]:
    """Whether it runs, and how it ended."""
    upid = _parse(call)
    task = _find(world, call)
    _check_right(call, upid, "Sys.Audit")
    entry: dict[str, Any] = {
        "upid": str(upid),
        "node": upid.node,
        "pid": upid.pid,
        "pstart": upid.pstart,
        "starttime": upid.starttime,
        "type": upid.type,
        "id": upid.id,
        "status": "running" if task.running else "stopped",
        **split_user(upid),
    }
    if not task.running:
        entry["exitstatus"] = task.exitstatus
    return entry


@call("GET", "/nodes/{node}/tasks/{upid}/log")
async def task_log(world: World, call: Call) -> Any:
    """Lines of the log: numbered from 1, `limit` 0 means all."""
    upid = _parse(call)
    _check_right(call, upid, "Sys.Audit")
    task = world.tasks.find(call.node, call.params["upid"])
    if call.params.get("download"):
        return _download(call, task)
    if task is None:
        return Listing([{"n": 1, "t": NO_FILE}], 1)
    if not task.lines:
        return Listing([{"n": 1, "t": "no content"}], 1)
    start = call.params.get("start", 0)
    limit = call.params.get("limit", DEFAULT_LIMIT) or len(task.lines)
    lines = enumerate(task.lines[start : start + limit], start=start + 1)
    return Listing([{"n": n, "t": t} for n, t in lines], len(task.lines))


def _download(call: Call, task: Task | None) -> Download:
    """The whole log as one text file, named by the start of the task in UTC."""
    if "start" in call.params or "limit" in call.params:
        text = "'download' cannot be used together with 'start' or 'limit' parameters"
        raise CallError(500, text)
    if task is None:
        raise CallError(500, NO_FILE)
    begun = datetime.fromtimestamp(task.upid.starttime, tz=timezone.utc)
    name = f"task-{task.upid.node}-{task.upid.type}-{begun:%Y-%m-%dT%H:%M:%SZ}.log"
    return Download("".join(f"{line}\n" for line in task.lines), name)


@call("DELETE", "/nodes/{node}/tasks/{upid}")
async def stop_task(world: World, call: Call) -> None:
    """Stop a task; the answer comes when it has ended, or after five seconds and a SIGKILL."""
    upid = _parse(call)
    task = _find(world, call)
    _check_right(call, upid, "Sys.Modify")
    await world.tasks.stop(task)
