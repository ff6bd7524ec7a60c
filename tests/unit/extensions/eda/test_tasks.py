# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source, loaded as ansible-rulebook does, on a simulated cluster."""

from __future__ import annotations

import asyncio
import json
import runpy
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.events.event import KINDS
from ansible_collections.upid.proxmox.plugins.plugin_utils._events import SPEC
from ansible_collections.upid.proxmox.tests.simulator_process import Simulator, start_simulator

ROOT = next(parent for parent in Path(__file__).parents if (parent / "galaxy.yml").is_file())
SOURCE = ROOT / "extensions/eda/plugins/event_source/tasks.py"
SCHEMA = json.loads(SOURCE.with_name("tasks.schema.json").read_text())
TOKEN = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with start_simulator(speed=20) as running:
        yield running


def post(simulator: Simulator, path: str, method: str = "POST", **values: Any) -> Any:
    request = urllib.request.Request(
        simulator.url + path, data=json.dumps(values).encode(), method=method
    )
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"PVEAPIToken=root@pam!ansible={TOKEN}")
    context = ssl.create_default_context(cafile=str(simulator.ca))
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer).get("data")


def connection(simulator: Simulator) -> dict[str, Any]:
    return {
        "api_host": list(simulator.hosts),
        "api_token_id": "root@pam!ansible",
        "api_token_secret": TOKEN,
        "ca_path": str(simulator.ca),
        "interval": 0.2,
    }


@asynccontextmanager
async def listening(simulator: Simulator, **options: Any) -> AsyncIterator[asyncio.Queue[Any]]:
    """The queue of a running source."""
    queue: asyncio.Queue[Any] = asyncio.Queue(1)
    main = runpy.run_path(str(SOURCE))["main"]
    assert asyncio.iscoroutinefunction(main)
    work = asyncio.ensure_future(main(queue, {**connection(simulator), **options}))
    await asyncio.sleep(1)
    try:
        yield queue
        if work.done():
            work.result()
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def until(queue: asyncio.Queue[Any], enough: Callable[[dict[str, Any]], bool]) -> list[Any]:
    """The events up to the first one that matches, each valid by the schema."""
    events: list[Any] = []
    while not events or not enough(events[-1]):
        events.append(await asyncio.wait_for(queue.get(), 30))
        jsonschema.Draft202012Validator(SCHEMA).validate(events[-1])
        json.dumps(events[-1])
    return events


