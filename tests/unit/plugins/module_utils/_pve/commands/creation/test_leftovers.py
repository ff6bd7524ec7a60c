# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a dead task left: it is named with the way out, and removed only where that is allowed."""

from __future__ import annotations

import asyncio

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    UsageError,
)
from ansible_collections.upid.proxmox.tests.unit.cloning import an_api, clone, dead_clone, whole
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_leftover_is_named_with_the_way_out_and_never_touched() -> None:
    api = an_api()
    dead_clone(api)
    report = await clone(api, guests=[{"vmid": 301, "name": "web1"}, {"name": "web2"}])
    assert report.problem is not None
    assert "qm unlock 301 && qm destroy 301" in report.problem
    assert [guest["outcome"] for guest in report.values["guests"]] == ["failed", "ok"]
    assert api.cluster.guests[301].config["lock"] == "clone"
    assert not api.made("DELETE")


@in_virtual_time
async def test_a_locked_guest_without_a_task_of_ours_may_belong_to_another_user() -> None:
    api = an_api()
    dead_clone(api, user="bob@pve")
    report = await clone(api, vmid=301, name="web1", replace_leftovers=True)
    assert report.problem is not None
    assert "Sys.Audit on /nodes/pve1" in report.problem
    assert not api.made("DELETE")


@pytest.mark.parametrize("wait", [True, False])
@in_virtual_time
async def test_root_may_have_a_leftover_replaced(wait: bool) -> None:
    api = an_api(authid="root@pam")
    dead_clone(api)
    api.cluster.images = {301: ["ceph:vm-301-disk-0"]}
    warned: list[str] = []
    report = await clone(
        api, vmid=301, name="web1", replace_leftovers=True, wait=wait, warned=warned
    )
    assert report.problem is None
    types = [task["type"] for task in report.values["tasks"]]
    assert types == ["qmdestroy", "qmclone"], "every started task is told"
    [removal] = api.made("DELETE")
    assert removal.params == {"skiplock": 1, "purge": 1, "destroy-unreferenced-disks": 1}
    assert api.cluster.images == {}, "no orphan is left"
    assert warned == ["The leftover VM 301 on pve1 was removed with its disks: ceph:vm-301-disk-0"]
    await asyncio.sleep(60)
    api.cluster.settle()
    assert api.cluster.guests[301].name == "web1"


@pytest.mark.parametrize("log", ["empty", "unreadable"])
@in_virtual_time
async def test_a_running_clone_is_never_taken_for_the_leftover_of_an_older_one(log: str) -> None:
    api = an_api(authid="root@pam")
    dead_clone(api)
    running = api.cluster.start("pve1", "qmclone", 9000, 100, api.authid, log=[])
    guest = api.cluster.guests[301]

    def done() -> None:
        guest.config = {"name": "web1"}

    running.at_end = done
    if log == "unreadable":
        error = ApiError("GET log", 403, "Permission check failed")
        api.disturb(f"GET .*{running.upid}/log$", error, count=None)
    report = await clone(api, vmid=301, name="web1", replace_leftovers=True)
    assert report.problem is None
    assert not api.made("DELETE")
    assert len(whole(api, "web1")) == 1


@in_virtual_time
async def test_a_leftover_that_cannot_be_removed_is_reported_with_the_reason() -> None:
    api = an_api()
    dead_clone(api)
    report = await clone(api, vmid=301, name="web1", replace_leftovers=True)
    assert report.problem is not None
    assert "Only root may use this option" in report.problem
    assert "qm unlock 301" in report.problem


@in_virtual_time
async def test_nothing_is_removed_when_no_vmid_can_be_chosen() -> None:
    api = an_api()
    dead_clone(api, 301)
    wanted = [{"name": "web1", "vmid": 301}, {"name": "web2"}]
    with pytest.raises(UsageError, match="no VMID is free"):
        await clone(api, guests=wanted, vmid_range="301-301", replace_leftovers=True)
    assert not api.made("DELETE")
