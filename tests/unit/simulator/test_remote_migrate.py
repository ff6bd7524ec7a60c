# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests move from one simulated cluster to another one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pvesim.entities import Guest, Volume

from .conftest import served

TOKEN = "root@pam!ansible=00000000-0000-4000-8000-000000000001"


@pytest.fixture(name="other")
def other_cluster(tmp_path: Path) -> Iterator[Any]:
    """The cluster that guests go to."""
    with served(tmp_path / "other") as running:
        yield running


def endpoint(other: Any, **given: str) -> str:
    """How a cluster is named to another one."""
    node = next(iter(other.world.nodes.values()))
    port = other.urls[0].rpartition(":")[2]
    parts = {"host": "127.0.0.1", "port": port, "apitoken": TOKEN, "fingerprint": node.fingerprint}
    return ",".join(f"{key}={value}" for key, value in {**parts, **given}.items())


def move(simulator: Any, other: Any, guest: str = "qemu/100", **given: Any) -> Any:
    """Ask for it."""
    params = {"target-endpoint": endpoint(other), "target-storage": "local-lvm", **given}
    params.setdefault("target-bridge", "vmbr0")
    return simulator.request("POST", f"/nodes/pve1/{guest}/remote_migrate", params)


def ended(simulator: Any, answer: Any) -> str:
    """The exit status of the task."""
    path = f"/nodes/pve1/tasks/{answer.json()['data']}/status"
    for _unused in range(200):
        status = simulator.request("GET", path).json()["data"]
        if status["status"] == "stopped":
            return str(status["exitstatus"])
        time.sleep(0.05)
    raise AssertionError("the task does not end")


def test_a_vm_is_copied_and_the_original_stays_locked(simulator: Any, other: Any) -> None:
    answer = move(simulator, other, **{"target-vmid": "700"})
    assert ended(simulator, answer) == "OK"
    made = other.world.guests[700]
    assert made.config["scsi0"] == "local-lvm:vm-700-disk-0,size=16G"
    assert made.node == "pve1"
    assert simulator.world.guests[100].lock == "migrate"


def test_a_container_moves_with_its_volumes(simulator: Any, other: Any) -> None:
    config = {"hostname": "x", "rootfs": "ceph:vm-200-disk-0,size=1G"}
    config["net0"] = "name=eth0,bridge=vmbr9"
    simulator.world.guests[200] = Guest(200, "lxc", "pve1", dict(config))
    simulator.call(_volume(simulator.world))
    answer = move(simulator, other, "lxc/200", delete="1")
    assert ended(simulator, answer) == "OK"
    assert 200 not in simulator.world.guests
    made = other.world.guests[200]
    assert (made.type, made.config["net0"]) == ("lxc", "name=eth0,bridge=vmbr0")


async def _volume(world: Any) -> None:
    volume = Volume("ceph:vm-200-disk-0", "rootdir", "raw", 1 << 30, 200)
    world.storages["ceph"].volumes.append(volume)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"fingerprint": ":".join(["AA"] * 32)}, "certificate verify failed"),
        ({"apitoken": "root@pam!ansible=wrong"}, "401 "),
        ({"host": "203.0.113.1"}, "No route to host"),
    ],
)
def test_a_cluster_that_does_not_answer_refuses_the_call(
    simulator: Any, other: Any, given: Any, text: str
) -> None:
    answer = move(simulator, other, **{"target-endpoint": endpoint(other, **given)})
    assert answer.status_code == 500
    assert text in answer.json()["message"]
    assert simulator.world.guests[100].lock is None


def test_an_existing_guest_aborts_the_task(simulator: Any, other: Any) -> None:
    answer = move(simulator, other)
    assert ended(simulator, answer) == "migration aborted"
    assert simulator.world.guests[100].lock is None
    refused = move(simulator, other, **{"target-storage": "none"})
    assert refused.json()["message"] == "storage 'none' does not exist on the target\n"
