# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers are worded in the formats of the server."""

from __future__ import annotations

import json

from pvesim.answer import failure, plain, success
from pvesim.calls import CallError, Download, Listing


def test_the_result_is_under_data() -> None:
    assert success({"a": 1}, "json").body == b'{"data":{"a":1}}'


def test_total_is_next_to_data_and_omitted_if_zero() -> None:
    assert json.loads(success(Listing([1], 7), "json").body) == {"data": [1], "total": 7}
    assert json.loads(success(Listing([], 0), "json").body) == {"data": []}


def test_the_reason_is_the_first_line_and_the_message_all_of_it() -> None:
    answer = failure(CallError(500, "first\nsecond"), "json")
    assert (answer.status, answer.reason) == (500, "first")
    assert json.loads(answer.body) == {"data": None, "message": "first\nsecond\n"}


def test_extjs_is_always_200() -> None:
    answer = failure(CallError(403, "no", {"a": "b"}), "extjs")
    assert (answer.status, answer.reason) == (200, "OK")
    assert json.loads(answer.body) == {
        "data": None, "message": "no\n", "errors": {"a": "b"}, "success": 0, "status": "403",
    }  # fmt: skip
    assert json.loads(success(None, "extjs").body) == {"data": None, "success": 1}


def test_early_errors_are_plain_text() -> None:
    answer = plain(501, "for data too large").answer
    assert (answer.body, answer.content_type) == (b"for data too large", None)


def test_a_download_is_a_text_file() -> None:
    answer = success(Download("log\n", "task.log"), "json")
    assert (answer.body, answer.content_type, answer.filename) == (
        b"log\n", "text/plain", "task.log",
    )  # fmt: skip
