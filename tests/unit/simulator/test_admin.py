# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths under /_sim/."""

from __future__ import annotations

from typing import Any

import pytest


def test_requests_are_counted_by_method_and_template(simulator: Any) -> None:
    simulator.request("GET", "/nodes/pve1/tasks")
    simulator.request("GET", "/nodes/pve2/tasks")
    simulator.request("GET", "/nosuch")
    form = {"username": "root@pam", "password": "Sim-pass-1"}
    simulator.request("POST", "/access/ticket", form, auth=None)
    counted = simulator.admin("GET", "requests")
    assert counted == {
        "counts": {
            "GET /nodes/{node}/tasks": 2,
            "GET /nosuch": 1,
            "POST /access/ticket": 1,
        },
        "total": 4,
        "connections": 2,
        "logins": 1,
    }
    simulator.admin("DELETE", "requests")
    assert simulator.admin("GET", "requests") == {
        "counts": {}, "total": 0, "connections": 0, "logins": 0,
    }  # fmt: skip


def test_the_world_can_be_looked_at(simulator: Any) -> None:
    world = simulator.admin("GET", "world")
    assert world["guests"]["9000"]["name"] == "debian-12-cloud"
    assert set(world["nodes"]) == {"pve1", "pve2", "pve3"}


def test_a_task_fault_reaches_the_tasks(simulator: Any) -> None:
    fault = {"action": "task", "type": "qmclone", "exitstatus": "clone failed: no space"}
    first = simulator.admin("POST", "faults", fault)["id"]
    second = simulator.admin("POST", "faults", {"action": "drop", "path": "/never"})["id"]
    assert first != second
    assert [f.exitstatus for f in simulator.world.task_faults] == ["clone failed: no space"]
    simulator.admin("DELETE", "faults")
    assert simulator.world.task_faults == []


def test_nodes_and_pvedaemon_are_switched(simulator: Any) -> None:
    assert simulator.admin("POST", "nodes/pve2/down")["state"] == "down"
    assert simulator.admin("POST", "nodes/pve2/up") == {
        "node": "pve2", "state": "up", "pvedaemon": "up", "pmxcfs": "up", "clock_offset": 0.0,
    }  # fmt: skip
    assert simulator.admin("POST", "nodes/pve3/silent")["state"] == "silent"
    assert simulator.admin("POST", "nodes/pve1/pvedaemon/block")["pvedaemon"] == "blocked"


def test_a_node_is_out_of_reach_for_the_others(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve2/closed")
    closed = simulator.request("GET", "/nodes/pve2/qemu")
    simulator.admin("POST", "nodes/pve2/untrusted")
    untrusted = simulator.request("GET", "/nodes/pve2/qemu")
    assert (closed.status_code, closed.reason) == (595, "Connection refused")
    assert untrusted.status_code == 596
    assert "certificate verify failed" in untrusted.reason


def test_without_quorum_nothing_starts(simulator: Any) -> None:
    simulator.admin("POST", "quorum", {"there": False})
    refused = simulator.request("POST", "/nodes/pve1/qemu/100/status/start")
    assert refused.reason == "cluster not ready - no quorum?"
    simulator.admin("POST", "quorum", {"there": True})
    assert simulator.request("POST", "/nodes/pve1/qemu/100/status/start").status_code == 200


def test_a_lock_is_set_and_removed_past_the_api(simulator: Any) -> None:
    assert simulator.admin("POST", "guests/100", {"lock": "backup"})["lock"] == "backup"
    refused = simulator.request("PUT", "/nodes/pve1/qemu/100/config", {"description": "x"})
    assert refused.reason == "VM is locked (backup)"
    assert "lock" not in simulator.admin("POST", "guests/100", {"lock": None})


def test_a_killed_worker_leaves_its_log_without_an_end(simulator: Any) -> None:
    simulator.admin("POST", "clock", {"pause": True})
    upid = simulator.request("POST", "/nodes/pve1/qemu/100/status/start").json()["data"]
    simulator.admin("POST", f"tasks/{upid}/kill")
    status = simulator.request("GET", f"/nodes/pve1/tasks/{upid}/status").json()["data"]
    assert status["exitstatus"] == "unexpected status"


def test_the_clock_stops_jumps_and_goes_on(simulator: Any) -> None:
    stopped = simulator.admin("POST", "clock", {"pause": True})
    assert stopped["paused"]
    jumped = simulator.admin("POST", "clock", {"advance": 100})
    assert jumped["now"] == pytest.approx(stopped["now"] + 100)
    assert not simulator.admin("POST", "clock", {"resume": True})["paused"]


@pytest.mark.parametrize(
    ("path", "document", "status", "error"),
    [
        ("nosuch", {}, 404, "POST /_sim/nosuch is not known"),
        ("nodes/pve9/down", {}, 404, "there is no node 'pve9'"),
        ("nodes/pve1/dance", {}, 404, "a node cannot be 'dance'"),
        ("quorum", {}, 400, "quorum is {there: true} or {there: false}"),
        ("guests/999", {}, 404, "there is no guest 999"),
        ("tasks/UPID:x/kill", {}, 404, "there is no running task UPID:x"),
        ("clock", {}, 400, "the clock knows pause, resume and advance"),
        ("clock", {"advance": "soon"}, 400, "could not convert string to float: 'soon'"),
        ("faults", {"action": "explode"}, 400, "action is 'explode'"),
        ("faults", {"action": "task", "colour": 1}, 400, "colour"),
        ("faults", [1], 400, "the body is no JSON object"),
    ],
)
def test_mistakes_are_explained(
    simulator: Any, path: str, document: Any, status: int, error: str
) -> None:
    answer = simulator.request("POST", f"/_sim/{path}", json=document, auth=None)
    assert answer.status_code == status
    assert error in answer.json()["error"]
