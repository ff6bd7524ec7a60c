# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes whose clocks differ: whose clock is seen where, and what becomes of tickets."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest

STATUS = "/nodes/pve2/qemu/101/status/current"


def seconds(answer: Any) -> float:
    return parsedate_to_datetime(answer.headers["Date"]).timestamp()


def ticket(cluster: Any, node: int) -> dict[str, str]:
    form = {"username": "root@pam", "password": "Sim-pass-1"}
    data = cluster.request("POST", "/access/ticket", form, auth=None, node=node).json()["data"]
    return {
        "Cookie": f"PVEAuthCookie={data['ticket']}",
        "CSRFPreventionToken": data["CSRFPreventionToken"],
    }


def test_the_date_is_that_of_the_node_that_is_asked_and_the_upid_that_of_its_own(
    cluster: Any,
) -> None:
    cluster.admin("POST", "nodes/pve2/clock", {"offset": 600})
    now = cluster.world.clock.now()
    answer = cluster.request("POST", "/nodes/pve2/qemu/101/config", {"description": "x"})
    assert abs(seconds(answer) - now) < 5
    assert abs(int(answer.json()["data"].split(":")[4], 16) - now - 600) < 5
    assert abs(seconds(cluster.request("GET", "/version", node=1)) - now - 600) < 5
    told = cluster.request("GET", "/nodes/pve2/time").json()["data"]["time"]
    assert abs(told - now - 600) < 5


def test_lists_are_filtered_by_the_times_of_the_node(cluster: Any) -> None:
    cluster.admin("POST", "nodes/pve2/clock", {"offset": 600})
    now = int(cluster.world.clock.now())
    cluster.request("POST", "/nodes/pve2/qemu/101/config", {"description": "x"})
    since = f"/nodes/pve2/tasks?source=all&since={now - 60}"
    assert len(cluster.request("GET", since).json()["data"]) == 1
    assert cluster.request("GET", f"{since}&until={now + 60}").json()["data"] == []
    cluster.admin("POST", "nodes/pve2/clock", {"offset": -600})
    cluster.request("POST", "/nodes/pve2/qemu/101/config", {"description": "y"})
    assert len(cluster.request("GET", since).json()["data"]) == 1
    since = f"/nodes/pve2/tasks?source=all&since={now - 900}"
    assert len(cluster.request("GET", since).json()["data"]) == 2


@pytest.mark.parametrize(
    ("offset", "maker", "user", "status"),
    [
        (600, 1, 0, 401),
        (600, 0, 1, 200),
        (-600, 0, 1, 401),
        (-600, 1, 0, 200),
        (200, 1, 0, 200),
    ],
)
def test_a_ticket_from_the_future_is_refused_after_three_seconds(
    cluster: Any, offset: int, maker: int, user: int, status: int
) -> None:
    cluster.admin("POST", "nodes/pve2/clock", {"offset": offset})
    headers = ticket(cluster, maker)
    answer, elapsed = cluster.advance_while(
        lambda: cluster.request("GET", "/nodes", auth=None, headers=headers, node=user), step=0.5
    )
    assert answer.status_code == status
    if status == 401:
        assert (answer.reason, answer.text) == ("Authentication failed!", "")
        assert 3 <= elapsed < 4.1


def test_a_forwarded_call_is_refused_by_the_clock_of_the_other_node(cluster: Any) -> None:
    cluster.admin("POST", "nodes/pve2/clock", {"offset": -600})
    headers = ticket(cluster, 0)
    assert cluster.request("GET", "/nodes", auth=None, headers=headers).status_code == 200
    answer, elapsed = cluster.advance_while(
        lambda: cluster.request("GET", STATUS, auth=None, headers=headers), step=0.5
    )
    assert (answer.status_code, answer.reason) == (401, "Authentication failed!")
    assert 3 <= elapsed < 4.1
    assert cluster.request("GET", STATUS).status_code == 200, "tokens know no time"


def test_the_clock_of_a_node_is_an_offset(cluster: Any) -> None:
    answer = cluster.request("POST", "/_sim/nodes/pve2/clock", json={"ahead": 1}, auth=None)
    assert answer.status_code == 400
    assert answer.json() == {"error": "the clock of a node is {offset: seconds}"}
