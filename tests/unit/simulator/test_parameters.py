# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies and queries are read as pveproxy reads them."""

from __future__ import annotations

import pytest
from pvesim.answer import HttpError
from pvesim.calls import CallError
from pvesim.parameters import check_content, decode_form, parameters, with_path
from pvesim.request import Request

JSON = {"content-type": "application/json"}


def request(method: str, body: bytes = b"", query: str = "", **headers: str) -> Request:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, "/api2/json/x", query, given, body, len(body))


def test_a_form_is_decoded_with_repeated_keys() -> None:
    assert decode_form("a=1&b=x%2Fy+z;a=2&c") == {"a": ["1", "2"], "b": "x/y z", "c": ""}


def test_the_query_wins_over_the_body_and_the_cache_breaker_is_dropped() -> None:
    assert parameters(request("POST", b"a=1&b=2", "a=3&_dc=99")) == {"a": "3", "b": "2"}


def test_json_is_decoded_and_null_means_not_given() -> None:
    body = b'{"onboot": true, "memory": 256, "tags": null, "vms": [1, 2]}'
    found = parameters(Request("PUT", "/", "", JSON, body, len(body)))
    assert found == {"onboot": True, "memory": 256, "vms": [1, 2]}


@pytest.mark.parametrize("body", [b"{bad", b"[1]", b'{"a":1} x', b'{"a"', b'{"a":"'])
def test_a_body_that_is_not_a_json_object_is_a_plain_text_500(body: bytes) -> None:
    with pytest.raises(HttpError) as raised:
        parameters(Request("POST", "/", "", JSON, body, len(body)))
    assert (raised.value.answer.status, raised.value.answer.content_type) == (500, None)


@pytest.mark.parametrize(
    ("asked", "status", "reason"),
    [
        (request("GET", b"a=1"), 501, "Unexpected content for method 'GET'"),
        (request("DELETE", b"a=1"), 501, "Unexpected content for method 'DELETE'"),
        (
            request("PUT", b"<x/>", content_type="application/xml"),
            506,
            "upload 'Content-Type 'application/xml' not implemented",
        ),
        (Request("POST", "/", length=524289), 501, "for data too large"),
    ],
)
def test_invalid_bodies_are_refused(asked: Request, status: int, reason: str) -> None:
    with pytest.raises(HttpError) as raised:
        check_content(asked)
    assert (raised.value.answer.status, raised.value.answer.reason) == (status, reason)


def test_a_form_with_a_charset_is_accepted() -> None:
    check_content(
        request("POST", b"a=1", content_type="application/x-www-form-urlencoded; charset=x")
    )


def test_path_and_body_may_agree_but_not_differ() -> None:
    assert with_path({"vmid": "101"}, {"vmid": "101"}) == {"vmid": "101"}
    with pytest.raises(CallError) as raised:
        with_path({"vmid": "102"}, {"vmid": "101"})
    assert raised.value.errors == {
        "vmid": "duplicate parameter (already defined in URI) with conflicting values!"
    }
