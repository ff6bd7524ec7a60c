# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.refusals import (
    Body,
    read_refusal,
)

RECORDINGS = Path(__file__).parents[4] / "simulator/data/recordings.jsonl"
# What the API itself says without carrying anything out, but to no call of this collection.
OF_OTHER_CLIENTS = ("no such file", "unable to open file", "file error", "upload failed", "'\"'")


def recorded_errors() -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The answers of a real Proxmox VE with an error status, but for those of its proxy hop."""
    for line in RECORDINGS.read_text().splitlines():
        record = json.loads(line)
        answer = record.get("response", {})
        of_others = str(answer.get("reason", "")).startswith(OF_OTHER_CLIENTS)
        if 400 <= answer.get("status", 0) < 595 and not of_others:
            yield record["n"], record["request"]["method"], answer


ERRORS = list(recorded_errors())


@pytest.mark.parametrize(("number", "method", "answer"), ERRORS)
def test_a_recorded_refusal_is_recognised(number: int, method: str, answer: dict[str, Any]) -> None:
    given = answer["body"]
    body: Body = None if not given else given if isinstance(given, dict) else False
    error = read_refusal("x", method, answer["status"], answer["reason"], body)
    assert isinstance(error, ApiError), (number, error)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 499, 500, 502, 503, 504])
@pytest.mark.parametrize(
    "body",
    [
        None,
        {"error": "upstream"},
        {"message": "no such route"},
        {"errors": [{"detail": "x"}]},
        {"data": {"a": 1}},
        {"data": None, "message": {"a": 1}},
        {"data": None, "message": 5, "errors": {"vmid": "x"}},
        {"data": None, "errors": ["x"]},
        {"data": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("reason", ["", "Internal Server Error", "Forbidden", "Unauthorized"])
def test_an_error_of_a_gateway_proves_nothing(
    status: int, body: dict[str, Any] | None, reason: str
) -> None:
    error = read_refusal("POST /x", "POST", status, reason, body)
    assert isinstance(error, NoAnswerError)
    assert error.sent


@pytest.mark.parametrize("status", [404, 408, 429, 502, 503, 504])
def test_a_status_that_the_api_never_returns_proves_nothing_whatever_its_body(status: int) -> None:
    error = read_refusal("POST /x", "POST", status, "VM is locked", {"data": None, "message": "x"})
    assert isinstance(error, NoAnswerError)
    assert error.sent


@pytest.mark.parametrize(
    ("method", "status", "sent"),
    [
        ("POST", 595, False),
        ("GET", 595, False),
        ("PUT", 595, True),
        ("DELETE", 595, True),
        ("POST", 596, True),
        ("POST", 599, True),
    ],
)
def test_a_failed_hop_says_whether_the_call_may_have_been_carried_out(
    method: str, status: int, sent: bool
) -> None:
    error = read_refusal("x", method, status, "Connection refused", None)
    assert isinstance(error, NoAnswerError)
    assert error.sent is sent


@pytest.mark.parametrize(
    "reason",
    [
        "VM 100 already exists",
        "got no worker upid - start worker failed",
        "RPCEnvironment init request failed: Unable to load access control list",
    ],
)
def test_a_reason_of_its_own_counts_where_the_body_got_lost(reason: str) -> None:
    assert isinstance(read_refusal("x", "POST", 500, reason, None), ApiError)


@pytest.mark.parametrize("errors", ["text", ["a"], 5, None, {"vmid": 5, "n": {"a": 1}}])
def test_odd_errors_are_read_as_far_as_they_can_be(errors: Any) -> None:
    body = {"data": None, "message": "Parameter verification failed.", "errors": errors}
    error = read_refusal("x", "POST", 400, "Parameter verification failed.", body)
    assert isinstance(error, ApiError)
    assert all(isinstance(text, str) for text in error.errors.values())


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "Permission denied"), (501, "Method not implemented"), (500, "VM 100 already exists")],
)
def test_a_page_of_something_in_between_is_no_refusal_whatever_its_reason(
    status: int, reason: str
) -> None:
    error = read_refusal("POST /x", "POST", status, reason, False)
    assert isinstance(error, NoAnswerError)
    assert error.sent
