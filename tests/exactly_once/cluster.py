# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated cluster for a test: its real state, its faults, and the modules that run on it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import tempfile
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.client import Client
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.connection import Connection
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.simulator_process import Simulator, start_simulator
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command

DEFAULT_WORLD = Path(__file__).parents[1] / "simulator/pvesim/data/default_world.yml"
PASSWORD = "Sim-pass-1"
TOKEN = {
    "api_token_id": "root@pam!ansible",
    "api_token_secret": "00000000-0000-4000-8000-000000000001",
}
TICKET = {"api_user": "root@pam", "api_password": PASSWORD}
PATIENCE = 100.0
World = dict[str, Any]
Task = Mapping[str, Any]


@dataclass(frozen=True)
class Truth:
    """The real state of the cluster, whatever a module returns: guests by VMID, and all tasks."""

    guests: Mapping[int, Mapping[str, Any]]
    tasks: Sequence[Task]

    def named(self, *names: str) -> list[Mapping[str, Any]]:
        """The guests with one of these names."""
        return [guest for guest in self.guests.values() if guest["name"] in names]

    def of_type(self, *types: str) -> list[Task]:
        """The tasks of these types, in the order of their starts."""
        return [task for task in self.tasks if task["type"] in types]

    def running(self) -> list[Task]:
        """The running tasks."""
        return [task for task in self.tasks if task["status"] == "running"]


@dataclass(frozen=True)
class Cluster:
    """A cluster with an address for each of its three nodes."""

    simulator: Simulator

    def admin(self, method: str, path: str, /, **document: Any) -> Any:
        """Control or read the simulator, through the address of the last node."""
        request = urllib.request.Request(
            f"{self.simulator.urls[-1]}/_sim/{path}", json.dumps(document).encode(), method=method
        )
        context = ssl.create_default_context(cafile=str(self.simulator.ca))
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return json.load(answer)

    def truth(self) -> Truth:
        """The cluster as it is now."""
        world = self.admin("GET", "world")
        return Truth({int(vmid): one for vmid, one in world["guests"].items()}, world["tasks"])

    def fault(self, action: str, **more: Any) -> None:
        """Set a fault for the next matching request, or for ``count`` of them."""
        self.admin("POST", "faults", action=action, **{"count": 1, **more})

    def node(self, name: str, state: str) -> None:
        """``up``, ``down``, ``silent``, or ``pvedaemon/up``, ``/down``, ``/block``."""
        self.admin("POST", f"nodes/{name}/{state}")

    def until(self, what: Callable[[Truth], Any], seconds: float = PATIENCE) -> Truth:
        """The first state for which this holds."""
        deadline = time.monotonic() + seconds
        while not what(truth := self.truth()):
            assert time.monotonic() < deadline, f"not seen in {seconds} s"
            time.sleep(0.02)
        return truth

    def connection(self, **options: Any) -> dict[str, Any]:
        """Connection options: root's token and all nodes by default."""
        identity = {} if {"api_password", "api_token_id"} & set(options) else TOKEN
        known = {"api_host": list(self.simulator.hosts), "ca_path": str(self.simulator.ca)}
        return {**known, **identity, **options}

    async def run(self, module: str, **options: Any) -> Report:
        """The report of a module's command, in this process."""
        mine = {name: options.pop(name) for name in list(options) if _connects(name)}
        async with self.client(**mine) as client:
            return await run_command(module, client, **options)

    @contextlib.asynccontextmanager
    async def client(self, **options: Any) -> AsyncIterator[Client]:
        """A context manager: a client with these connection options."""
        client = Client(Connection.from_options(self.connection(**options)), parallel=24)
        try:
            yield client
        finally:
            client.close()

    def run_all(self, calls: Mapping[str, Awaitable[Report]]) -> dict[str, Report]:
        """The reports of simultaneous calls."""

        async def gather() -> list[Report]:
            return await asyncio.wait_for(asyncio.gather(*calls.values()), PATIENCE)

        return dict(zip(calls, asyncio.run(gather()), strict=True))


def _connects(option: str) -> bool:
    return option.startswith("api_") or option == "ca_path"


@contextlib.contextmanager
def cluster(
    world: World | None = None, *, speed: float = 20, seed: int = 1, addresses: int = 3
) -> Iterator[Cluster]:
    """A context manager: a cluster whose tasks are ``speed`` times as fast as real ones."""
    with tempfile.TemporaryDirectory(prefix="world-") as folder:
        file = None
        if world is not None:
            file = Path(folder, "world.yml")
            file.write_text(yaml.safe_dump(world))
        with start_simulator(speed=speed, seed=seed, addresses=addresses, world=file) as simulator:
            yield Cluster(simulator)


def default_world() -> World:
    """A copy of the simulator's default world."""
    world: World = yaml.safe_load(DEFAULT_WORLD.read_text())
    return world


def add_guest(world: World, vmid: int, like: int, **config: Any) -> None:
    """Add a stopped guest like another one, not a template, with its disks on the same storage."""
    text = yaml.safe_dump(world["guests"][like]).replace(f"-{like}-", f"-{vmid}-")
    guest = yaml.safe_load(text.replace("base-", "vm-"))
    name = {"qemu": "name", "lxc": "hostname"}[guest["type"]]
    guest["config"].pop("template", None)
    guest["config"].update({name: f"guest{vmid}", **config})
    world["guests"][vmid] = guest


@contextlib.contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do something else while the block runs; its errors are raised at the end of the block."""
    errors: list[BaseException] = []

    def call() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if errors:
        raise errors[0]
