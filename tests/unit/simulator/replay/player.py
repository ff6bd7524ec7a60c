# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays a phase: sends what was recorded to the simulator and compares the answers."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from pathlib import Path

from .client import Reply
from .events import Events, token
from .likeness import differences
from .recording import Recording
from .script import Phase, Script
from .stage import Stage
from .task_names import TaskNames

DEFAULT_START = 1_795_213_000
A_WHILE = 1.0
"""Seconds between the start of a phase and its first request."""
TICKET = "PVE:user@realm:6B000000::TICKET"
CSRF = "6B000000:CSRF"


async def play(script: Script, phase: Phase, directory: Path) -> dict[int, list[str]]:
    """The differences of every recording of a phase."""
    start = next((r.started for r in phase.recordings if r.started), DEFAULT_START)
    stage = Stage(script.world, start - A_WHILE, directory)
    await stage.open()
    try:
        return await Player(script, stage).play(phase)
    finally:
        await stage.close()


class Player:
    """Sends recorded requests to one world."""

    def __init__(self, script: Script, stage: Stage) -> None:
        self._script = script
        self._stage = stage
        self._events = Events(stage)
        self._names = TaskNames()

    async def play(self, phase: Phase) -> dict[int, list[str]]:
        """All requests of a phase, in their order."""
        found: dict[int, list[str]] = {}
        waiting = list(phase.recordings)
        while waiting:
            numbers = self._script.together(waiting[0].number)
            by_number = {r.number: r for r in waiting}
            group = [by_number[n] for n in numbers if n in by_number] or waiting[:1]
            waiting = [r for r in waiting if r not in group]
            try:
                found |= await self._play_group(group)
            except (AssertionError, TimeoutError, LookupError) as error:
                found |= {r.number: [f"the event before it failed: {error!r}"] for r in group}
        return found

    async def _play_group(self, group: Sequence[Recording]) -> dict[int, list[str]]:
        """Requests that are sent at the same time; those before are over."""
        for recording in group:
            for event in self._script.before(recording.number):
                await self._events.happen(event)
            await self._follow(recording)
            await self._prepare(recording)
        sends = [self._send(recording, await self._headers(recording)) for recording in group]
        answers = await self._stage.played(_all(sends))
        if len(group) > 1:
            # They are told in the order of the answers, which says nothing about the requests.
            answers.sort(key=lambda answer: (answer[1], answer[0].status))
        pairs = zip(group, answers, strict=True)
        return {r.number: self._compared(r, *answer) for r, answer in pairs}

    async def _follow(self, recording: Recording) -> None:
        """Let time pass until a request is sent that started a task, as far as it is known."""
        node, started = recording.starts_at or ("vm", 0)
        ahead = started - self._stage.world.time_at(node)
        if self._script.in_time and ahead > 0:
            await self._stage.passed(ahead)

    async def _prepare(self, recording: Recording) -> None:
        """Find the task of the path, and wait until it is as far as the answer shows it."""
        if recording.upid is None:
            return
        world = self._stage.world
        self._names.find(recording.upid, world.tasks.every())
        node = recording.upid.split(":")[1] if recording.upid.count(":") > 1 else "vm"
        task = world.tasks.find(node, self._names.translated(recording.upid))
        if task is not None:
            await self._stage.reached(task, recording.shows_lines, recording.shows_an_end)

    async def _headers(self, recording: Recording) -> dict[str, str]:
        """The headers of a request, with credentials that are good here."""
        headers = {**self._script.headers, **recording.request["headers"]}
        who = recording.request["auth"]
        if who == "ticket":
            ticket, csrf = self._events.ticket or await self._events.log_in("root@pam")
            headers |= {"Cookie": f"PVEAuthCookie={ticket}", "CSRFPreventionToken": csrf}
        elif who is not None:
            headers["Authorization"] = token(who)
        if any(TICKET in value or CSRF in value for value in headers.values()):
            ticket, csrf = self._events.ticket or await self._events.log_in("root@pam")
            headers = {
                name: value.replace(TICKET, ticket).replace(CSRF, csrf)
                for name, value in headers.items()
            }
        if match := re.search(r"request headers of (\d+) bytes", recording.cut):
            headers["X-Padding"] = "x" * int(match[1])
        headers.update(self._events.headers)
        self._events.headers, self._events.ticket = {}, None
        return headers

    async def _send(self, recording: Recording, headers: dict[str, str]) -> tuple[Reply, float]:
        if self._events.form:
            form = {**(recording.request["form"] or {}), **self._events.form}
            request = {**recording.request, "form": form}
            recording = replace(recording, request=request)
        body, kind = recording.content(self._events.file_size)
        self._events.file_size, self._events.form = 0, {}
        if kind:
            headers.setdefault("Content-Type", kind)
        method, path = recording.request["method"], self._names.translated(recording.path)
        return await self._stage.send(method, path, headers, body, at=recording.at)

    def _compared(self, recording: Recording, seen: Reply, elapsed: float) -> list[str]:
        if isinstance(recording.body, dict) and seen.status == 200:
            data = seen.body.get("data") if isinstance(seen.body, dict) else None
            self._names.learn(recording.body.get("data"), data)
        body = json.loads(self._names.translated(json.dumps(recording.body)))
        told = replace(recording, response={**recording.response, "body": body})
        return differences(told, seen, elapsed)


async def _all(sends: Sequence[Awaitable[tuple[Reply, float]]]) -> list[tuple[Reply, float]]:
    return list(await asyncio.gather(*sends))
