# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that a real Proxmox VE 9.2 was sent are answered as it answered them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

RECORDINGS = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "recordings.jsonl").read_text().splitlines()
]
TOKENS = {
    "root": "root@pam!cli",
    "sep": "root2@pve!sep",
    "alice": "alice@pve!t1",
    "bob": "bob@pve!t1",
}


def is_slow(recording: dict[str, Any]) -> bool:
    return bool(recording["response"]["elapsed_s"] > 2.5)


def needs_pvedaemon_down(recording: dict[str, Any]) -> bool:
    return str(recording["name"]).startswith("pvedaemon down")


QUICK = [r for r in RECORDINGS if not is_slow(r) and not needs_pvedaemon_down(r)]
SLOW = [r for r in RECORDINGS if is_slow(r)]
DAEMON_DOWN = [r for r in RECORDINGS if needs_pvedaemon_down(r)]


def ids(recording: dict[str, Any]) -> str:
    return f"{recording['n']} {recording['name']}"


def replay(simulator: Any, recording: dict[str, Any]) -> requests.Response:
    request = recording["request"]
    headers = dict(request["headers"])
    data = request["form"]
    if request["auth"]:
        headers["Authorization"] = f"PVEAPIToken={TOKENS[request['auth']]}=secret"
    if "rawbody" in request:
        data = request["rawbody"].encode()
        headers.setdefault("Content-Type", "application/json")
    url = f"{simulator.urls[0]}{request['path']}"
    answer = simulator.session.request(request["method"], url, data=data, headers=headers)
    assert isinstance(answer, requests.Response)
    return answer


def seen(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = answer.text
    headers = {"connection": answer.raw.headers.getlist("Connection")}
    if "Content-Type" in answer.headers:
        headers["content-type"] = [answer.headers["Content-Type"]]
    return {
        "status": answer.status_code,
        "reason": answer.reason,
        "headers": headers,
        "body": body,
    }


def said(recording: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recording["response"].items() if key != "elapsed_s"}


@pytest.mark.parametrize("recording", QUICK, ids=ids)
def test_an_answer_is_the_recorded_one(recorded: Any, recording: dict[str, Any]) -> None:
    assert seen(replay(recorded, recording)) == said(recording)


def test_slow_answers_are_the_recorded_ones_and_as_slow(recorded: Any) -> None:
    with ThreadPoolExecutor(len(SLOW)) as pool:
        answers = list(pool.map(lambda recording: replay(recorded, recording), SLOW))
    for recording, answer in zip(SLOW, answers, strict=True):
        assert seen(answer) == said(recording)
        assert answer.elapsed.total_seconds() == pytest.approx(
            recording["response"]["elapsed_s"], abs=0.5
        )


def test_without_pvedaemon_protected_calls_are_refused_as_recorded(recorded: Any) -> None:
    recorded.admin("POST", "nodes/vm/pvedaemon/down")
    try:
        answers = [replay(recorded, recording) for recording in DAEMON_DOWN]
    finally:
        recorded.admin("POST", "nodes/vm/pvedaemon/up")
    assert [seen(answer) for answer in answers] == [said(r) for r in DAEMON_DOWN]
