# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.guest import (
    guest_job,
    place_job,
)
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

VM = Guest(100, "qemu", "pve1", "app1", "stopped")
CURRENT = "GET .*/status/current"


def shows(operation: str, api: FakeApi, /, **params: Any) -> bool:
    """Whether the guest shows what the operation does."""
    job = guest_job(OPERATIONS[operation], VM, params, None)
    assert job.done is not None
    done = job.done

    @in_virtual_time
    async def asked() -> None:
        found.append(await done(api))

    found: list[bool] = []
    asked()
    return found[0]


def an_api(**config: Any) -> FakeApi:
    api = FakeApi()
    api.cluster.add(100, name="app1", **config)
    return api


def with_answer(pattern: str, data: Any, **config: Any) -> FakeApi:
    api = an_api(**config)
    api.disturb(pattern, Answer(data), count=None)
    return api


@pytest.mark.parametrize(
    ("operation", "now", "expected"),
    [
        ("suspend", {"status": "running", "qmpstatus": "paused"}, True),
        ("suspend", {"status": "running", "qmpstatus": "running"}, False),
        ("hibernate", {"status": "stopped", "lock": "suspended"}, True),
        ("hibernate", {"status": "running", "lock": "suspending"}, False),
        ("hibernate", {"status": "stopped"}, False),
        ("resume", {"status": "running", "qmpstatus": "running"}, True),
        ("resume", {"status": "running", "qmpstatus": "paused"}, False),
        ("resume", {"status": "stopped", "lock": "suspended"}, False),
        ("unlock", {"status": "stopped"}, True),
        ("unlock", {"status": "stopped", "lock": "backup"}, False),
    ],
)
def test_the_state_of_a_guest(operation: str, now: dict[str, Any], expected: bool) -> None:
    assert shows(operation, with_answer(CURRENT, now)) is expected


def test_a_container_does_not_show_that_it_is_suspended() -> None:
    job = guest_job(OPERATIONS["suspend"], Guest(200, "lxc", "pve1", "ct1"), {}, None)
    assert job.done is None


def snapshots(*names: str, **config: Any) -> FakeApi:
    rows = [{"name": name, "snaptime": 1_800_000_000} for name in names]
    return with_answer("GET .*/snapshot$", [*rows, {"name": "current"}], **config)


def test_a_snapshot_is_there_when_it_is_whole() -> None:
    assert shows("snapshot", snapshots("a1"), snapname="a1")
    assert not shows("snapshot", snapshots("a1", lock="snapshot"), snapname="a1")
    assert not shows("snapshot", snapshots(), snapname="a1")


def test_a_snapshot_is_gone_when_nothing_is_left_to_do() -> None:
    assert shows("delete_snapshot", snapshots(), snapname="a1")
    assert not shows("delete_snapshot", snapshots("a1"), snapname="a1")
    assert not shows("delete_snapshot", snapshots(lock="snapshot-delete"), snapname="a1")


def test_a_disk_is_where_it_was_to_go() -> None:
    api = an_api(scsi0="ceph:vm-100-disk-0,size=8G", scsi1="local:100/vm-100-disk-1.qcow2")
    assert shows("move_disk", api, disk="scsi0", storage="ceph")
    assert not shows("move_disk", api, disk="scsi0", storage="local")
    assert not shows("move_disk", api, disk="scsi1", storage="local", format="raw")
    assert not shows("move_disk", api, disk="scsi9", storage="local")


def test_a_disk_is_detached_when_it_will_be_gone() -> None:
    api = an_api(scsi0="ceph:vm-100-disk-0", scsi1="ceph:vm-100-disk-1")
    assert not shows("detach_disk", api, disk="scsi1")
    api.cluster.guests[100].pending["scsi1"] = None
    assert shows("detach_disk", api, disk="scsi1")
    assert shows("detach_disk", api, disk="scsi2")


@pytest.mark.parametrize(
    ("operation", "storage", "params", "answer", "expected"),
    [
        ("download_url", "local", {"filename": "a.iso"}, [{"volid": "local:iso/a.iso"}], True),
        ("download_url", "local", {"filename": "a.iso"}, [{"volid": "local:iso/ba.iso"}], False),
        (
            "download_template",
            None,
            {"template": "a.tar.zst", "storage": "local"},
            [{"volid": "local:vztmpl/a.tar.zst"}],
            True,
        ),
        ("delete_volume", "local", {"volume": "iso/a.iso"}, [{"volid": "local:iso/a.iso"}], False),
        ("delete_volume", "local", {"volume": "local:iso/a.iso"}, [], True),
        ("service_start", None, {"service": "chrony"}, {"state": "running"}, True),
        ("service_start", None, {"service": "chrony"}, {"state": "dead"}, False),
        ("service_stop", None, {"service": "chrony"}, {"state": "dead"}, True),
    ],
)
def test_a_node_or_a_storage_shows_the_effect(
    operation: str, storage: str | None, params: dict[str, Any], answer: Any, expected: bool
) -> None:
    job = place_job(OPERATIONS[operation], "pve1", storage, params, None)
    assert job.done is not None
    done, api = job.done, with_answer("GET .*/(content|state)$", answer)

    @in_virtual_time
    async def scenario() -> None:
        assert await done(api) is expected

    scenario()
