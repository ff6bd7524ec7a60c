# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.log import (
    read_log,
    read_log_after,
    with_log,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import (
    Outcome,
    Task,
    outcome_of,
)
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import FakeTask, now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


def a_task(api: FakeApi, *log: str, exitstatus: str = "OK") -> FakeTask:
    lines = list(log)
    return api.cluster.start(
        "pve1", "qmclone", 9000, 1, started=-9, log=lines, exitstatus=exitstatus
    )


@pytest.mark.parametrize(
    ("total", "lines", "requests"),
    [(0, 5, 1), (3, 5, 1), (5, 5, 1), (6, 5, 2), (900, 5, 2), (9, 0, 0), (9, -1, 0)],
)
def test_the_end_of_a_log_is_found_by_its_total(total: int, lines: int, requests: int) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        whole = [f"line {number}" for number in range(total)]
        task = a_task(api, *whole)
        expected = tuple(whole[-lines:]) if lines > 0 else ()
        assert await read_log(api, task.upid, lines) == expected
        assert len(api.calls) == requests
        assert all(call.params["limit"] for call in api.calls), "0 would mean all lines"

    scenario()


@in_virtual_time
async def test_a_log_that_is_gone_is_empty() -> None:
    api = FakeApi()
    task = a_task(api, "a line")
    api.cluster.tasks.clear()
    assert await read_log(api, task.upid, 5) == ()


@pytest.mark.parametrize(
    "error",
    [NoAnswerError("GET", "596", sent=True), ApiError("GET", 403, "Permission check failed")],
)
def test_an_outcome_is_not_lost_over_a_log_that_cannot_be_read(error: Exception) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        task = Task(a_task(api, "x").upid, Outcome.FAILED, "no space")
        api.disturb("log", error, count=None)
        assert await with_log(api, task, 5) == task

    scenario()


@pytest.mark.parametrize(
    ("last", "exitstatus", "outcome"),
    [
        ("10%TASK OK", "OK", Outcome.OK),
        ("TASK OK", "OK", Outcome.OK),
        ("...TASK WARNINGS: 2", "WARNINGS: 2", Outcome.WARNINGS),
        ("99%TASK ERROR: no space", "no space", Outcome.FAILED),
        ("99%TASK ERROR: interrupted by signal", "interrupted by signal", Outcome.CANCELLED),
        ("copying", "unexpected status", Outcome.FAILED),
    ],
)
@pytest.mark.parametrize("lines", [0, 1, 20])
def test_unexpected_status_is_believed_only_if_the_log_confirms_it(
    last: str, exitstatus: str, outcome: Outcome, lines: int
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        task = a_task(api, "first", last)
        seen = Task(task.upid, outcome_of("unexpected status"), "unexpected status")
        told = await with_log(api, seen, lines)
        assert (told.outcome, told.exitstatus) == (outcome, exitstatus)
        assert told.log == ("first", last)[-lines:] if lines else told.log == ()

    scenario()


@in_virtual_time
async def test_an_unexpected_status_without_a_log_stays_what_it_is() -> None:
    api = FakeApi()
    seen = Task(a_task(api).upid, Outcome.FAILED, "unexpected status")
    assert await with_log(api, seen, 5) == seen


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.UNCHANGED, Outcome.LOST])
def test_the_log_of_what_went_well_or_is_lost_costs_no_request(outcome: Outcome) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        task = Task(a_task(api, "x").upid, outcome, "OK")
        assert await with_log(api, task, 20) == task
        assert not api.calls

    scenario()


@pytest.mark.parametrize(
    ("lines", "requests"),
    [(40, 1), (990, 1), (2500, 3), (30_000, 21)],
)
def test_errors_in_the_middle_of_a_failed_log_come_before_its_end(
    lines: int, requests: int
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        errors = [
            "ERROR: Backup of VM 3101 failed - got timeout",
            "WARN: Skipping VM 3150, not running.",
            "2026-01-02 03:04:05 ERROR: migration aborted",
        ]
        log = ["INFO: starting", *errors[:2], *["INFO: no ERROR: here"] * lines]
        log[20:20] = errors[2:]
        log += ["INFO: last", "TASK ERROR: job errors"]
        task = Task(a_task(api, *log).upid, Outcome.FAILED, "job errors")
        told = await with_log(api, task, 2)
        assert told.log == (*errors, "INFO: last", "TASK ERROR: job errors")
        assert len(api.calls) == requests

    scenario()


@in_virtual_time
async def test_a_thousand_errors_are_kept_to_a_bound() -> None:
    api = FakeApi()
    log = [f"ERROR: number {number}" for number in range(1000)]
    task = Task(a_task(api, *log, "TASK ERROR: job errors").upid, Outcome.FAILED, "job errors")
    told = await with_log(api, task, 3)
    assert told.log == (*log[:50], *log[-2:], "TASK ERROR: job errors")


@pytest.mark.parametrize("data", [None, {}, "x", [None], ["text"], 7])
def test_a_malformed_log_is_no_log_and_no_error(data: Any) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        task = Task(a_task(api, "x").upid, Outcome.FAILED, "no space")
        api.disturb("log", Answer(data, 1), count=None)
        assert await with_log(api, task, 5) == task

    scenario()


@in_virtual_time
async def test_a_known_outcome_does_not_wait_for_its_log_for_long() -> None:
    api = FakeApi()
    task = Task(a_task(api, "x").upid, Outcome.FAILED, "no space")
    api.disturb("log", asyncio.Event(), count=None)
    assert await with_log(api, task, 5) == task
    assert now() < 65


@in_virtual_time
async def test_a_log_is_read_on_where_the_reading_before_ended() -> None:
    api = FakeApi()
    task = a_task(api)
    assert await read_log_after(api, task.upid, 0) == ([], 0)
    task.log += [f"line {number}" for number in range(1500)]
    texts, known = await read_log_after(api, task.upid, 0)
    assert (texts[-1], known) == ("line 999", 1000)
    texts, known = await read_log_after(api, task.upid, known)
    assert (texts[0], texts[-1], known) == ("line 999", "line 1499", 1500)
    assert await read_log_after(api, task.upid, known) == (["line 1499"], 1500)
    assert len(api.calls) == 4
