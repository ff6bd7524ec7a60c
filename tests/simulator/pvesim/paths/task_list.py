# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of tasks: of a node (`PVE/API2/Tasks.pm`) and of the cluster (`PVE/API2/Cluster.pm`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pvesim.calls import Call, Listing, call, parameter_error
from pvesim.history import Entry
from pvesim.task import Task, status_kind
from pvesim.upid import Upid
from pvesim.world import World

KINDS = ("ok", "error", "warning", "unknown")
DEFAULT_LIMIT = 50


def _base(upid: Upid) -> dict[str, Any]:
    """What every list and the status say about a task."""
    return {
        "upid": str(upid),
        "node": upid.node,
        "starttime": upid.starttime,
        "type": upid.type,
        "id": upid.id,
    }


def split_user(upid: Upid) -> dict[str, str]:
    """The user, and the token where one was used."""
    token = {"tokenid": upid.tokenid} if upid.tokenid else {}
    return {"user": upid.userid, **token}


def owner(call: Call, user: str, tokenid: str | None) -> bool:
    """Whether the task is the caller's own: users own what their tokens started."""
    if user != call.caller.userid:
        return False
    return call.caller.tokenid is None or call.caller.tokenid == tokenid


def _active(world: World, node: str) -> Iterator[dict[str, Any]]:
    """The running tasks: their user is not split, a quirk of the source `active`."""
    for task in sorted(world.tasks.history(node).running, key=lambda t: t.started, reverse=True):
        upid = task.upid
        entry = _base(upid) | {"pid": upid.pid, "pstart": upid.pstart, "user": upid.user}
        yield entry | {"status": "RUNNING", "saved": "0"}


def _archive(world: World, node: str) -> Iterator[dict[str, Any]]:
    """The ended tasks, the last end first."""
    for item in world.tasks.history(node).archive():
        upid = item.task.upid
        entry = _base(upid) | split_user(upid) | {"pid": upid.pid, "pstart": upid.pstart}
        yield entry | {"endtime": item.endtime, "status": item.status}


def _own(call: Call, entry: dict[str, Any]) -> bool:
    """Whether the entry belongs to the caller; an active one is compared unsplit."""
    if "saved" not in entry:
        return owner(call, entry["user"], entry.get("tokenid"))
    return bool(entry["user"] == call.caller.authid)


def _kinds(call: Call) -> set[str]:
    """The kinds of status that are wanted; `errors` overrides `statusfilter`."""
    if call.params.get("errors"):
        return {"error", "warning", "unknown"}
    wanted = {k.lower() for k in re.split(r"[,;\s]+", call.params.get("statusfilter", "")) if k}
    for kind in wanted - set(KINDS):
        raise parameter_error(statusfilter=f"invalid format - invalid status '{kind}'\n")
    return wanted or set(KINDS)


def _matches(call: Call, entry: dict[str, Any], kinds: set[str]) -> bool:
    """Whether the entry passes all filters."""
    params = call.params
    running = "saved" in entry
    return (
        params.get("userfilter", "").lower() in entry["user"].lower()
        and params.get("typefilter", entry["type"]) == entry["type"]
        and str(params.get("vmid", entry["id"])) == entry["id"]
        and params.get("since", 0) <= entry["starttime"]
        and entry["starttime"] <= params.get("until", entry["starttime"])
        and status_kind(None if running else entry["status"]) in kinds
    )


@call("GET", "/nodes/{node}/tasks")
async def node_tasks(world: World, call: Call) -> Listing:
    """The tasks of a node that the caller may see."""
    source = call.params.get("source", "archive")
    entries: list[dict[str, Any]] = []
    if source in ("active", "all"):
        entries += _active(world, call.node)
    if source in ("archive", "all"):
        entries += _archive(world, call.node)
    kinds = _kinds(call)
    auditor = call.caller.may(f"/nodes/{call.node}", "Sys.Audit")
    found = [e for e in entries if (auditor or _own(call, e)) and _matches(call, e, kinds)]
    start = call.params.get("start", 0)
    return Listing(found[start : start + call.params.get("limit", DEFAULT_LIMIT)], len(found))


@call("GET", "/cluster/tasks")
async def cluster_tasks(world: World, call: Call) -> list[dict[str, Any]]:
    """What the nodes broadcast; a token without Sys.Audit sees nothing, its user does."""
    auditor = call.caller.may("/", "Sys.Audit")
    entries: list[dict[str, Any]] = []
    for node in world.nodes.values():
        if node.state != "up":
            continue
        for item in world.tasks.history(node.name).active():
            upid = (item if isinstance(item, Task) else item.task).upid
            if auditor or upid.userid == call.caller.authid:
                fresh = item in world.tasks.history(node.name).fresh
                entries.append(_base(upid) | split_user(upid) | _broadcast_state(item, fresh))
    return entries


def _broadcast_state(item: Task | Entry, fresh: bool) -> dict[str, Any]:
    """An end that was just seen is saved with a number, one read from the file with a text."""
    if isinstance(item, Task):
        return {"pid": item.upid.pid}
    return {"endtime": item.endtime, "status": item.status, "saved": 1 if fresh else "1"}
