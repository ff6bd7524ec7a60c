# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many starts at once, against the locks of Proxmox VE: all of them create their guests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    Cluster,
    Truth,
    cluster,
    default_world,
)

NO_WORKER = "got no worker upid - start worker failed"
DISK_LOCK = "CT is locked (disk)"
GUEST_LOCK = "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout"
STORAGE_LOCK = "clone failed: cfs-lock 'storage-ceph' error: got lock request timeout"


def names(count: int) -> list[dict[str, Any]]:
    """Requested guests."""
    return [{"name": f"node-{number:02}"} for number in range(1, count + 1)]


def call(there: Cluster, **options: Any) -> dict[str, Any]:
    """The result of a clone that has to succeed."""
    report = asyncio.run(there.run("clone", **options))
    assert report.problem is None, report.problem
    return report.values


def check(values: Mapping[str, Any], truth: Truth, count: int) -> None:
    """Exactly the requested guests exist, are complete, and every task is reported once."""
    wanted = [one["name"] for one in names(count)]
    made = truth.named(*wanted)
    assert sorted(guest["name"] for guest in made) == wanted
    assert not [guest for guest in truth.guests.values() if guest["lock"]]
    assert {guest["vmid"]: guest["name"] for guest in values["guests"]} == {
        guest["vmid"]: guest["name"] for guest in made
    }
    clones = [task["upid"] for task in truth.of_type("qmclone", "vzclone")]
    assert sorted(task["upid"] for task in values["tasks"]) == sorted(clones)


@pytest.mark.seeds(20, 2)
def test_forty_linked_clones_at_once_end_as_forty_guests(seed: int) -> None:
    with cluster(seed=seed) as there:
        there.fault(
            "status",
            message=NO_WORKER,
            status=500,
            method="POST",
            path="*/clone",
            probability=0.05,
            count=None,
        )
        values = call(
            there, source=9000, guests=names(40), parallel=40, parallel_per_node=40, retries=6
        )
        check(values, there.truth(), 40)


def test_six_clones_of_one_container_end_as_six() -> None:
    with cluster() as there:
        check(call(there, source=9100, guests=names(6)), there.truth(), 6)


def test_six_clones_of_one_container_by_six_plays_end_as_six() -> None:
    """The plays do not know of each other, so the source's own lock refuses them."""
    world = default_world()
    world["durations"] = {"vzclone.linked": [1, 1]}
    with cluster(world, speed=1) as there:
        reports = there.run_all(
            {
                one["name"]: there.run("clone", source=9100, vmid=401 + index, **one, retries=8)
                for index, one in enumerate(names(6))
            }
        )
        guests = [guest for report in reports.values() for guest in report.values["guests"]]
        tasks = [task for report in reports.values() for task in report.values["tasks"]]
        check({"guests": guests, "tasks": tasks}, there.truth(), 6)
        assert max(guest["attempts"] for guest in guests) > 1


def test_clones_of_a_running_guest_end_one_after_the_other() -> None:
    with cluster() as there:
        values = call(there, source=101, guests=names(3), full=True)
        check(values, there.truth(), 3)
        assert [guest["attempts"] for guest in values["guests"]] == [1, 1, 1]


def test_ten_full_clones_on_a_slow_shared_storage_end_as_ten() -> None:
    """Each allocation holds the storage's lock for 5 s, and others wait 10 s for it."""
    world = default_world()
    world["storages"]["ceph"]["alloc_seconds"] = 5
    with cluster(world, speed=100) as there:
        values = call(there, source=100, guests=names(10), full=True, parallel_per_node=10)
        check(values, there.truth(), 10)
        assert max(guest["attempts"] for guest in values["guests"]) > 1


LOCKS = [(GUEST_LOCK, 9000), (STORAGE_LOCK, 9000), (DISK_LOCK, 9100)]


@pytest.mark.parametrize(("text", "source"), [*LOCKS, (NO_WORKER, 9000)])
def test_a_start_that_is_refused_for_a_lock_is_retried(text: str, source: int) -> None:
    guest_type = "lxc" if source == 9100 else "qemu"
    with cluster() as there:
        path = f"/nodes/pve1/{guest_type}/{source}/clone"
        there.fault("status", message=text, status=500, path=path, method="POST", count=2)
        values = call(there, source=source, guests=names(1))
        check(values, there.truth(), 1)
        assert values["guests"][0]["attempts"] == 3


@pytest.mark.parametrize(("text", "source"), LOCKS)
def test_a_task_that_fails_for_a_lock_is_started_again(text: str, source: int) -> None:
    with cluster() as there:
        there.fault("task", type="vzclone" if source == 9100 else "qmclone", count=2,
                    exitstatus=text)  # fmt: skip
        values = call(there, source=source, guests=names(1))
        check(values, there.truth(), 1)
        assert values["guests"][0]["attempts"] == len(values["tasks"]) == 3
