# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that start a task for each of many guests and wait for them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .calls import Call, CallError
from .entities import Guest
from .guests import check_allowed
from .nested import POLL, is_error
from .worker import Worker
from .world import World

DEFAULT_WORKERS = 4
LAST = 1 << 30
"""The place of guests without an order of their own: after all others."""
Start = Callable[[Guest], Awaitable[str]]


@dataclass
class Bulk:
    """What is done to the guests: `verb` heads the log lines, `start` starts one's task."""

    worker: Worker
    verb: str
    start: Start
    limit: int
    cluster: bool = False
    """Whether it is an action on the whole cluster, whose failures are warnings."""
    skipped: Callable[[Guest], str | None] | None = None
    """The warning about a guest that is left out when its turn comes, empty for none."""
    failed: list[int] = field(default_factory=list)

    async def run(self, guests: Sequence[Guest]) -> None:
        """Start the tasks in order, at most `limit` at a time, and look each second."""
        waiting, running = list(guests), dict[str, Guest]()
        while waiting or running:
            while waiting and len(running) < self.limit:
                await self._begin(waiting.pop(0), running)
            for upid in [upid for upid in running if not self._task(upid).running]:
                self._end(running.pop(upid), self._task(upid).exitstatus)
            if running:
                await self.worker.sleep(POLL)

    def _task(self, upid: str) -> Any:
        return self.worker.world.tasks.get(upid)

    async def _begin(self, guest: Guest, running: dict[str, Guest]) -> None:
        why = self.skipped(guest) if self.skipped is not None else None
        if why is not None:
            if why:
                self.worker.warn(why)
            return
        if self.worker.world.nodes[guest.node].state != "up":
            self._end(guest, "595 No route to host")
            return
        try:
            running[await self.start(guest)] = guest
        except CallError as exc:
            self._end(guest, exc.message, refused=exc.status)

    def _end(self, guest: Guest, status: str, refused: int = 0) -> None:
        if not is_error(status):
            return
        self.failed.append(guest.vmid)
        text = f"{self.verb} {guest.label} {guest.vmid} failed: {status}"
        if not self.cluster:
            self.worker.log(text)
        else:
            self.worker.warn(f"{refused} {status}" if refused else text)


def wanted_ids(call: Call) -> list[int] | None:
    """The guests that the call names, None when it names none."""
    given = call.params.get("vms")
    if given is None:
        return None
    parts = given if isinstance(given, list) else re.split(r"[,; ]+", str(given))
    return [int(part) for part in parts if str(part)]


def check_power(call: Call, privilege: str) -> None:
    """The right on each guest that is named, or on the whole cluster."""
    wanted = wanted_ids(call)
    for path in ["/"] if wanted is None else [f"/vms/{vmid}" for vmid in wanted]:
        check_allowed(call, path, privilege)


def workers(world: World, call: Call) -> int:
    """How many tasks run at a time."""
    return _given_workers(world, call) or DEFAULT_WORKERS


def check_workers(world: World, call: Call) -> None:
    """Refuse to move guests without the number of parallel migrations."""
    if not _given_workers(world, call):
        where = "'max-workers' parameter or max_workers in datacenter.cfg"
        raise CallError(500, f"either {where} must be set!")


def _given_workers(world: World, call: Call) -> int:
    given = call.params.get("max-workers", call.params.get("maxworkers"))
    return int(given or world.options.get("max_workers", 0))


def startup(guest: Guest, key: str) -> int | None:
    """`order`, `up` or `down` of the guest's `startup` option."""
    match = re.search(rf"(?:^|,){key}=(\d+)", str(guest.config.get("startup", "")))
    return int(match[1]) if match else None


def in_order(guests: Iterable[Guest], *, backwards: bool = False) -> list[Guest]:
    """As they start: by their order, then by VMID; `backwards` has the last order first."""

    def place(guest: Guest) -> tuple[int, int]:
        order = startup(guest, "order")
        number = LAST if order is None else order
        return (-number if backwards else number, guest.vmid)

    return sorted(guests, key=place)
