# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths under /_sim/."""

from __future__ import annotations

import hashlib
import json
from itertools import chain
from typing import Any

import pytest
import requests

SECRET = "00000000-0000-4000-8000-000000000001"


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


def test_the_world_can_be_inspected(simulator: Any) -> None:
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


def test_nodes_and_pvedaemon_can_be_turned_off_and_on(simulator: Any) -> None:
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
def test_errors_are_explained(
    simulator: Any, path: str, document: Any, status: int, error: str
) -> None:
    answer = simulator.request("POST", f"/_sim/{path}", json=document, auth=None)
    assert answer.status_code == status
    assert error in answer.json()["error"]


def test_the_world_lists_users_and_permissions_but_no_secrets(simulator: Any) -> None:
    simulator.request("POST", "/pools", {"poolid": "web", "comment": "x"})
    simulator.request("PUT", "/pools/web", {"vms": "100"})
    world = simulator.admin("GET", "world")
    assert world["pools"]["web"] == {"comment": "x", "members": [100], "storages": []}
    line = {"path": "/vms/100", "authid": "operator@pve", "role": "PVEVMUser", "propagate": True}
    assert line in world["acl"]
    assert set(world["users"]["ansible@pve"]["tokens"]) == {"ci"}
    told = json.dumps(world)
    assert "Sim-pass-1" not in told
    assert "00000000-0000-4000-8000-000000000002" not in told


def test_a_reset_brings_the_world_of_the_start_back(cluster: Any) -> None:
    def world() -> Any:
        """All but the times of volumes, which are counted from the start or the reset."""
        found = cluster.admin("GET", "world")
        for volume in chain.from_iterable(found["storages"].values()):
            del volume["ctime"]
        return found

    before = world()
    endless = {"action": "task", "type": "qmclone", "seconds": 1e6}
    cluster.admin("POST", "faults", endless)
    cluster.request("POST", "/nodes/pve1/qemu/9000/clone", {"newid": 300})
    cluster.request("POST", "/access/users", {"userid": "new@pve"})
    cluster.request("DELETE", "/storage/ceph")
    cluster.admin("POST", "nodes/pve2/down")
    cluster.admin("POST", "reset")
    after = world()
    for part in ("nodes", "guests", "tasks", "users", "storages", "acl"):
        assert after[part] == before[part], part
    assert cluster.admin("GET", "requests")["total"] == 0
    assert cluster.world.task_faults == []
    # The node that was down serves again, and a clone takes the time that it takes.
    clone = cluster.request("POST", "/nodes/pve1/qemu/9000/clone", {"newid": 300}, node=1)
    assert clone.status_code == 200, clone.text
    cluster.admin("POST", "clock", {"advance": 600})
    name = cluster.request("GET", "/nodes/pve1/qemu/300/config", node=1).json()["data"]["name"]
    assert name == "Copy-of-VM-debian-12-cloud"


def test_a_saved_world_is_the_same_when_it_is_loaded(simulator: Any) -> None:
    simulator.request("POST", "/access/users", {"userid": "web@pve", "password": "secret-word"})
    simulator.request("POST", "/pools", {"poolid": "web"})
    simulator.request("POST", "/cluster/backup", {"storage": "local", "all": 1, "id": "job"})
    simulator.request("PUT", "/cluster/firewall/options", {"enable": 1})
    simulator.request("POST", "/nodes/pve1/qemu/100/snapshot", {"snapname": "s1"})
    simulator.admin("POST", "clock", {"advance": 600})
    before, file = simulator.admin("GET", "world"), simulator.admin("GET", "world?format=file")
    simulator.admin("POST", "reset")
    assert "web" not in simulator.admin("GET", "world")["pools"]
    simulator.admin("POST", "world", file)
    after = simulator.admin("GET", "world")
    for part in ("nodes", "guests", "users", "acl", "pools", "backup_jobs", "firewalls", "roles"):
        assert after[part] == before[part], part
    assert [task["upid"] for task in after["tasks"]] == [task["upid"] for task in before["tasks"]]
    ids = {name: {v["volid"] for v in volumes} for name, volumes in before["storages"].items()}
    assert {n: {v["volid"] for v in vs} for n, vs in after["storages"].items()} == ids
    login = {"username": "web@pve", "password": "secret-word"}
    assert simulator.request("POST", "/access/ticket", login, auth=None).status_code == 200
    log = simulator.request("GET", f"/nodes/pve1/tasks/{before['tasks'][-1]['upid']}/log")
    assert log.json()["data"][-1]["t"] == "TASK OK"


def test_another_world_can_be_loaded_unless_it_is_invalid(cluster: Any) -> None:
    def load(document: Any) -> Any:
        answer = cluster.request("POST", "/_sim/world", json=document, auth=None)
        return answer.status_code, answer.json()

    status, told = load({"nodes": {"a": None}})
    assert (status, told["error"]) == (400, "1 nodes are too few for 3 addresses")
    status, told = load({"nodes": {"a": {"maxcpus": 1}, "b": None, "c": None}})
    assert told["error"] == "nodes.a: unknown key 'maxcpus', did you mean 'maxcpu'?"
    assert set(cluster.admin("GET", "world")["guests"]) == {"100", "101", "9000", "9100"}
    token = {"secret": SECRET, "privsep": False}
    users = {"root@pam": {"password": "x", "tokens": {"ansible": token}}}
    four = dict.fromkeys("abcd")
    assert load({"nodes": four, "users": users}) == (200, {"nodes": list("abcd"), "guests": 0})
    nodes = cluster.request("GET", "/nodes", node=2).json()["data"]
    assert [node["node"] for node in nodes] == list("abcd")
    assert all(node["ssl_fingerprint"] for node in nodes)
    local = cluster.request("GET", "/cluster/status", node=2).json()["data"]
    assert [node["name"] for node in local if node.get("local")] == ["c"]


def test_requests_are_recorded_without_secrets(simulator: Any) -> None:
    given = {"userid": "web@pve", "password": "secret-word", "comment": "front end"}
    simulator.request("POST", "/access/users", given)
    (call,) = simulator.admin("GET", "requests?calls=1")["calls"]
    assert call == {
        "request": "POST /access/users",
        "path": "/access/users",
        "parameters": {**given, "password": "********"},
    }
    assert "calls" not in simulator.admin("GET", "requests")
    simulator.admin("DELETE", "requests")
    assert simulator.admin("GET", "requests?calls=1")["calls"] == []


def test_the_start_page_needs_no_login(simulator: Any) -> None:
    page = requests.get(simulator.urls[0], verify=simulator.session.verify, timeout=10)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")


def test_it_serves_images_that_nodes_can_download(cluster: Any) -> None:
    answer = cluster.request("GET", "/_sim/images/a.qcow2", auth=None)
    told = cluster.request("GET", "/_sim/images/a.qcow2.sha256", auth=None).text
    other = cluster.request("GET", "/_sim/images/b.qcow2.sha256", auth=None).text
    assert answer.content[:4] == b"QFI\xfb"
    assert told == hashlib.sha256(answer.content).hexdigest() != other
