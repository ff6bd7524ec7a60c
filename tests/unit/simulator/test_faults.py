# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults strike what they are meant for, as often as they are meant to."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any

import pytest
import requests
from pvesim.faults import Fault, Faults

CLONE = "/nodes/pve1/qemu/9000/clone"
HEADERS = {"Authorization": "PVEAPIToken=root@pam!ansible=00000000-0000-4000-8000-000000000001"}


def struck(faults: Faults, method: str, path: str, when: str = "before") -> list[str]:
    return [fault.action for fault in faults.struck(when, method, path, "pve1")]


def test_method_path_and_moment_decide() -> None:
    faults = Faults(1)
    faults.add({"action": "drop", "method": "POST", "path": "/nodes/*/clone"})
    assert struck(faults, "POST", CLONE) == ["drop"]
    assert struck(faults, "GET", CLONE) == []
    assert struck(faults, "POST", "/nodes/pve1/qemu") == []
    assert struck(faults, "POST", CLONE, "after") == []


def test_a_fault_is_used_up() -> None:
    faults = Faults(1)
    faults.add({"action": "drop", "count": 2})
    assert [struck(faults, "GET", "/version") for _unused in range(3)] == [["drop"], ["drop"], []]


def test_faults_come_one_after_the_other_and_delays_beside_them() -> None:
    faults = Faults(1)
    for action in ("drop", "delay", "reset", "drop"):
        faults.add({"action": action, "count": 1})
    seen = [struck(faults, "GET", "/version") for _unused in range(4)]
    assert seen == [["drop"], ["delay", "reset"], ["drop"], []]


def test_random_faults_are_the_same_for_the_same_seed() -> None:
    runs = []
    for _unused in range(2):
        faults = Faults(7)
        faults.add({"action": "drop", "probability": 0.5})
        runs.append([bool(struck(faults, "GET", "/version")) for _unused in range(50)])
    assert runs[0] == runs[1]
    assert 10 < sum(runs[0]) < 40


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"action": "explode"}, "action is 'explode'"),
        ({"action": "drop", "when": "never"}, "when is 'never'"),
        ({"action": "drop", "often": 1}, "unknown: often"),
    ],
)
def test_an_invalid_fault_is_refused(document: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Fault.from_json(document)


def test_a_default_reason_is_used_if_none_is_given() -> None:
    reasons = {
        status: Fault("status", status=status).reason_phrase for status in (503, 595, 597, 699)
    }
    assert reasons == {
        503: "Service Unavailable", 595: "Connection timed out", 597: "Broken pipe",
        699: "Broken pipe",
    }  # fmt: skip
    assert Fault("status", status=420).reason_phrase == "Error"
    assert Fault("html").status == 502


def test_before_prevents_the_call_and_after_loses_its_answer(
    simulator: Any,
) -> None:
    for when, made in (("before", False), ("after", True)):
        simulator.admin("POST", "faults", {"action": "drop", "when": when, "count": 1})
        with pytest.raises(requests.ConnectionError):
            simulator.request("POST", CLONE, {"newid": 300})
        assert (300 in simulator.world.guests) is made


def test_a_status_replaces_the_answer_before_or_after_the_call(simulator: Any) -> None:
    fault = {"action": "status", "status": 596, "reason": "Broken pipe", "when": "after"}
    simulator.admin("POST", "faults", {**fault, "method": "POST"})
    answer = simulator.request("POST", CLONE, {"newid": 300})
    assert (answer.status_code, answer.reason, answer.text) == (596, "Broken pipe", "")
    assert "Content-Type" not in answer.headers
    assert 300 in simulator.world.guests
    simulator.admin("DELETE", "faults")
    assert simulator.request("GET", "/version").status_code == 200


def test_a_response_with_a_message_is_a_server_error(simulator: Any) -> None:
    text = "got no worker upid - start worker failed"
    simulator.admin("POST", "faults", {"action": "status", "status": 500, "message": text})
    answer = simulator.request("POST", CLONE, {"newid": 300})
    assert (answer.status_code, answer.reason) == (500, text)
    assert answer.json() == {"data": None, "message": f"{text}\n"}


def test_a_fault_can_apply_to_a_single_address(cluster: Any) -> None:
    cluster.admin("POST", "faults", {"action": "status", "status": 596, "node": "pve2"})
    statuses = [cluster.request("GET", "/version", node=n).status_code for n in range(3)]
    assert statuses == [200, 596, 200]


def test_html_comes_from_a_proxy_in_front_of_the_server(simulator: Any) -> None:
    simulator.admin("POST", "faults", {"action": "html", "status": 503})
    answer = simulator.request("GET", "/version")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html")
    assert "<h1>503 Service Unavailable</h1>" in answer.text


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_truncated_answer_ends_in_the_middle(simulator: Any, when: str) -> None:
    simulator.admin("POST", "faults", {"action": "truncate", "when": when, "count": 1})
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        simulator.request("GET", "/nodes")
    assert simulator.request("GET", "/nodes").status_code == 200


def test_delays_use_the_clock_of_the_cluster(simulator: Any) -> None:
    simulator.admin("POST", "faults", {"action": "delay", "seconds": 20})
    answer, elapsed = simulator.advance_while(lambda: simulator.request("GET", "/version"))
    assert answer.status_code == 200
    assert 20 <= elapsed < 22


@pytest.mark.parametrize("action", ["reset", "drop"])
def test_faults_can_reset_or_close_the_connection(simulator: Any, action: str) -> None:
    simulator.admin("POST", "faults", {"action": action})
    host, port = simulator.urls[0].removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=simulator.session.verify)
    with (
        socket.create_connection((host, int(port))) as plain,
        plain.dup() as raw,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        secure.sendall(b"GET /api2/json/version HTTP/1.1\r\nHost: x\r\n\r\n")
        assert end_of(raw) == action


def end_of(connection: socket.socket) -> str:
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        return "reset"
    return "drop"


def test_admin_paths_are_never_disturbed(simulator: Any) -> None:
    simulator.admin("POST", "faults", {"action": "reset"})
    assert simulator.admin("GET", "requests")["total"] == 0


def test_a_delayed_call_is_made_even_if_the_client_disconnects(simulator: Any) -> None:
    simulator.admin("POST", "faults", {"action": "delay", "seconds": 0.5, "count": 1})
    session = simulator.new_session()
    with pytest.raises(requests.Timeout):
        session.post(
            f"{simulator.urls[0]}/api2/json{CLONE}",
            data={"newid": 300},
            headers=HEADERS,
            timeout=0.2,
        )
    session.close()
    give_up = time.monotonic() + 10
    while 300 not in simulator.world.guests:
        assert time.monotonic() < give_up, "the call was dropped"
        time.sleep(0.02)
