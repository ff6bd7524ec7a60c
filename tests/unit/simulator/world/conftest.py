# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A world without HTTP, whose time jumps from one wait to the next.

Tests of this directory are coroutines: while one waits for something, the clock of the cluster
is advanced to the end of the nearest wait as soon as nothing else can go on.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from pvesim.calls import CALLS, Call, Caller, CallError, Listing
from pvesim.clock import Clock
from pvesim.task import Task
from pvesim.world import World

importlib.import_module("pvesim.paths")  # it registers every call

START = 1_795_000_000.0
LONGEST = 1800.0
"""Seconds of the cluster that a test may take."""
TURNS = 60
"""Turns of the loop after which everything that can go on has gone on."""
CONTENT = b"0123456789" * 7000
"""What the web server of the tests has."""
IMAGE = b"QFI\xfb" + bytes(20) + (3 << 30).to_bytes(8, "big") + bytes(480)
"""The beginning of a qcow2 image of a disk of 3 GiB."""


def everything(_path: str, _privilege: str) -> bool:
    return True


class Cell:
    """A cluster and a client of it."""

    def __init__(self, file: Path | None, speed: float, seed: int) -> None:
        self.clock = Clock(speed, START)
        self.clock.pause()
        self.world = World.load(file, speed, seed, self.clock)

    async def call(
        self, method: str, path: str, params: dict[str, Any] | None = None, **who: Any
    ) -> Any:
        """Call a path: `qemu/100/config` below the node `node`, or an absolute one.

        `userid`, `tokenid` and `may` say who calls (root with a token by default).
        """
        node = who.pop("node", next(iter(self.world.nodes)))
        caller = Caller(
            who.get("userid", "root@pam"), who.get("tokenid", "cli"), who.get("may", everything)
        )
        full = path if path.startswith("/") else f"/nodes/{node}/{path}"
        template, named = find_template(method, full)
        call = Call(method, template, {**named, **(params or {})}, caller, node)
        result = await CALLS[method, template](self.world, call)
        return result.data if isinstance(result, Listing) else result

    async def refusal(
        self, method: str, path: str, params: dict[str, Any] | None = None, **who: Any
    ) -> CallError:
        """The error that a call ends with."""
        with pytest.raises(CallError) as caught:
            await self.call(method, path, params, **who)
        return caught.value

    def task(self, upid: str) -> Task:
        """The task of a UPID."""
        return next(task for task in self.world.tasks.every() if str(task.upid) == upid)

    async def end(self, upid: str) -> str:
        """Wait for a task; its exit status."""
        task = self.task(upid)
        while task.running:
            await self.clock.sleep(0.05)
        return task.exitstatus

    async def done(
        self, method: str, path: str, params: dict[str, Any] | None = None, **who: Any
    ) -> str:
        """Call, wait for the task; its exit status."""
        return await self.end(await self.call(method, path, params, **who))

    async def lines(
        self, method: str, path: str, params: dict[str, Any] | None = None, **who: Any
    ) -> list[str]:
        """Call, wait for the task; its log."""
        upid = await self.call(method, path, params, **who)
        await self.end(upid)
        return self.task(upid).lines

    async def settle(self, seconds: float = 0.01) -> None:
        """Let a moment pass."""
        await self.clock.sleep(seconds)


def find_template(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The template of a path and what it names; VMIDs are integers."""
    parts = path.split("/")
    for known, template in CALLS:
        pattern = template.split("/")
        if known != method or len(pattern) != len(parts):
            continue
        pairs = list(zip(pattern, parts, strict=True))
        if all(p == v or p.startswith("{") for p, v in pairs):
            named = {p[1:-1]: v for p, v in pairs if p.startswith("{")}
            return template, {k: int(v) if k == "vmid" else v for k, v in named.items()}
    raise LookupError(f"no call {method} {path}")


async def _drive(cell: Cell, story: Coroutine[Any, Any, None]) -> None:
    """Run a story to its end, and time with it."""
    clock = cell.clock
    task = asyncio.ensure_future(story)
    while not task.done():
        for _unused in range(TURNS):
            await asyncio.sleep(0)
        due = clock.next_due()
        if not task.done():
            if due is None or due > START + LONGEST:
                task.cancel()
                break
            clock.advance(max(0.0, due - clock.now()))
    for worker in cell.world.tasks.every():
        cell.world.tasks.kill(worker)
    others = asyncio.all_tasks() - {asyncio.current_task(), task}
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await task


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run tests that are coroutines."""
    if not asyncio.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    cells = [value for value in arguments.values() if isinstance(value, Cell)]
    asyncio.run(_drive(cells[0], pyfuncitem.obj(**arguments)))
    return True


@pytest.fixture
def cell() -> Cell:
    """The default world at speed 1."""
    return Cell(None, 1.0, 1)


Build = Callable[..., Cell]


@pytest.fixture
def recorded() -> Cell:
    """The situation in which a real Proxmox VE was recorded."""
    return Cell(Path(__file__).parents[1] / "data" / "recorded_world.yml", 1.0, 1)


@pytest.fixture
def slow_storage(tmp_path: Path) -> Cell:
    """A stopped VM on a fast storage, and a shared one whose allocations take five seconds."""
    images = {"type": "dir", "content": ["images", "rootdir"]}
    world = {
        "nodes": {"pve1": None, "pve2": None},
        "storages": {"fast": images, "slow": {**images, "shared": True, "alloc_seconds": 5}},
        "guests": {
            110: {
                "type": "qemu",
                "node": "pve1",
                "config": {"name": "big", "scsi0": "fast:110/vm-110-disk-0.qcow2,size=2G"},
            },
        },
    }
    file = tmp_path / "world.yml"
    file.write_text(yaml.safe_dump(world), encoding="utf-8")
    return Cell(file, 1.0, 1)


class Web(BaseHTTPRequestHandler):
    """A web server that has every file but one."""

    def do_GET(self) -> None:
        if self.path == "/missing.iso":
            self.send_error(404)
            return
        content = IMAGE if self.path == "/disk.qcow2" else CONTENT
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[str]:
    """The address of a web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
