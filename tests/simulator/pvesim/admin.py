# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths under `/_sim/`, by which tests look into the cluster and disturb it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import yaml

from .answer import JSON_TYPE, Answer
from .arrivals import arrive
from .calls import CallError
from .faults import Faults
from .images import example
from .parameters import decode_form
from .request import Request
from .traffic import Traffic
from .world import World
from .worldfile import WorldFileError, checked
from .worldsave import saved

PREFIX = "/_sim/"
PATHS = """\
POST   /_sim/faults                 a fault, or {action: task, ...} -> {id}
DELETE /_sim/faults
GET    /_sim/requests               {counts: {"GET /version": 1}, total, connections, logins};
                                    ?calls=1: also what each of the last requests sent
DELETE /_sim/requests
GET    /_sim/world                  guests, tasks, nodes, volumes, users, ACL, pools, jobs;
                                    ?format=file: all of it as a world file, secrets too
POST   /_sim/world                  a world file, as JSON or YAML: the cluster becomes that
POST   /_sim/reset                  the world of the start again, no faults, counters at zero
POST   /_sim/nodes/{node}/up|down|silent|frozen|closed|untrusted
POST   /_sim/nodes/{node}/clock     {offset: 600}: seconds by which its clock is ahead
POST   /_sim/nodes/{node}/pvedaemon/up|down|block
POST   /_sim/nodes/{node}/pmxcfs/up|down|restart
POST   /_sim/quorum                 {there: false} or {lost: true}
POST   /_sim/guests/{vmid}          {lock: backup}: options of the config, null removes one
POST   /_sim/arrivals               a guest of another cluster comes here, see arrivals.py
POST   /_sim/tasks/{upid}/kill      SIGKILL for the worker
GET    /_sim/images/{image}         a small qcow2 image of 2 GiB for nodes to download; with
                                    .sha256 after its name its checksum, as plain text
POST   /_sim/clock                  {pause: true}, {resume: true} or {advance: seconds}
"""
IMAGES = f"{PREFIX}images/"
SEEN = ("silent", "frozen", "closed", "untrusted")
"""States of a node that lives, which are about how others reach it."""
PMXCFS = ("up", "down", "restart")
RESTART = 2.0
"""Seconds that a restart of pmxcfs takes."""
PVEDAEMON = {"up": "up", "down": "down", "block": "blocked"}


