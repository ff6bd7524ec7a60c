# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A missing name is not decided while a guest without one is being created."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.creation import names
from ansible_collections.upid.proxmox.tests.unit.cloning import (
    CLONE,
    an_api,
    briefly,
    clone,
    dead_clone,
    guests_named,
    whole,
)
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


def nothing(_api: FakeApi) -> None:
    """The same call again."""


def another_token(api: FakeApi) -> None:
    api.authid = "root@pam!other"


def the_password(api: FakeApi) -> None:
    api.authid = "root@pam"


def unreadable_logs(api: FakeApi) -> None:
    api.disturb("GET .*/log$", ApiError("GET log", 403, "Permission check failed"), count=99)


def hidden_tasks(api: FakeApi) -> None:
    api.authid, api.hides_running = "bob@pve", True
    for task in api.cluster.tasks:
        task.listed = False


@pytest.mark.parametrize("source", ["tpl", "other-tpl"])
@pytest.mark.parametrize(
    "change", [nothing, another_token, the_password, unreadable_logs, hidden_tasks]
)
@in_virtual_time
async def test_names_alone_and_a_short_timeout_never_create_a_guest_twice(
    change: Callable[[FakeApi], None], source: str
) -> None:
    api = an_api()
    api.cluster.add(9001, name="other-tpl", template=1)
    api.seconds = {"qmclone": 400}
    wanted = guests_named("a", "b", "c")
    await clone(api, guests=wanted, wait_timeout=60)
    change(api)
    for _unused in range(2):
        report = await clone(api, guests=wanted, wait_timeout=60, source=source)
        assert len(api.made(CLONE)) == 3
        assert {outcome for _name, outcome, _changed in briefly(report)} == {"failed"}
        assert "cannot determine whether 'a' exists or is being created" in str(report.problem)
        assert "VM 10" in str(report.problem)
    await asyncio.sleep(600)
    report = await clone(api, guests=wanted, source=source)
    assert report.problem is None
    assert {outcome for _name, outcome, _changed in briefly(report)} == {"unchanged"}
    assert len(api.made(CLONE)) == 3


@in_virtual_time
async def test_another_user_s_clone_is_waited_for_while_a_name_is_missing() -> None:
    api = an_api()
    api.seconds = {"qmclone": 100}
    api.authid = "bob@pve"
    await clone(api, guests=guests_named("theirs", "web1"), wait=False)
    api.authid = "root@pam!ansible"
    api.seconds = {}
    report = await clone(api, guests=guests_named("web1", "web2"))
    assert [outcome for _name, outcome, _changed in briefly(report)] == ["unchanged", "ok"]
    assert len(whole(api, "web1")) == 1
    assert 100 < now() < 120


@in_virtual_time
async def test_a_vmid_needs_no_name_and_waits_for_no_other_guest() -> None:
    api = an_api()
    api.seconds = {"qmclone 9000": 1000}
    api.authid = "bob@pve"
    await clone(api, name="theirs", wait=False)
    api.authid, api.seconds = "root@pam!ansible", {}
    report = await clone(api, name="web1", vmid=301)
    assert report.problem is None
    assert now() < 30


@in_virtual_time
async def test_a_guest_that_another_user_creates_with_the_requested_vmid_is_waited_for() -> None:
    api = an_api()
    api.seconds = {"qmclone": 100}
    api.authid = "bob@pve"
    await clone(api, name="web1", vmid=301, wait=False)
    api.authid = "root@pam!ansible"
    api.disturb("GET .*/log$", ApiError("GET log", 403, "Permission check failed"), count=None)
    report = await clone(api, name="web1", vmid=301)
    assert report.problem is None
    assert briefly(report) == [("web1", "unchanged", False)]


@in_virtual_time
async def test_a_dead_leftover_keeps_no_name_from_being_decided() -> None:
    api = an_api()
    dead_clone(api)
    report = await clone(api, name="web1")
    assert report.problem is None
    assert now() < 30


@in_virtual_time
async def test_an_order_to_stop_ends_the_waiting_and_creates_nothing() -> None:
    api = an_api()
    api.seconds = {"qmclone": 500}
    await clone(api, name="theirs", wait=False)
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(20, stop.set)
    report = await clone(api, name="web1", stop=stop)
    assert now() < 30
    assert briefly(report) == [("web1", "failed", False)]
    assert len(api.made(CLONE)) == 1


@in_virtual_time
async def test_a_large_cluster_is_read_less_often_and_no_start_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(names, "_EACH", 0.02)

    async def read(others: int) -> tuple[list[float], float]:
        """When the names were read, and how long the fleet took."""
        api = an_api()
        api.seconds = {"qmclone": 3.0, "qmstart": 1.0}
        for vmid in range(1000, 1000 + others):
            api.cluster.add(vmid, node="pve2", name=f"other{vmid}")
        began = now()
        guests = [{"name": f"web{number}"} for number in range(80)]
        report = await run_command("fleet", api, source="tpl", guests=guests, parallel=4)
        assert report.problem is None, report.problem
        return [call.at for call in api.made("GET /nodes/pve2/qemu$")], now() - began

    (small, seconds), (large, longer) = await read(0), await read(200)
    assert len(large) < len(small)
    assert all(later - earlier > 3.9 for earlier, later in itertools.pairwise(large[1:]))
    assert longer < seconds + 0.02 * 282, "only the last guest waits for a reading"


@in_virtual_time
async def test_a_container_of_the_name_of_a_vm_does_not_keep_it_from_being_created() -> None:
    api = an_api()
    api.cluster.add(300, "lxc", hostname="web1")
    api.cluster.add(9001, name="new-tpl", template=1, scsi0="ceph:base-9001-disk-0")
    api.cluster.guests[9001].born = now()  # its name is read from the lists of the nodes
    report = await clone(api, source="new-tpl", guests=[{"name": "web1"}])
    assert briefly(report) == [("web1", "ok", True)]
