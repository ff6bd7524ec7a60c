# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three calls that wait for a lock stop every protected call of their node, and no other."""

from __future__ import annotations

import threading
import time
from typing import Any

from requests import Response

CONFIG = "/nodes/pve1/qemu/100/config"
HEADERS = {"Authorization": "PVEAPIToken=root@pam!ansible=00000000-0000-4000-8000-000000000001"}
LOCK = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout"
OPEN = (
    "/nodes/pve1/tasks?source=active",
    "/nodes/pve1/tasks?source=all",
    "/cluster/tasks",
    "/cluster/resources",
    "/cluster/nextid",
    "/version",
)


def test_lists_are_answered_at_once_while_every_worker_waits_for_a_lock(simulator: Any) -> None:
    simulator.world.add_task_fault(type="qmclone", seconds=100_000)
    assert simulator.request("POST", "/nodes/pve1/qemu/100/clone", {"newid": 300}).ok
    simulator.admin("POST", "clock", {"pause": True})
    answers: list[Response] = []

    def change() -> None:
        session = simulator.new_session()
        url = f"{simulator.urls[0]}/api2/json{CONFIG}"
        answers.append(session.put(url, data={"cores": 1}, headers=HEADERS, timeout=60))

    threads = [threading.Thread(target=change) for _unused in range(4)]
    for thread in threads:
        thread.start()
    counted = "PUT /nodes/{node}/qemu/{vmid}/config"
    give_up = time.monotonic() + 10
    while simulator.admin("GET", "requests")["counts"].get(counted) != 4:
        assert time.monotonic() < give_up
    for path in OPEN:
        begun = time.perf_counter()
        assert simulator.request("GET", path).status_code == 200
        assert time.perf_counter() - begun < 0.2
    assert answers == []
    begun = simulator.world.clock.now()
    answer, _elapsed = simulator.advance_while(
        lambda: simulator.request("GET", "/nodes/pve1/qemu/100/status/current")
    )
    assert answer.status_code == 200
    assert simulator.world.clock.now() - begun >= 10

    def finish() -> None:
        for thread in threads:
            thread.join(20)

    simulator.advance_while(finish)
    assert {(a.status_code, a.reason) for a in answers} == {(500, LOCK)}
