# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup jobs and the removal of old backups."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from pvesim.archives import Archive, marks
from pvesim.entities import Volume

CT_210 = """\
INFO: starting new backup job: vzdump 210 --compress 0 --storage local --mode stop --node vm
INFO: Starting Backup of VM 210 (lxc)
INFO: Backup started at TIME
INFO: status = stopped
INFO: backup mode: stop
INFO: ionice priority: 7
INFO: CT Name: ct210
INFO: including mount point rootfs ('/') in backup
INFO: creating vzdump archive '/var/lib/vz/dump/vzdump-lxc-210-TIME.tar'
INFO: Total bytes written: N
INFO: archive file size: N
INFO: Finished Backup of VM 210 (N)
INFO: Backup finished at TIME
INFO: Backup job finished successfully
TASK OK
"""
NOWHERE_777 = """\
INFO: starting new backup job: vzdump 777 --node vm --storage local
ERROR: Backup of VM 777 failed - unable to find VM '777'
INFO: Failed at TIME
INFO: Backup job finished with errors
TASK ERROR: job errors
"""


def shaped(lines: list[str]) -> list[str]:
    """Lines without times and sizes; the options of the first in one order."""
    text = "\n".join(lines)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)
    text = re.sub(r"\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d", "TIME", text)
    text = re.sub(r"(?<=written: ).*|(?<=file size: ).*", "N", text)
    text = re.sub(r"\(\d\d:\d\d:\d\d\)", "(N)", text)
    first, *rest = text.strip().split("\n")
    command, *options = first.split(" --")
    return [command, *sorted(options), *rest]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"vmid": "210", "compress": "0", "mode": "stop", "storage": "local"}, CT_210),
        ({"vmid": "777", "storage": "local"}, NOWHERE_777),
    ],
)
async def test_a_job_reads_as_recorded(recorded: Any, params: Any, told: str) -> None:
    lines = await recorded.lines("POST", "vzdump", params)
    assert shaped(lines) == shaped(told.split("\n"))


async def test_one_guest_names_the_task_and_more_do_not(recorded: Any) -> None:
    one = await recorded.call("POST", "vzdump", {"vmid": "210", "storage": "local"})
    assert ":vzdump:210:" in one
    assert await recorded.end(one) == "OK"
    both = await recorded.call("POST", "vzdump", {"vmid": "210,777", "storage": "local"})
    assert ":vzdump::" in both
    assert await recorded.end(both) == "job errors"
    backups = [v for v in recorded.world.storages["local"].volumes if v.content == "backup"]
    assert len(backups) == 2
    assert {v.vmid for v in backups} == {210}


async def test_guests_of_other_nodes_make_no_task(recorded: Any) -> None:
    assert await recorded.call("POST", "vzdump", {"vmid": "900", "storage": "local"}) == "OK"
    assert await recorded.call("POST", "vzdump", {"stop": 1}) == "OK"
    assert list(recorded.world.tasks.every()) == []
    lines = await recorded.lines("POST", "vzdump", {"vmid": "900,210"})
    assert lines[1] == "INFO: skip external VMs: 900"


@pytest.mark.parametrize(
    ("storage", "reason"),
    [
        ("nosuch", "storage 'nosuch' does not exist"),
        ("store1", "can't use storage 'store1' for backups - wrong content type"),
    ],
)
async def test_a_wrong_storage_fails_in_the_task(recorded: Any, storage: str, reason: str) -> None:
    lines = await recorded.lines("POST", "vzdump", {"vmid": "210", "storage": storage})
    head = f"could not get storage information for '{storage}': "
    if storage == "nosuch":
        head = f"could not activate storage 'nosuch': {reason} {head}"
    assert lines == [f"TASK ERROR: {head}{reason}"]


async def test_the_call_refuses_invalid_requests(recorded: Any) -> None:
    refusal = await recorded.refusal("POST", "vzdump", {"storage": "local"})
    assert refusal.errors == {"vmid": "property is missing"}
    refusal = await recorded.refusal("POST", "vzdump", {"vmid": "210", "all": 1})
    assert refusal.errors == {"all": "option conflicts with option 'vmid'"}
    nothing = {"may": lambda _path, _privilege: False, "userid": "bob@pve"}
    refusal = await recorded.refusal("POST", "vzdump", {"vmid": "100"}, **nothing)
    told = "Permission check failed (/storage/local, Datastore.AllocateSpace)"
    assert (refusal.status, refusal.message) == (403, told)


async def test_a_guest_is_locked_only_while_it_is_backed_up(cell: Any) -> None:
    upid = await cell.call("POST", "vzdump", {"vmid": "100", "compress": "zstd"})
    await cell.settle(1)
    assert cell.world.guests[100].lock == "backup"
    assert await cell.done("POST", "qemu/100/status/start") == "VM is locked (backup)"
    refusal = await cell.refusal("POST", "qemu/100/clone", {"newid": 200})
    assert refusal.message == "VM is locked (backup)"
    assert await cell.end(upid) == "OK"
    assert cell.world.guests[100].lock is None
    (entry,) = await cell.call("GET", "storage/local/content", {"content": "backup"})
    name = r"local:backup/vzdump-qemu-100-\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d\.vma\.zst"
    assert re.fullmatch(name, entry["volid"])
    assert (entry["format"], entry["vmid"], entry["subtype"]) == ("vma.zst", 100, "qemu")
    lines = cell.task(upid).lines
    assert "INFO: include disk 'scsi0' 'ceph:vm-100-disk-0' 16G" in lines
    assert any(re.match(r"INFO:  20% \(3\.2 GiB of 16\.0 GiB\) in \d+s, ", x) for x in lines)


