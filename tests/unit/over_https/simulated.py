# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated cluster over HTTPS, and what tests ask of it beside the API."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.client import Client
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.connection import Connection
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.session import Session
from ansible_collections.upid.proxmox.tests.simulator_process import Simulator

T = TypeVar("T")
PASSWORD = "Sim-pass-1"
SECRET = "00000000-0000-4000-8000-000000000001"
TOKEN: dict[str, Any] = {"api_token_id": "root@pam!ansible", "api_token_secret": SECRET}
TICKET: dict[str, Any] = {"api_user": "root@pam", "api_password": PASSWORD}
VERSION = ("version",)
START = ("nodes", "pve1", "qemu", 100, "status", "start")
# Nothing listens there.
NOBODY = "127.0.0.1:9"


@dataclass(frozen=True)
class Simulated:
    """A cluster with an address for each of its three nodes."""

    simulator: Simulator

    def admin(self, method: str, path: str, /, **document: Any) -> Any:
        """Disturb the cluster, or look into it."""
        request = urllib.request.Request(
            f"{self.simulator.url}/_sim/{path}", json.dumps(document).encode(), method=method
        )
        context = ssl.create_default_context(cafile=str(self.simulator.ca))
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return json.load(answer)

    def fault(self, action: str, /, **more: Any) -> None:
        """Let this happen to the next request that matches, to no other."""
        self.admin("POST", "faults", action=action, **{"count": 1, **more})

    @property
    def counted(self) -> Mapping[str, Any]:
        """The requests that the server counted since the last reset."""
        counted: Mapping[str, Any] = self.admin("GET", "requests")
        return counted

    def calm(self) -> None:
        """No faults, all nodes up, nothing counted."""
        self.admin("DELETE", "faults")
        for node in ("pve1", "pve2", "pve3"):
            self.admin("POST", f"nodes/{node}/up")
            self.admin("POST", f"nodes/{node}/pvedaemon/up")
        self.admin("DELETE", "requests")

    def connection(self, **options: Any) -> Connection:
        """By root's token to the first node, trusting the cluster's authority."""
        identity = {} if {"api_password", "api_token_id"} & set(options) else TOKEN
        given = {"api_host": self.simulator.hosts[0], "ca_path": str(self.simulator.ca)}
        return Connection.from_options({**given, **identity, **options})

    @contextlib.contextmanager
    def session(self, *, renewal: float = 3600.0, **options: Any) -> Iterator[Session]:
        """A session for the block."""
        session = Session(self.connection(**options), 8, renewal=renewal)
        try:
            yield session
        finally:
            session.close()

    def run(self, work: Callable[[Client], Awaitable[T]], **options: Any) -> T:
        """What a coroutine does with a client of its own."""

        async def begin() -> T:
            client = Client(self.connection(**options), parallel=24)
            try:
                return await work(client)
            finally:
                client.close()

        return asyncio.run(begin())

    def hurried(self, function: Callable[[], T]) -> T:
        """The result of something for which the server lets people wait."""
        outcome: list[T] = []
        errors: list[BaseException] = []

        def call() -> None:
            try:
                outcome.append(function())
            except BaseException as error:  # noqa: BLE001 - raised again below
                errors.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        while thread.is_alive():
            thread.join(0.05)
            self.admin("POST", "clock", advance=1)
        if errors:
            raise errors[0]
        return outcome[0]


def get(session: Session, *path: str | int, timeout: float = 20.0, **params: Any) -> Any:
    """The data of a read, of the version without a path."""
    return session.send("GET", path or VERSION, params, timeout).data
