# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of a node and of the cluster: starts and ends of tasks, by the API server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pvesim.calls import Call, Listing, call
from pvesim.task import Task
from pvesim.upid import Upid
from pvesim.world import World

DEFAULT_LIMIT, DEFAULT_MAX = 50, 500
INFO, ERROR = 6, 3
"""Priorities of syslog."""


@dataclass(frozen=True)
class Message:
    """One message of pvedaemon, which forked the task, or of pveproxy's own worker."""

    time: int
    upid: Upid
    text: str
    priority: int

    @property
    def line(self) -> str:
        """The message as syslog has it, in UTC."""
        when = datetime.fromtimestamp(self.time, tz=timezone.utc)
        who = f"pvedaemon[{self.upid.pid}]: <{self.upid.user}>"
        return f"{when:%b %d %H:%M:%S} {self.upid.node} {who} {self.text}"


def messages(tasks: Iterable[Task]) -> list[Message]:
    """What was logged about tasks, oldest first."""
    return sorted((m for task in tasks for m in _of(task)), key=lambda message: message.time)


def _of(task: Task) -> Iterator[Message]:
    yield Message(task.upid.starttime, task.upid, f"starting task {task.upid}", INFO)
    if task.noticed is not None:
        priority = INFO if task.exitstatus == "OK" else ERROR
        yield Message(task.noticed, task.upid, f"end task {task.upid} {task.exitstatus}", priority)


def _node_messages(world: World, call: Call) -> list[Message]:
    return messages(task for task in world.tasks.every() if task.upid.node == call.node)


def _between(message: Message, call: Call) -> bool:
    """Whether a message is between these times, which are texts in UTC."""
    when = f"{datetime.fromtimestamp(message.time, tz=timezone.utc):%Y-%m-%d %H:%M:%S}"
    return str(call.params.get("since", "")) <= when <= str(call.params.get("until", "~"))


@call("GET", "/nodes/{node}/syslog")
async def syslog(world: World, call: Call) -> Listing:
    """Numbered lines; a log without any has one that says so."""
    lines = [message.line for message in _node_messages(world, call) if _between(message, call)]
    lines = lines if call.params.get("service", "pvedaemon") == "pvedaemon" else []
    if not lines:
        return Listing([{"n": 1, "t": "no content"}], 1)
    start = int(call.params.get("start", 0))
    limit = int(call.params.get("limit", DEFAULT_LIMIT)) or len(lines)
    shown = enumerate(lines[start : start + limit], start=start + 1)
    return Listing([{"n": n, "t": t} for n, t in shown], len(lines))


@call("GET", "/nodes/{node}/journal")
async def journal(world: World, call: Call) -> list[str]:
    """The lines between two moments, the last ones when they are counted."""
    since, until = call.params.get("since", 0), call.params.get("until", world.time_at(call.node))
    lines = [m.line for m in _node_messages(world, call) if since <= m.time <= until]
    last = call.params.get("lastentries")
    return lines if last is None else lines[max(0, len(lines) - int(last)) :]


@call("GET", "/cluster/log")
async def cluster_log(world: World, call: Call) -> list[dict[str, Any]]:
    """The messages of all nodes, newest first: one's own, or all for who may see them."""
    every = call.caller.may("/", "Sys.Syslog")
    entries = [
        {
            "uid": str(number),
            "time": message.time,
            "pri": message.priority,
            "tag": "pvedaemon",
            "pid": message.upid.pid,
            "node": message.upid.node,
            "user": message.upid.user,
            "id": f"{number}:{message.upid.node}",
            "msg": message.text,
        }
        for number, message in enumerate(messages(world.tasks.every()), start=1)
        if every or message.upid.user == call.caller.authid
    ]
    return entries[::-1][: int(call.params.get("max", DEFAULT_MAX))]