def finished(upid: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["type"] == "task_finished" and event["task"]["upid"] == upid


def test_tasks_are_events_that_the_schema_describes(simulator: Simulator) -> None:
    async def scenario() -> None:
        async with listening(simulator, events=list(KINDS)) as queue:
            path = "/api2/json/nodes/pve1/vzdump"
            upid = post(simulator, path, vmid=100, storage="local")
            events = await until(queue, finished(upid))
            mine = [event for event in events if event["task"]["upid"] == upid]
            assert [mine[0]["type"], mine[-1]["type"]] == ["task_started", "task_finished"]
            assert {event["type"] for event in mine[1:-1]} <= {"task_progress"}
            assert mine[-1]["vmids"] == [100]

    asyncio.run(scenario())


def test_a_failed_task_comes_with_the_end_of_its_log(simulator: Simulator) -> None:
    async def scenario() -> None:
        async with listening(simulator, status="failed", events="task_finished") as queue:
            upid = post(simulator, "/api2/json/nodes/pve1/vzdump", vmid=100, storage="nosuch")
            event = (await until(queue, finished(upid)))[-1]
            assert event["task"]["outcome"] == "failed"
            assert "nosuch" in event["task"]["log"][-1]

    asyncio.run(scenario())


def test_a_lost_node_and_a_lost_api_are_events_that_the_schema_describes(
    simulator: Simulator,
) -> None:
    async def scenario() -> None:
        async with listening(simulator) as queue:
            post(simulator, "/_sim/nodes/pve2/closed")
            await until(queue, lambda event: event["type"] == "node_lost")
            post(simulator, "/_sim/nodes/pve2/up")
            await until(queue, lambda event: event["type"] == "node_regained")
            post(simulator, "/_sim/faults", action="drop")
            await until(queue, lambda event: event["type"] == "api_lost")
            post(simulator, "/_sim/faults", "DELETE")
            await until(queue, lambda event: event["type"] == "api_regained")

    asyncio.run(scenario())


def test_a_user_who_does_not_see_all_tasks_is_told(simulator: Simulator) -> None:
    async def scenario() -> None:
        operator = {"api_user": "operator@pve", "api_password": "Sim-pass-1"}
        options = {**operator, "api_token_id": None, "api_token_secret": None}
        async with listening(simulator, **options) as queue:
            events = await until(queue, lambda _event: True)
            assert events[0]["type"] == "tasks_hidden"

    asyncio.run(scenario())


def test_after_a_restart_it_goes_on_where_it_was(simulator: Simulator, tmp_path: Path) -> None:
    async def scenario() -> None:
        cursor = str(tmp_path / "cursor.json")
        async with listening(simulator, cursor=cursor) as queue:
            first = post(simulator, "/api2/json/nodes/pve1/qemu/100/status/start")
            await until(queue, finished(first))
            await asyncio.sleep(0.5)
        second = post(simulator, "/api2/json/nodes/pve1/qemu/100/status/stop")
        await asyncio.sleep(1)
        async with listening(simulator, cursor=cursor) as queue:
            events = await until(queue, finished(second))
            assert {event["task"]["upid"] for event in events} == {second}

    asyncio.run(scenario())


def test_clocks_may_differ(simulator: Simulator) -> None:
    async def scenario() -> None:
        for node, offset in (("pve1", 0), ("pve2", 600), ("pve3", -600)):
            post(simulator, f"/_sim/nodes/{node}/clock", offset=offset)
        nodes = ("pve1", "pve2", "pve3")
        async with listening(simulator, type="aptupdate") as queue:
            upids = {post(simulator, f"/api2/json/nodes/{node}/apt/update") for node in nodes}
            events = [event for _n in range(6) for event in await until(queue, lambda _e: True)]
        async with listening(simulator, type="aptupdate", since="60s") as queue:
            again = [event for _n in range(6) for event in await until(queue, lambda _e: True)]
        for seen in (events, again):
            assert {event["task"]["upid"] for event in seen} == upids
            assert len({event["id"] for event in seen}) == 6
        for node in nodes:
            post(simulator, f"/_sim/nodes/{node}/clock", offset=0)

    asyncio.run(scenario())


def test_it_is_found_without_settings_though_another_package_has_collections(
    tmp_path: Path,
) -> None:
    collections = tmp_path / "mine/ansible_collections"
    (collections / "upid").mkdir(parents=True)
    (collections / "upid/proxmox").mkdir()
    for name in ("plugins", "extensions"):
        (collections / "upid/proxmox" / name).symlink_to(ROOT / name)
    package = tmp_path / "site/ansible_collections"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    source = collections / "upid/proxmox" / SOURCE.relative_to(ROOT)
    program = f"""
import runpy, sys
sys.path = [path for path in sys.path if "collections" not in path]
sys.path.insert(0, {str(tmp_path / "site")!r})
found = runpy.run_path({str(source)!r})["_let_the_collection_be_found"]
found()
import ansible_collections.upid.proxmox.plugins.plugin_utils._events as events
assert events.__file__.startswith({str(collections)!r}), events.__file__
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nosuch": 1}, "upid.proxmox.tasks: nosuch"),
        ({"interval": "often"}, "interval"),
        ({"events": ["nosuch"]}, "events"),
        ({"api_host": []}, "api_host is missing"),
        ({"api_host": ["https://pve1"]}, "api_host"),
    ],
)
def test_wrong_options_end_it(simulator: Simulator, options: dict[str, Any], message: str) -> None:
    async def scenario() -> None:
        async with listening(simulator, **options):
            pass

    with pytest.raises(UsageError, match=message):
        asyncio.run(scenario())


def test_the_documentation_has_every_option_and_the_schema_every_type() -> None:
    module = runpy.run_path(str(SOURCE))
    documented = yaml.safe_load(module["DOCUMENTATION"])["options"]
    own = {name for name in SPEC if not name.startswith("api_")} - {"ca_path", "validate_certs"}
    assert set(documented) == own
    assert SCHEMA["properties"]["type"]["enum"] == documented["events"]["choices"] == list(KINDS)
    (example,) = yaml.safe_load(module["EXAMPLES"])
    assert set(example["upid.proxmox.tasks"]) <= set(SPEC)
