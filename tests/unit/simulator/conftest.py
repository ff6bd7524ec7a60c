# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator that serves over HTTPS while a test runs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from pvesim.certificates import Authority
from pvesim.listener import Address
from pvesim.server import Server
from pvesim.world import World

ROOT_TOKEN = "PVEAPIToken=root@pam!ansible=00000000-0000-4000-8000-000000000001"
PASSWORD = "Sim-pass-1"
PATIENCE = 20.0
T = TypeVar("T")


class Simulator:
    """A server in a thread of its own; `world` may be looked at between requests."""

    def __init__(self, world_file: Path | None, listeners: int, directory: Path) -> None:
        self._file, self._listeners, self._directory = world_file, listeners, directory
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._sessions: list[requests.Session] = []

    def start(self) -> None:
        """Serve; the urls are known after it."""
        self._thread.start()
        self.call(self._start())
        self.session = self.new_session()

    def stop(self) -> None:
        """Close everything."""
        for session in self._sessions:
            session.close()
        self.call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, work: Any) -> Any:
        """Run a coroutine in the loop of the server."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def new_session(self) -> requests.Session:
        """A client with connections of its own that trusts the server."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self._directory / "ca.pem")
        self._sessions.append(session)
        return session

    def request(
        self,
        method: str,
        path: str,
        data: Any = None,
        auth: str | None = ROOT_TOKEN,
        headers: Mapping[str, str] | None = None,
        node: int = 0,
        **kwargs: Any,
    ) -> requests.Response:
        """A request of the API by root's token unless `auth` says otherwise."""
        prefix = "" if path.startswith(("/api2", "/_sim")) else "/api2/json"
        given = {"Authorization": auth} if auth else {}
        url = f"{self.urls[node]}{prefix}{path}"
        given.update(headers or {})
        return self.session.request(method, url, data=data, headers=given, timeout=60, **kwargs)

    def admin(self, method: str, path: str, document: Any = None) -> Any:
        """What an admin path answers."""
        answer = self.request(method, f"/_sim/{path}", json=document, auth=None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance_while(self, action: Callable[[], T], step: float = 1.0) -> tuple[T, float]:
        """The result of an action, and how long it took by the stopped clock of the cluster."""
        self.admin("POST", "clock", {"pause": True})
        begun = self.world.clock.now()
        results: list[T] = []
        thread = threading.Thread(target=lambda: results.append(action()))
        thread.start()
        give_up = time.monotonic() + PATIENCE
        while thread.is_alive() and time.monotonic() < give_up:
            thread.join(0.05)
            if thread.is_alive():
                self.call(self._advance(step))
        thread.join(PATIENCE)
        elapsed = self.world.clock.now() - begun
        self.admin("POST", "clock", {"resume": True})
        return results[0], elapsed

    async def _advance(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    async def _start(self) -> None:
        self.world = World.load(self._file, speed=100)
        addresses = [Address("127.0.0.1", 0)] * self._listeners
        self.server = Server(self.world, Authority(self._directory), addresses)
        await self.server.start()
        self.urls = [address.url for address in self.server.addresses]

    async def _stop(self) -> None:
        await self.server.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def served(
    directory: Path, world_file: Path | None = None, listeners: int = 1
) -> Iterator[Simulator]:
    """A simulator for a while."""
    simulator = Simulator(world_file, listeners, directory)
    simulator.start()
    try:
        yield simulator
    finally:
        simulator.stop()


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """The default world at one address, new for each test."""
    with served(tmp_path) as running:
        yield running


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Simulator]:
    """The default world with an address for each of its three nodes."""
    with served(tmp_path, listeners=3) as running:
        yield running
