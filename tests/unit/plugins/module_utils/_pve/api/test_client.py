# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.client import Client
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import TICKET, Simulated

VERSION = ("version",)
START = ("nodes", "pve1", "qemu", 100, "status", "start")


@pytest.mark.parametrize("action", ["drop", "reset", "truncate", "html", "status"])
def test_a_read_is_tried_again(simulated: Simulated, action: str) -> None:
    async def work(client: Client) -> None:
        simulated.fault(action, count=2)
        assert (await client.get(VERSION)).data["version"]
        assert client.usage["requests"] == simulated.counted["total"] == 3

    simulated.run(work)


def test_a_read_gives_up_after_its_retries(simulated: Simulated) -> None:
    async def work(client: Client) -> None:
        simulated.fault("drop", count=None)
        with pytest.raises(NoAnswerError):
            await client.get(VERSION, retries=1)
        assert simulated.counted["total"] == 2
        with pytest.raises(NoAnswerError):
            await client.get(VERSION, retries=0)
        assert simulated.counted["total"] == 3

    simulated.run(work)


def test_a_definite_refusal_is_not_retried(simulated: Simulated) -> None:
    async def work(client: Client) -> None:
        with pytest.raises(ApiError, match="501"):
            await client.get(("nosuch",))
        assert simulated.counted["total"] == 1

    simulated.run(work)


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_what_changes_something_is_sent_once(simulated: Simulated, method: str) -> None:
    async def work(client: Client) -> None:
        simulated.fault("drop", count=None)
        with pytest.raises(NoAnswerError):
            await getattr(client, method)(START)
        assert simulated.counted["total"] == 1

    simulated.run(work)


def test_a_call_that_waits_stalls_no_other(simulated: Simulated) -> None:
    async def work(client: Client) -> None:
        simulated.fault("delay", method="POST", count=None, seconds=3.0)
        starts = [asyncio.ensure_future(client.post(START)) for _unused in range(8)]
        await asyncio.sleep(0)
        began = time.monotonic()
        await client.get(VERSION)
        assert time.monotonic() - began < 2.5
        await asyncio.gather(*starts, return_exceptions=True)

    simulated.run(work)


def test_a_hundred_reads_at_once_are_all_answered_over_few_connections(
    simulated: Simulated,
) -> None:
    async def work(client: Client) -> None:
        answers = await asyncio.gather(*(client.get(VERSION) for _unused in range(100)))
        assert len({str(answer.data) for answer in answers}) == 1
        counted = simulated.counted
        assert counted["total"] == client.usage["requests"] == 100
        assert counted["connections"] <= 30

    simulated.run(work)


def test_one_after_the_other_they_share_a_connection(simulated: Simulated) -> None:
    async def work(client: Client) -> None:
        for _unused in range(20):
            await client.get(("nodes", "pve1", "tasks"), {"source": "active", "limit": 500})
        assert simulated.counted["connections"] <= 2

    simulated.run(work)


def test_a_caller_who_gives_up_breaks_nothing(simulated: Simulated) -> None:
    async def work(client: Client) -> None:
        simulated.fault("delay", seconds=0.5)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.get(VERSION), 0.05)
        assert (await client.get(VERSION)).data["version"]

    simulated.run(work)


def test_an_unfinished_request_does_not_keep_the_process_from_ending(simulated: Simulated) -> None:
    async def work(client: Client) -> None:
        simulated.fault("delay", seconds=20)
        waiting = asyncio.ensure_future(client.get(VERSION))
        await asyncio.sleep(0.1)
        waiting.cancel()

    began = time.monotonic()
    simulated.run(work)
    assert time.monotonic() - began < 5


def test_usage_names_the_host_and_who_calls(simulated: Simulated) -> None:
    async def work(client: Client) -> None:
        await client.get(VERSION)
        assert client.usage == {"requests": 2, "host": simulated.simulator.hosts[0]}
        assert client.authid == "root@pam"
        assert simulated.counted["total"] == 2

    simulated.run(work, **TICKET)


def test_silent_nodes_keep_no_other_waiting(simulated: Simulated) -> None:
    """Nine of them, and more is asked of each than it may keep waiting."""

    async def work(client: Client) -> None:
        simulated.fault("delay", path="/nodes/silent*", count=None, seconds=3.0)
        silent = [
            asyncio.ensure_future(client.get(("nodes", f"silent{node}", "tasks"), retries=0))
            for node in range(9)
            for _unused in range(20)
        ]
        await asyncio.sleep(0.2)
        began = time.monotonic()
        await client.get(("nodes", "pve2", "tasks"))
        await client.get(VERSION)
        assert time.monotonic() - began < 2.0
        for one in silent:
            one.cancel()
        await asyncio.gather(*silent, return_exceptions=True)

    simulated.run(work)


def test_no_thread_is_left_behind(simulated: Simulated) -> None:
    def of_workers() -> int:
        return len([one for one in threading.enumerate() if "_serve" in one.name])

    async def work(client: Client) -> None:
        await asyncio.gather(*(client.get(VERSION) for _unused in range(20)))

    before = of_workers()
    for _unused in range(5):
        simulated.run(work)
    until = time.monotonic() + 10
    while of_workers() > before and time.monotonic() < until:
        threading.Event().wait(0.02)
    assert of_workers() <= before


def test_an_unexpected_exception_is_an_error_of_that_request(
    simulated: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(client: Client) -> None:
        def fails(*_args: object) -> None:
            raise ZeroDivisionError("for the test")

        monkeypatch.setattr(client._session, "send", fails)
        with pytest.raises(NoAnswerError, match=r"POST /nodes/pve1.*ZeroDivisionError") as caught:
            await client.post(START)
        assert caught.value.sent

    simulated.run(work)


def test_a_system_without_threads_to_spare_makes_do_with_those_it_has(
    simulated: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(client: Client) -> None:
        await client.get(VERSION)

        def none_left(_thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", none_left)
        answers = await asyncio.gather(*(client.get(VERSION) for _unused in range(5)))
        assert len(answers) == 5

    simulated.run(work)
