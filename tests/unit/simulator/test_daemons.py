# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Few workers, thirty seconds of patience, nodes that are gone."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

STATUS = "/nodes/pve1/qemu/100/status/current"
VERSION = "/version"
CLONE = "POST /nodes/{node}/qemu/{vmid}/clone"
HEADERS = {"Authorization": "PVEAPIToken=root@pam!ansible=00000000-0000-4000-8000-000000000001"}


def wait_until(condition: Any) -> None:
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_a_node_that_just_died_is_595_after_thirty_seconds(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve2/down")
    answer, elapsed = simulator.advance_while(lambda: simulator.request("GET", "/nodes/pve2/tasks"))
    assert (answer.status_code, answer.reason) == (595, "Connection timed out")
    assert 30 <= elapsed < 32


def test_a_read_on_a_kept_connection_tries_twice(simulator: Any) -> None:
    assert simulator.request("GET", "/nodes/pve2/tasks").status_code == 200
    simulator.admin("POST", "nodes/pve2/silent")
    answer, elapsed = simulator.advance_while(lambda: simulator.request("GET", "/nodes/pve2/tasks"))
    assert (answer.status_code, answer.reason) == (595, "Connection timed out")
    assert 59 <= elapsed < 61


def test_a_node_that_has_been_dead_for_long_is_595_after_three_seconds(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve2/down")
    simulator.admin("POST", "clock", {"advance": 60})
    answer, elapsed = simulator.advance_while(
        lambda: simulator.request("GET", "/nodes/pve2/tasks"), step=0.5
    )
    assert (answer.status_code, answer.reason, answer.text) == (595, "No route to host", "")
    assert 3 <= elapsed < 4


def test_a_silent_node_is_595_after_thirty_seconds(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve2/silent")
    answer, elapsed = simulator.advance_while(lambda: simulator.request("GET", "/nodes/pve2/tasks"))
    assert (answer.status_code, answer.reason) == (595, "Connection timed out")
    assert 30 <= elapsed < 32
    simulator.admin("POST", "nodes/pve2/up")
    assert simulator.request("GET", "/nodes/pve2/tasks").status_code == 200


def test_an_unknown_node_cannot_be_looked_up(simulator: Any) -> None:
    answer = simulator.request("GET", "/nodes/nosuch/tasks")
    assert answer.status_code == 500
    assert answer.reason.startswith("hostname lookup 'nosuch' failed - failed to get address info")


def test_localhost_is_the_node_that_was_asked(cluster: Any) -> None:
    cluster.request("POST", "/nodes/pve2/qemu/101/clone", {"newid": 300})
    here = cluster.request("GET", "/nodes/localhost/tasks?source=all", node=1).json()["data"]
    assert [task["type"] for task in here] == ["qmclone"]


def test_a_blocked_pvedaemon_is_596_after_thirty_seconds_and_the_call_is_made_later(
    simulator: Any,
) -> None:
    simulator.admin("POST", "nodes/pve1/pvedaemon/block")
    answer, elapsed = simulator.advance_while(
        lambda: simulator.request("POST", "/nodes/pve1/qemu/9000/clone", {"newid": 300})
    )
    assert (answer.status_code, answer.reason, answer.text) == (596, "Connection timed out", "")
    assert 30 <= elapsed < 32
    assert simulator.request("GET", VERSION).status_code == 200
    assert 300 not in simulator.world.guests
    simulator.admin("POST", "nodes/pve1/pvedaemon/up")
    wait_until(lambda: 300 in simulator.world.guests)


def test_calls_queue_for_the_three_workers_in_order(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve1/pvedaemon/block")
    sessions = [simulator.new_session() for _unused in range(5)]
    url = f"{simulator.urls[0]}/api2/json/nodes/pve1/qemu/9000/clone"

    def clone(number: int) -> int:
        given = {"newid": 300 + number}
        return int(sessions[number].post(url, data=given, headers=HEADERS).status_code)

    with ThreadPoolExecutor(5) as pool:
        answers = []
        for number in range(5):
            answers.append(pool.submit(clone, number))
            wait_until(
                lambda wanted=number + 1: (
                    simulator.admin("GET", "requests")["counts"].get(CLONE) == wanted
                )
            )
        # pve2 has workers of its own.
        assert simulator.request("GET", "/nodes/pve2/tasks/x/status").status_code == 400
        simulator.admin("POST", "nodes/pve1/pvedaemon/up")
        assert [answer.result() for answer in answers] == [200] * 5
    pids = [task.upid.pid for task in simulator.world.tasks.every()]
    assert pids == sorted(pids)


def test_a_call_continues_when_its_client_disconnects(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve1/pvedaemon/block")
    session = simulator.new_session()
    url = f"{simulator.urls[0]}/api2/json/nodes/pve1/qemu/9000/clone"
    gone = threading.Event()

    def impatient() -> None:
        try:
            session.post(url, data={"newid": 300}, headers=HEADERS, timeout=0.3)
        except OSError:
            gone.set()

    impatient()
    assert gone.is_set()
    simulator.admin("POST", "nodes/pve1/pvedaemon/up")
    wait_until(lambda: 300 in simulator.world.guests)


def test_without_pvedaemon_only_unprotected_calls_are_answered(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve1/pvedaemon/down")
    answer = simulator.request("GET", STATUS)
    assert (answer.status_code, answer.reason) == (595, "Connection refused")
    assert simulator.request("GET", "/nodes/pve1/tasks?source=active").status_code == 200


def test_a_node_that_dies_during_a_call_leaves_it_unanswered(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve2/pvedaemon/block")
    simulator.admin("POST", "clock", {"pause": True})
    with ThreadPoolExecutor(1) as pool:
        session = simulator.new_session()
        path = "/api2/json/nodes/pve2/tasks/x/status"
        answer = pool.submit(session.get, f"{simulator.urls[0]}{path}", headers=HEADERS)
        wait_until(lambda: simulator.admin("GET", "requests")["total"] == 1)
        simulator.admin("POST", "nodes/pve2/down")
        simulator.admin("POST", "clock", {"advance": 31})
        assert answer.result().status_code == 596


def test_without_pmxcfs_every_call_is_500_after_three_seconds(cluster: Any) -> None:
    text = (
        "RPCEnvironment init request failed: Unable to load access control list: Connection refused"
    )
    cluster.admin("POST", "nodes/pve2/pmxcfs/down")
    for path, node in (("/version", 1), ("/nodes/pve1/qemu", 1), ("/nodes/pve2/qemu", 0)):
        answer, elapsed = cluster.advance_while(
            lambda path=path, node=node: cluster.request("GET", path, node=node), step=0.5
        )
        assert (answer.status_code, answer.reason, answer.text) == (500, text, "")
        assert 3 <= elapsed < 4.1
    states = {n["node"]: n["status"] for n in cluster.request("GET", "/nodes").json()["data"]}
    assert states == {"pve1": "online", "pve2": "offline", "pve3": "online"}


def test_a_restarted_pmxcfs_knows_no_names(cluster: Any) -> None:
    cluster.admin("POST", "clock", {"pause": True})
    cluster.admin("POST", "nodes/pve2/pmxcfs/restart")
    cluster.admin("POST", "clock", {"advance": 2})
    path = "/cluster/resources?type=vm"
    wait_until(lambda: cluster.world.nodes["pve2"].pmxcfs == "up")
    guests = cluster.request("GET", path, node=1).json()["data"]
    assert {(guest["status"], guest.get("name")) for guest in guests} == {("unknown", None)}
    nodes = {
        n["node"]: n["status"] for n in cluster.request("GET", "/nodes", node=1).json()["data"]
    }
    assert nodes["pve2"] == "unknown"
    assert "name" in cluster.request("GET", path).json()["data"][0]
    cluster.admin("POST", "clock", {"resume": True})


def test_a_frozen_node_answers_reads_for_a_while_and_then_nothing(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve2/frozen")
    assert simulator.request("GET", "/nodes/pve2/qemu").status_code == 200
    simulator.admin("POST", "clock", {"advance": 11})
    answer, elapsed = simulator.advance_while(lambda: simulator.request("GET", "/nodes/pve2/qemu"))
    assert (answer.status_code, answer.reason) == (596, "Connection timed out")
    assert 30 <= elapsed < 32
    simulator.admin("POST", "nodes/pve2/up")
    assert simulator.request("GET", "/nodes/pve2/qemu").status_code == 200


def test_a_change_on_a_frozen_node_hangs_at_once(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve2/frozen")
    answer, elapsed = simulator.advance_while(
        lambda: simulator.request("PUT", "/nodes/pve2/qemu/101/config", {"tags": "late"})
    )
    assert answer.status_code == 596
    assert 30 <= elapsed < 32
    simulator.admin("POST", "nodes/pve2/up")
    wait_until(lambda: simulator.world.guests[101].config.get("tags") == "late")
