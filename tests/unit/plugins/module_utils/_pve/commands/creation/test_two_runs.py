# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs at once: what one creates the other does not, and a double is named or removed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api import clock
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import NoAnswerError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.cloning import (
    CLONE,
    an_api,
    briefly,
    clone,
    guests_named,
    whole,
)
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_name_that_another_run_created_meanwhile_is_not_created_again() -> None:
    """As after a pause of this process, in which it was run again."""
    api = an_api()
    api.seconds = {"qmclone": 20}
    mine = asyncio.ensure_future(clone(api, guests=guests_named("a", "b", "c"), parallel=1))
    await api.until_made(CLONE, 1)
    api.cluster.add(400, node="pve2", name="b")
    api.cluster.start("pve1", "qmclone", 9000, 60, "root@pam!ansible",
                      log=["creating a clone of VM 9000 with ID 401"])  # fmt: skip
    nameless = api.cluster.add(401, lock="clone")

    def done() -> None:
        nameless.config = {"name": "c"}

    api.cluster.tasks[-1].at_end = done
    report = await mine
    assert report.problem is None
    assert [(g["vmid"], g["outcome"], g["node"]) for g in report.values["guests"]] == [
        (101, "ok", "pve1"),
        (400, "unchanged", "pve2"),
        (401, "unchanged", "pve1"),
    ]
    assert len(api.made(CLONE)) == 1


@in_virtual_time
async def test_a_process_that_slept_reads_the_names_again_though_its_clock_did_not_move(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = an_api()
    asleep = [0.0]
    monkeypatch.setattr(clock, "wall", lambda: now() + asleep[0])
    api.disturb("GET /cluster/nextid", 1.0)
    mine = asyncio.ensure_future(clone(api, name="web1"))
    await api.until_made("GET /cluster/nextid", 1)
    asleep[0] = 3600.0
    api.cluster.add(400, name="web1")
    report = await mine
    assert briefly(report) == [("web1", "unchanged", False)]
    assert not api.made(CLONE)


@in_virtual_time
async def test_a_node_that_falls_silent_does_not_delay_the_starts_of_the_others() -> None:
    api = an_api()
    api.seconds = {"qmclone": 20}
    mine = asyncio.ensure_future(clone(api, guests=guests_named("a", "b", "c", "d"), parallel=1))
    await api.until_made(CLONE, 1)
    api.disturb("GET /nodes/pve3/qemu$", 60.0, count=None)
    report = await mine
    assert report.problem is None
    assert now() < 4 * 20 + 30, "it is waited for once, and not for long"


async def two_runs(**options: Any) -> tuple[FakeApi, Report, Report]:
    """Two runs that both find no guest called web1, and create it with different VMIDs."""
    api = an_api()
    api.seconds = {"qmclone": 20}
    runs = [
        asyncio.ensure_future(clone(api, name="web1", vmid_range=f"{n}00-{n}99", **options))
        for n in (3, 4)
    ]
    first, second = await asyncio.gather(*runs)
    return api, first, second


@in_virtual_time
async def test_two_guests_of_a_name_are_a_conflict_that_names_both() -> None:
    api, first, second = await two_runs()
    assert sorted(whole(api, "web1")) == [300, 400]
    for report in (first, second):
        assert "name conflict: VM 400 (web1)" in str(report.problem)
        assert "VM 300 (web1)" in str(report.problem)
        assert briefly(report) == [("web1", "failed", True)]
    assert not api.made("DELETE")


@in_virtual_time
async def test_the_later_of_two_guests_of_a_name_is_removed_by_its_own_run() -> None:
    api, first, second = await two_runs(on_conflict="remove")
    assert whole(api, "web1") == [300]
    assert (first.problem, second.problem) == (None, None)
    assert briefly(first) == [("web1", "ok", True)]
    assert briefly(second) == [("web1", "unchanged", False)]
    assert [guest["vmid"] for guest in second.values["guests"]] == [300]
    assert [task["type"] for task in second.values["tasks"]] == ["qmclone", "qmdestroy"]
    [removal] = api.made("DELETE")
    assert removal.path.endswith("/qemu/400")
    assert removal.params == {"purge": 1, "destroy-unreferenced-disks": 1}


@pytest.mark.parametrize("touched", ["running", "locked", "task"])
@in_virtual_time
async def test_what_was_started_or_is_worked_on_is_never_removed(touched: str) -> None:
    api = an_api()
    api.seconds = {"qmclone": 20}
    mine = asyncio.ensure_future(
        clone(api, name="web1", vmid_range="400-499", on_conflict="remove")
    )
    await api.until_made(CLONE, 1)
    api.cluster.add(300, name="web1")
    await asyncio.sleep(20.05)
    api.cluster.settle()
    guest = api.cluster.guests[400]
    if touched == "running":
        guest.status = "running"
    elif touched == "locked":
        guest.config["lock"] = "backup"
    else:
        api.cluster.start("pve1", "qmstart", 400, 1)
    report = await mine
    assert "It is not removed: it " in str(report.problem)
    assert not api.made("DELETE")


@in_virtual_time
async def test_another_play_of_the_same_user_may_have_taken_the_vmid_of_a_call_that_got_lost() -> (
    None
):
    api = an_api()
    api.disturb(CLONE, NoAnswerError("POST", "connection lost", sent=True))
    mine = asyncio.ensure_future(clone(api, name="web1", vmid=301))
    await api.until_made(CLONE, 1)
    theirs = await clone(api, name="theirs", vmid=301, wait=False)
    report = await mine
    assert theirs.problem is None
    assert report.problem is not None
    assert "expected VMID 301 to be named 'web1', found VM 301 (theirs)" in report.problem
    assert len(api.cluster.tasks) == 1