async def test_a_running_guest_runs_again_afterwards(cell: Any) -> None:
    params = {"vmid": "101", "mode": "stop"}
    upid = await cell.call("POST", "vzdump", params, node="pve2")
    assert await cell.end(upid) == "OK"
    assert cell.world.guests[101].running
    assert "INFO: stopping virtual guest" in cell.task(upid).lines
    lines = await cell.lines("POST", "vzdump", {"vmid": "101"}, node="pve2")
    assert "INFO: backup mode: snapshot" in lines


async def test_a_stopped_job_ends_with_errors_and_without_a_lock(cell: Any) -> None:
    upid = await cell.call("POST", "vzdump", {"all": 1})
    await cell.settle(1)
    await cell.call("DELETE", f"tasks/{upid}")
    assert cell.task(upid).exitstatus == "job errors"
    assert any("failed - interrupted by signal" in line for line in cell.task(upid).lines)
    assert [g.vmid for g in cell.world.guests.values() if g.lock] == []


async def test_a_killed_job_leaves_the_lock_of_its_guest(cell: Any) -> None:
    upid = await cell.call("POST", "vzdump", {"vmid": "100"})
    await cell.settle(1)
    cell.world.tasks.kill(cell.task(upid))
    assert await cell.end(upid) == "unexpected status"
    assert cell.world.guests[100].lock == "backup"
    lines = await cell.lines("POST", "vzdump", {"vmid": "100"})
    assert "ERROR: Backup of VM 100 failed - VM is locked (backup)" in lines


async def test_a_second_job_of_the_node_waits_for_the_first(cell: Any) -> None:
    first = await cell.call("POST", "vzdump", {"vmid": "100"})
    second = await cell.call("POST", "vzdump", {"vmid": "9100"})
    await cell.settle(1)
    assert cell.task(second).lines == ["INFO: trying to get global lock - waiting..."]
    assert list(await asyncio.gather(cell.end(first), cell.end(second))) == ["OK", "OK"]
    assert cell.task(second).ended > cell.task(first).ended


async def test_a_worker_that_times_out_on_the_lock_ends_without_a_status(cell: Any) -> None:
    cell.world.add_task_fault(type="vzdump", vmid=100, seconds=120)
    await cell.call("POST", "vzdump", {"vmid": "100"})
    upid = await cell.call("POST", "vzdump", {"vmid": "9100", "lockwait": 1})
    assert await cell.end(upid) == "unexpected status"
    assert 60 <= cell.task(upid).ended - cell.task(upid).started < 61


async def test_stop_ends_the_running_jobs(cell: Any) -> None:
    upid = await cell.call("POST", "vzdump", {"vmid": "100"})
    await cell.settle(1)
    assert await cell.call("POST", "vzdump", {"stop": 1}) == "OK"
    assert not cell.task(upid).running


async def test_without_quorum_a_job_has_errors(recorded: Any) -> None:
    recorded.world.quorate = False
    lines = await recorded.lines("POST", "vzdump", {"vmid": "210", "storage": "local"})
    assert lines[-1] == "TASK ERROR: job errors"
    assert any("Permission denied" in line for line in lines)


async def test_a_job_prunes_what_its_retention_does_not_keep(cell: Any) -> None:
    keep = {"vmid": "100", "prune-backups": "keep-last=1"}
    assert await cell.done("POST", "vzdump", keep) == "OK"
    await cell.settle(5)
    lines = await cell.lines("POST", "vzdump", keep)
    assert "INFO: prune older backups with retention: keep-last=1" in lines
    assert "INFO: pruned 1 backup(s) not covered by keep-retention policy" in lines
    assert len(await cell.call("GET", "storage/local/content", {"content": "backup"})) == 1


async def test_prune_shows_and_removes(cell: Any) -> None:
    for _number in range(3):
        assert await cell.done("POST", "vzdump", {"vmid": "100"}) == "OK"
        await cell.settle(2)
    keep = {"prune-backups": "keep-last=1"}
    seen = await cell.call("GET", "storage/local/prunebackups", keep)
    assert [entry["mark"] for entry in seen] == ["remove", "remove", "keep"]
    upid = await cell.call("DELETE", "storage/local/prunebackups", keep | {"vmid": 100})
    assert ":prunebackups:100@local:" in upid
    assert await cell.end(upid) == "OK"
    assert cell.task(upid).lines[:2] == [f"removing backup '{e['volid']}'" for e in seen[:2]]
    upid = await cell.call("DELETE", "storage/local/prunebackups", keep)
    assert ":prunebackups:local:" in upid
    refusal = await cell.refusal("DELETE", "storage/local/prunebackups")
    assert refusal.status == 400


def backup(stamp: str, *, protected: bool = False) -> Volume:
    volid = f"local:backup/vzdump-qemu-100-{stamp}.vma.zst"
    return Volume(volid, "backup", "vma.zst", 1, 100, protected=protected)


def test_a_retention_keeps_the_newest_of_each_day() -> None:
    stamps = ["2026_11_18-01_00_00", "2026_11_18-02_00_00", "2026_11_19-01_00_00",
              "2026_11_20-01_00_00", "2026_11_20-02_00_00"]  # fmt: skip
    volumes = [backup(stamp) for stamp in stamps]
    table = marks(volumes, {"keep-last": 1, "keep-daily": 2})
    assert [table[v.volid] for v in volumes] == ["remove", "keep", "keep", "remove", "keep"]


def test_a_protected_backup_is_never_removed() -> None:
    volumes = [backup("2026_11_18-01_00_00", protected=True), backup("2026_11_19-01_00_00")]
    table = marks(volumes, {"keep-last": 1})
    assert list(table.values()) == ["keep", "protected"]
    archive = Archive.of(volumes[0])
    assert archive is not None
    assert (archive.type, archive.vmid) == ("qemu", 100)
