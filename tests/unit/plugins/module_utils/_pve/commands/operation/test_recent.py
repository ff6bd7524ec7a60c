# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""operation with max_age: what has a recent backup gets none, and what is unknown fails."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import EPOCH
from ansible_collections.upid.proxmox.tests.unit.operating import an_api, operate, outcomes
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

HOUR = 3600


def archive(vmid: int, hours: float, guest_type: str = "qemu", **more: Any) -> dict[str, Any]:
    """A backup that was made so many hours ago."""
    volid = f"nfs:backup/vzdump-{guest_type}-{vmid}-{hours}.vma.zst"
    return {"volid": volid, "vmid": vmid, "ctime": int(EPOCH - hours * HOUR), **more}


async def back_up(api: FakeApi, *rows: dict[str, Any], **options: Any) -> Report:
    api.cluster.backups["nfs"] = list(rows)
    given: dict[str, Any] = {"max_age": "24h", "params": {"storage": "nfs"}, **options}
    return await operate(api, "backup", 100, 200, check=True, **given)


def due(report: Report) -> list[int]:
    return [guest["vmid"] for guest in report.values["guests"] if guest["changed"]]


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([], [100, 200]),
        ([archive(100, 2)], [200]),
        ([archive(100, 25), archive(200, 23, "lxc")], [100]),
        ([archive(100, 30), archive(100, 3), archive(200, 3, "lxc")], []),
        ([archive(100, 2, "lxc"), archive(200, 2)], [100, 200]),
        ([archive(101, 2)], [100, 200]),
        ([archive(100, 2, verification={"state": "failed"})], [100, 200]),
        ([archive(100, 2, verification={"state": "ok"})], [200]),
        ([archive(100, -1)], [200]),
        ([archive(100, -1000)], [100, 200]),
    ],
    ids=[
        "none",
        "one is recent",
        "one is too old",
        "the newest counts",
        "of the other type",
        "of another guest",
        "damaged",
        "verified",
        "a clock that is a little ahead",
        "a clock that was wrong",
    ],
)
def test_a_guest_with_a_recent_backup_is_left_as_it_is(
    rows: list[dict[str, Any]], wanted: list[int]
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        report = await back_up(an_api(), *rows)
        assert due(report) == wanted
        assert report.problem is None
        for guest in report.values["guests"]:
            assert (guest["vmid"] in wanted) == (guest["message"] is None)

    scenario()


@in_virtual_time
async def test_the_reason_names_the_backup() -> None:
    report = await back_up(an_api(), archive(100, 2))
    assert report.values["guests"][0]["message"] == (
        "its newest backup nfs:backup/vzdump-qemu-100-2.vma.zst is of 2027-01-15T06:00:00Z,"
        " recent enough"
    )
    assert report.diff is not None
    assert "100" not in report.diff["after"]


@pytest.mark.parametrize(("created", "wanted"), [(1, [100, 200]), (3, [200])])
def test_a_backup_of_an_earlier_vm_with_the_vmid_does_not_count(
    created: int, wanted: list[int]
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        ctime = int(EPOCH - created * HOUR)
        api.cluster.guests[100].config["meta"] = f"creation-qemu=10.0.2,ctime={ctime}"
        assert due(await back_up(api, archive(100, 2))) == wanted

    scenario()


@in_virtual_time
async def test_a_guest_whose_backups_cannot_be_read_fails_and_is_not_skipped() -> None:
    api = an_api()
    api.disturb("GET /nodes/pve1/storage/nfs", ApiError("GET", 500, "storage 'nfs' is not online"))
    report = await back_up(api, archive(200, 2, "lxc"))
    assert outcomes(report) == [(100, "failed", False), (200, "unchanged", False)]
    assert "cannot determine whether it is due" in report.values["guests"][0]["message"]
    assert report.problem is not None


@in_virtual_time
async def test_a_storage_of_a_node_is_read_once_for_all_guests() -> None:
    api = an_api()
    for vmid in range(301, 341):
        api.cluster.add(vmid, name=f"vm{vmid}")
    api.cluster.backups["nfs"] = [archive(vmid, 2) for vmid in range(301, 341)]
    report = await operate(
        api, "backup", *range(301, 341), storage="nfs", max_age="1d", params={"mode": "stop"}
    )
    assert (report.changed, report.values["summary"]["unchanged"]) == (False, 40)
    assert len(api.made("GET .*/content")) == 1


@in_virtual_time
async def test_a_backup_that_another_run_makes_in_the_meantime_is_not_made_again() -> None:
    api = an_api()
    api.cluster.backups["nfs"] = []
    reads = 0

    async def read(*given: Any, **more: Any) -> Any:
        nonlocal reads
        if str(given[0][-1]) == "content":
            reads += 1
            if reads > 1:
                api.cluster.backups["nfs"] = [archive(100, 0)]
        return await get(*given, **more)

    get, api.get = api.get, read  # type: ignore[method-assign]
    report = await operate(api, "backup", 100, storage="nfs", max_age="1h")
    assert outcomes(report) == [(100, "unchanged", False)]
    assert "recent enough" in report.values["guests"][0]["message"]
    assert not api.made("POST")


@pytest.mark.parametrize(
    ("operation", "options", "message"),
    [
        ("start", {}, "max_age: start makes nothing that has an age"),
        ("backup", {"max_age": "soon"}, "max_age: 'soon' is neither"),
    ],
)
def test_max_age_is_checked_before_anything_is_read(
    operation: str, options: dict[str, Any], message: str
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = an_api()
        with pytest.raises(UsageError, match=message):
            await operate(api, operation, 100, **{"max_age": "1d", **options})
        assert not api.calls

    scenario()


@in_virtual_time
async def test_max_age_without_a_storage_fails_each_guest() -> None:
    report = await operate(an_api(), "backup", 100, max_age="1d", check=True)
    assert outcomes(report) == [(100, "failed", False)]
    assert "it needs the storage" in report.values["guests"][0]["message"]