class Refused(Exception):
    """A request that makes no sense, with its status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Admin:
    """Answers the requests under `/_sim/`; they need no login and are not counted."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        traffic: Traffic,
        node_changed: Callable[[str], Awaitable[None]],
    ) -> None:
        self._world = world
        self._faults = faults
        self._traffic = traffic
        self._node_changed = node_changed
        self.begin_anew: Callable[[Mapping[str, Any]], Awaitable[None]] = _not_served

    async def answer(self, request: Request) -> Answer:
        """The answer as JSON; mistakes give `{error: text}` with 400 or 404."""
        if request.method == "GET" and request.path.startswith(IMAGES):
            return _image(request.path.removeprefix(IMAGES))
        try:
            document, status = await self._act(request), 200
        except Refused as refused:
            document, status = {"error": str(refused)}, refused.status
        except (TypeError, ValueError) as error:
            document, status = {"error": str(error)}, 400
        body = json.dumps(document, default=str).encode()
        return Answer(status, {200: "OK", 400: "Bad Request"}.get(status, "Not Found"), body,
                      JSON_TYPE)  # fmt: skip

    async def _act(self, request: Request) -> Any:
        parts = request.path.removeprefix(PREFIX).strip("/").split("/")
        if request.method == "POST" and parts[0] == "nodes":
            return await self._node(parts[1:], _document(request))
        match [request.method, *parts]:
            case ["POST", "guests", vmid]:
                return self._guest(vmid, _document(request))
            case ["POST", "tasks", upid, "kill"]:
                return self._kill(upid)
            case ["POST", "world" | "reset" as what]:
                anew = what == "reset"
                return await self._become(
                    self._world.source if anew else yaml.safe_load(request.body)
                )
        return self._ask(request, parts)

    def _ask(self, request: Request, parts: list[str]) -> Any:
        """What needs no waiting."""
        if request.method == "GET" and parts == ["requests"]:
            return self._traffic.as_json(calls=_query(request, "calls") == "1")
        if request.method == "GET" and parts == ["world"]:
            return self._world_as(_query(request, "format"))
        actions = {
            "POST faults": self._add_fault,
            "DELETE faults": self._clear_faults,
            "DELETE requests": self._clear_requests,
            "POST clock": self._clock,
            "POST quorum": self._quorum,
            "POST arrivals": self._arrive,
        }
        action = actions.get(f"{request.method} {'/'.join(parts)}")
        if action is None:
            raise Refused(404, f"{request.method} {request.path} is not known")
        return action(_document(request))

    def _add_fault(self, document: Mapping[str, Any]) -> Any:
        if document.get("action") != "task":
            return {"id": self._faults.add(document)}
        self._world.add_task_fault(**{k: v for k, v in document.items() if k != "action"})
        return {"id": self._faults.next_id()}

    def _clear_faults(self, _document: Mapping[str, Any]) -> Any:
        self._faults.clear()
        self._world.clear_task_faults()
        return {}

    def _clear_requests(self, _document: Mapping[str, Any]) -> Any:
        self._traffic.clear()
        return {}

    def _world_as(self, form: str) -> Any:
        if form not in ("", "file"):
            raise Refused(400, f"the world has the format file, or none, not {form!r}")
        return saved(self._world) if form else self._world.as_json()

    async def _become(self, data: Any) -> Any:
        """Replace the cluster by the described one."""
        try:
            await self.begin_anew(checked(data))
        except (WorldFileError, KeyError, AttributeError) as error:
            raise Refused(400, f"{error}") from error
        return {"nodes": list(self._world.nodes), "guests": len(self._world.guests)}

    def _clock(self, document: Mapping[str, Any]) -> Any:
        clock = self._world.clock
        if set(document) - {"pause", "resume", "advance"} or not document:
            raise Refused(400, "the clock knows pause, resume and advance")
        if document.get("pause"):
            clock.pause()
        if "advance" in document:
            clock.advance(float(document["advance"]))
        if document.get("resume"):
            clock.resume()
        return {"now": clock.now(), "paused": clock.paused}

    def _quorum(self, document: Mapping[str, Any]) -> Any:
        match document:
            case {"there": bool(there), **others} if not others:
                self._world.quorate = there
            case {"lost": bool(lost), **others} if not others:
                self._world.quorate = not lost
            case _:
                raise Refused(400, "quorum is {there: true} or {there: false}")
        return {"there": self._world.quorate}

    def _guest(self, vmid: str, options: Mapping[str, Any]) -> Any:
        guest = self._world.guests.get(int(vmid))
        if guest is None:
            raise Refused(404, f"there is no guest {vmid}")
        for key, value in options.items():
            if value is None:
                guest.config.pop(key, None)
            else:
                guest.config[key] = value
        return guest.config

    def _arrive(self, document: Mapping[str, Any]) -> Any:
        try:
            return arrive(self._world, document)
        except (CallError, KeyError) as error:
            raise Refused(400, f"{error}") from error

    def _kill(self, upid: str) -> Any:
        for task in self._world.tasks.every():
            if str(task.upid) == upid and task.running:
                self._world.tasks.kill(task)
                return {"upid": upid}
        raise Refused(404, f"there is no running task {upid}")

    def _set_pmxcfs(self, name: str, state: str) -> None:
        """A restart is an end, and a beginning two seconds later."""
        world = self._world
        world.set_pmxcfs(name, "up" if state == "up" else "down")

        async def begin() -> None:
            world.set_pmxcfs(name, "up")

        if state == "restart":
            world.tasks.later(RESTART, begin)

    async def _node(self, parts: list[str], document: Mapping[str, Any]) -> Any:
        name, *action = parts
        node = self._world.nodes.get(name)
        if node is None:
            raise Refused(404, f"there is no node {name!r}")
        match action:
            case ["pvedaemon", state] if state in PVEDAEMON:
                node.pvedaemon = PVEDAEMON[state]
            case ["pmxcfs", state] if state in PMXCFS:
                self._set_pmxcfs(name, state)
            case ["clock"]:
                node.clock_offset = _offset(document)
            case ["up"]:
                self._world.node_up(name)
            case ["down"]:
                self._world.node_down(name)
            case [state] if state in SEEN:
                self._world.node_unreached(name, state)
            case _:
                raise Refused(404, f"a node cannot be {'/'.join(action)!r}")
        await self._node_changed(name)
        return {"node": name, "state": node.state, "pvedaemon": node.pvedaemon,
                "pmxcfs": node.pmxcfs, "clock_offset": node.clock_offset}  # fmt: skip


def _offset(document: Mapping[str, Any]) -> float:
    """By how much the clock of a node is ahead."""
    if set(document) != {"offset"} or not isinstance(document["offset"], (int, float)):
        raise Refused(400, "the clock of a node is {offset: seconds}")
    return float(document["offset"])


async def _not_served(_data: Mapping[str, Any]) -> None:
    """Nobody serves the world."""


def _query(request: Request, name: str) -> str:
    """A parameter of the query, empty without it."""
    return str(decode_form(request.query).get(name, ""))


def _document(request: Request) -> Mapping[str, Any]:
    """The JSON object in the body, empty without one."""
    document = json.loads(request.body) if request.body else {}
    if not isinstance(document, dict):
        raise Refused(400, "the body is no JSON object")
    return document


def _image(name: str) -> Answer:
    """An image, or its checksum."""
    if name.endswith(".sha256"):
        checksum = hashlib.sha256(example(name.removesuffix(".sha256"))).hexdigest()
        return Answer(200, "OK", checksum.encode(), "text/plain")
    return Answer(200, "OK", example(name), "application/octet-stream")
