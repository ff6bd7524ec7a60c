# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers, limits and connections as a client meets them."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

TOKEN = "PVEAPIToken=root@pam!ansible=00000000-0000-4000-8000-000000000001"
HEADERS = {"Authorization": TOKEN}


@pytest.fixture
def connection(simulator: Any) -> Iterator[http.client.HTTPSConnection]:
    host, port = simulator.urls[0].removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=simulator.session.verify)
    made = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)
    yield made
    made.close()


def get(connection: http.client.HTTPSConnection, path: str = "/version") -> Any:
    connection.request("GET", f"/api2/json{path}", headers=HEADERS)
    answer = connection.getresponse()
    answer.read()
    return answer


def test_the_date_is_the_clock_of_the_cluster(simulator: Any) -> None:
    simulator.admin("POST", "clock", {"advance": 86400})
    date = parsedate_to_datetime(simulator.request("GET", "/version").headers["Date"])
    assert date.timestamp() == pytest.approx(time.time() + 86400, abs=5)


def test_a_connection_carries_a_hundred_requests(
    simulator: Any, connection: http.client.HTTPSConnection
) -> None:
    headers = [get(connection).getheader("Connection") for _unused in range(101)]
    assert headers == ["Keep-Alive"] * 99 + ["close", "Keep-Alive"]
    assert simulator.admin("GET", "requests")["connections"] == 2


def test_an_idle_connection_is_closed_after_five_seconds(
    connection: http.client.HTTPSConnection,
) -> None:
    get(connection)
    begun = time.monotonic()
    assert connection.sock.recv(1) == b""
    assert time.monotonic() - begun == pytest.approx(5, abs=1)


def test_protected_answers_have_two_connection_headers(simulator: Any) -> None:
    protected = simulator.request("POST", "/nodes/pve1/qemu/9000/clone", {"newid": 300})
    own = simulator.request("GET", "/nodes/pve1/tasks")
    other = simulator.request("GET", "/nodes/pve2/tasks")
    failed = simulator.request("GET", "/nosuch")
    assert [a.raw.headers.getlist("Connection") for a in (protected, own, other, failed)] == [
        ["close", "Keep-Alive"], ["Keep-Alive"], ["Keep-Alive"], ["close"],
    ]  # fmt: skip


def test_long_answers_are_compressed_when_asked_for(simulator: Any) -> None:
    path = "/cluster/resources"
    long = simulator.request("GET", path)
    asked_not = simulator.request("GET", path, headers={"Accept-Encoding": "identity"})
    short = simulator.request("GET", "/version")
    assert long.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in asked_not.headers
    assert "Content-Encoding" not in short.headers
    assert long.json() == asked_not.json()


def test_a_long_log_is_compressed_without_being_asked_for(simulator: Any) -> None:
    form = {"newid": 300, "full": 1}
    upid = simulator.request("POST", "/nodes/pve1/qemu/9000/clone", form).json()["data"]
    simulator.world.tasks.find("pve1", upid).write("a line of the log\n" * 100)
    answer = simulator.request(
        "GET",
        f"/nodes/pve1/tasks/{upid}/log?download=1",
        headers={"Accept-Encoding": "identity"},
    )
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Content-Disposition"].startswith(
        'attachment; filename="task-pve1-qmclone-'
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "a line of the log\n" in answer.text


def test_a_body_may_have_half_a_megabyte(simulator: Any) -> None:
    path = "/nodes/pve1/qemu/100/config"
    answer = simulator.request("PUT", path, {"description": "x" * 524288})
    assert (answer.status_code, answer.reason, answer.text) == (
        501, "for data too large", "for data too large",
    )  # fmt: skip


@pytest.mark.parametrize("content_type", ["application/xml", "text/plain"])
def test_other_content_types_are_506(simulator: Any, content_type: str) -> None:
    answer = simulator.request(
        "PUT", "/nodes/pve1/qemu/100/config", b"<x/>", headers={"Content-Type": content_type}
    )
    assert answer.status_code == 506
    assert answer.text == f"upload 'Content-Type '{content_type}' not implemented"
    assert "Content-Type" not in answer.headers


def test_a_path_without_a_format_does_not_exist_for_any_user(simulator: Any) -> None:
    for path in ("/api2", "/api2/", "/api2/JSON/version"):
        answer = simulator.request("GET", path, auth=None)
        assert (answer.status_code, answer.text) == (501, "no such uri")


@pytest.mark.parametrize("auth", [TOKEN, None])
def test_a_chunked_body_is_501_for_any_user(simulator: Any, auth: str | None) -> None:
    path = "/nodes/pve1/qemu/9000/clone"
    answer = simulator.request("POST", path, iter([b"newid=300"]), auth=auth)
    assert (answer.status_code, answer.reason) == (501, "chunked transfer encoding not supported")


@pytest.mark.parametrize(
    "headers", [{"X-Long": "x" * 8192}, {f"X-{n}": "x" for n in range(64)}], ids=["bytes", "lines"]
)
def test_too_many_headers_are_never_answered(
    simulator: Any, connection: http.client.HTTPSConnection, headers: dict[str, str]
) -> None:
    def attempt() -> str:
        connection.request("GET", "/api2/json/version", headers=headers)
        try:
            connection.getresponse()
        except (ConnectionError, ssl.SSLError) as error:
            return type(error).__name__
        return "answered"

    outcome, elapsed = simulator.advance_while(attempt)
    assert outcome != "answered"
    assert 5 <= elapsed < 7
