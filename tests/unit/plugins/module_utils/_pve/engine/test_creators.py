# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.creators import Creators
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

LINE = "creating a clone of VM 9000 with ID {}"


@in_virtual_time
async def test_each_log_is_read_once_for_all_searches() -> None:
    api = FakeApi()
    upids = {
        301 + n: api.cluster.start("pve1", "qmclone", 9000, 600, log=[LINE.format(301 + n)]).upid
        for n in range(20)
    }
    upids[500] = api.cluster.start("pve1", "qmcreate", 500, 600).upid
    api.cluster.start("pve1", "qmstart", 77, 600)
    creators = Creators(api, "qemu")
    for _unused in range(3):
        found = await creators.poll(["pve1"])
        assert found.by_vmid == upids
        assert not found.unclear
    assert len(api.made("GET .*/log$")) == 20
    assert len(api.calls) == 20 + 3


@in_virtual_time
async def test_what_is_not_known_is_unclear_until_it_can_be_read() -> None:
    api = FakeApi()
    task = api.cluster.start("pve1", "qmclone", 9000, 600)
    away = NoAnswerError("GET", "595 No route to host", sent=False)
    api.disturb("GET /nodes/pve2/tasks", away, count=None)
    creators = Creators(api, "qemu")
    assert (await creators.poll(["pve1", "pve2", "pve3"])).unclear == {"pve1", "pve2"}
    task.log.append(LINE.format(301))
    error = ApiError("GET log", 403, "Permission check failed")
    api.disturb("GET .*/log$", error, count=1)
    assert (await creators.poll(["pve1"])).unclear == {"pve1"}
    assert (await creators.poll(["pve1"])).by_vmid == {301: task.upid}


@in_virtual_time
async def test_the_newest_dead_task_of_the_caller_is_found_and_no_other() -> None:
    api = FakeApi()

    def dead(vmid: int, at: float, **more: str) -> str:
        end = {"exitstatus": "unexpected status", **more}
        user = end.pop("user", api.authid)
        task = api.cluster.start(
            "pve1", "qmclone", 9000, 5, user, started=at, log=[LINE.format(vmid)], **end
        )
        return str(task.upid)

    dead(301, -900)
    newest = dead(301, -600)
    dead(301, -300, user="bob@pve")
    dead(301, -200, exitstatus="OK")
    dead(3010, -100)
    guest = Guest(301, "qemu", "pve1", None, "unknown", lock="clone")
    creators = Creators(api, "qemu")
    assert str(await creators.find_dead(guest)) == newest
    assert await creators.find_dead(Guest(302, "qemu", "pve1", None, "unknown")) is None
    assert len(api.made("GET .*/tasks$")) == 3, "the ended tasks are listed once"


@in_virtual_time
async def test_who_sees_every_task_knows_that_what_is_not_seen_does_not_run() -> None:
    api = FakeApi()
    creators = Creators(api, "qemu")
    assert await creators.sees_everything("pve1")
    api.hides_running = True
    assert not await creators.sees_everything("pve1")
    api.disturb("permissions", ApiError("GET", 403, "no"))
    assert not await creators.sees_everything("pve1")
    api.authid = "root@pam"
    assert await creators.sees_everything("pve1")
