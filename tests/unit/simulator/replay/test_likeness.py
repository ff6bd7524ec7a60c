# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of answers sees what differs, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.unit.simulator.replay.client import Reply
from ansible_collections.upid.proxmox.tests.unit.simulator.replay.likeness import differences
from ansible_collections.upid.proxmox.tests.unit.simulator.replay.recording import Recording

JSON = "application/json;charset=UTF-8"
TASK = {"upid": "UPID:vm:00000001:00000002:6B000000:qmstart:100:root@pam:", "status": "OK"}
LOG = [{"n": 1, "t": "transferred 1.0 MiB of 2.0 GiB (0.05%)"}, {"n": 2, "t": "TASK OK"}]
OTHER_LOG = [{"n": 1, "t": "transferred 7.0 MiB of 2.0 GiB (0.34%)"}, {"n": 2, "t": "TASK OK"}]


def recorded(body: Any, status: int = 200, reason: str = "OK", elapsed: float = 0.0) -> Recording:
    response = {
        "status": status,
        "reason": reason,
        "headers": {"connection": ["Keep-Alive"], "content-type": [JSON]},
        "body": body,
        "elapsed_s": elapsed,
    }
    return Recording(1, "case", {"path": "/api2/json/x"}, response, "")


def seen(body: Any, status: int = 200, reason: str = "OK", connection: str = "Keep-Alive") -> Reply:
    headers = (("connection", connection), ("content-type", JSON))
    return Reply(status, reason, headers, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("told", "given"),
    [
        ({"data": {"pid": 1}}, {"data": {"pid": 2}}),
        ({"data": [TASK]}, {"data": [TASK]}),
        ({"data": {"cpu": None}}, {"data": {"cpu": 0.5}}),
        ({"data": LOG}, {"data": OTHER_LOG}),
        (
            {"data": None, "message": "file '/etc/x.tmp.12' - denied\n"},
            {"data": None, "message": "file '/etc/x.tmp.99' - denied\n"},
        ),
    ],
)
def test_values_that_depend_on_the_situation_are_ignored(told: Any, given: Any) -> None:
    assert differences(recorded(told), seen(given), 0.0) == []


@pytest.mark.parametrize(
    ("told", "given", "found"),
    [
        ({"data": {"pid": 1}}, {"data": {}}, "data lacks pid"),
        ({"data": {}}, {"data": None}, "data is null"),
        ({"data": {"pid": 1}}, {"data": {"pid": "1"}}, "data.pid is string"),
        ({"data": {"a": 1}}, {"data": {"a": 1, "b": 2}}, "data has b in addition"),
        ({"data": [TASK]}, {"data": []}, "data has 0 entries instead of 1"),
        ({"data": [TASK]}, {"data": [{**TASK, "status": "x"}]}, "status is 'x'"),
        ({"data": [], "total": 1}, {"data": []}, "body lacks total"),
        ({"data": LOG}, {"data": LOG[:1]}, "log line 2"),
        ({"errors": {"a": "b"}}, {"errors": {"a": "c"}}, 'errors {"a": "c"}'),
        ({"data": "103"}, {"data": 103}, "data is number"),
    ],
)
def test_differences_are_reported(told: Any, given: Any, found: str) -> None:
    assert any(found in text for text in differences(recorded(told), seen(given), 0.0))


def test_status_reason_connection_and_delay_are_used() -> None:
    told = recorded({"data": None}, 401, "No ticket", 3.0)
    texts = differences(told, seen({"data": None}, 200, "OK", "close"), 0.0)
    assert [text.split(" ")[0] for text in texts] == ["status", "reason", "connection", "it"]


@pytest.mark.parametrize(
    ("shape", "given", "alike"),
    [
        ("str", "x", True),
        (
            {"data": [{"id": "str", "value": "float|int"}]},
            {"data": [{"id": "a", "value": 1}]},
            True,
        ),
        ({"data": [{"id": "str", "value": "float|int"}]}, {"data": [{"id": "a"}]}, False),
        ({"data": []}, {"data": [1]}, False),
        ({"/": {"<2 keys>": "int"}}, {"/": {"a": 1, "b": 1}}, True),
        ({"/": {"<2 keys>": "int"}}, {"/": {"a": 1}}, False),
    ],
)
def test_some_answers_are_compared_by_shape_only(shape: Any, given: Any, alike: bool) -> None:
    told = replace(recorded("(shape only)"), shape=shape)
    assert (differences(told, seen({"data": given}), 0.0) == []) is alike
