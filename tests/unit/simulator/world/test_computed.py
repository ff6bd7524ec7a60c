# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures follow from what the simulated cluster holds and how long its work takes."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from pvesim.archives import TAR_RECORD
from pvesim.volumes import file_path

from .test_restore import back_up

OSTEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"


def found(cell: Any, upid: str, pattern: str) -> re.Match[str]:
    """The only line of a log that matches."""
    matches = [m for line in cell.task(upid).lines if (m := re.search(pattern, line))]
    assert len(matches) == 1, cell.task(upid).lines
    return matches[0]


def set_used(cell: Any, volid: str, size: int) -> None:
    """A volume holds so many bytes."""
    storage = cell.world.storages[volid.partition(":")[0]]
    (volume,) = [v for v in storage.volumes if v.volid == volid]
    volume.used = size


async def test_a_node_without_a_cluster_has_the_number_0(cell: Any) -> None:
    assert [n["nodeid"] for n in await cell.call("GET", "/cluster/status") if "nodeid" in n] == [
        1, 2, 3,
    ]  # fmt: skip
    cell.world.cluster_name = None
    (entry,) = [n for n in await cell.call("GET", "/cluster/status") if n["name"] == "pve1"]
    assert entry["nodeid"] == 0


@pytest.mark.parametrize(
    ("used", "sparse", "reduction"),
    [(4096, 67104768, "1.5e+03%"), (67108864, 0, "0%")],
    ids=["almost empty", "full"],
)
async def test_zero_blocks_of_a_restore_follow_from_the_data(
    recorded: Any, used: int, sparse: int, reduction: str
) -> None:
    config = recorded.world.guests[101].config
    volid, _comma, _rest = str(config["scsi0"]).partition(",")
    config["scsi0"] = f"{volid},size=64M"
    set_used(recorded, volid, used)
    params = {"vmid": 300, "archive": await back_up(recorded, 101, "vm")}
    upid = await recorded.call("POST", "qemu", params)
    assert await recorded.end(upid) == "OK"
    match = found(recorded, upid, r"^total bytes read 67108864, sparse bytes (\d+) ")
    assert int(match[1]) == sparse
    assert found(recorded, upid, "^space reduction due to 4K zero blocks (.*)")[1] == reduction


async def test_what_a_backup_wrote_is_what_its_restore_reads(recorded: Any) -> None:
    volid = str(recorded.world.guests[210].config["rootfs"]).partition(",")[0]
    sizes: list[int] = []
    for used in (5_000_000, 50_000_000):
        set_used(recorded, volid, used)
        params: dict[str, Any] = {"vmid": "210", "storage": "local"}
        upid = await recorded.call("POST", "vzdump", params)
        assert await recorded.end(upid) == "OK"
        written = int(found(recorded, upid, r"Total bytes written: (\d+) ")[1])
        assert used <= written < used + TAR_RECORD
        assert written % TAR_RECORD == 0
        archive = recorded.world.storages["local"].volumes[-1]
        assert archive.size == written
        params = {"vmid": 240 + len(sizes), "ostemplate": archive.volid, "restore": 1}
        upid = await recorded.call("POST", "lxc", params | {"storage": "store1"})
        assert await recorded.end(upid) == "OK"
        assert int(found(recorded, upid, r"Total bytes read: (\d+) ")[1]) == written
        sizes.append(archive.size)
        await recorded.settle(5)
    assert len(set(sizes)) == 2


async def test_the_speed_of_a_migration_follows_from_memory_and_time(cell: Any) -> None:
    guest = SimpleNamespace(vmid=101)
    memory = int(cell.world.guests[guest.vmid].config["memory"])
    speeds = []
    for seconds, target in ((40, "pve1"), (160, "pve2")):
        source = cell.world.guests[guest.vmid].node
        cell.world.task_faults.clear()
        cell.world.add_task_fault(type="qmigrate", seconds=seconds)
        params = {"target": target, "online": 1, "with-local-disks": 1}
        upid = await cell.call("POST", f"qemu/{guest.vmid}/migrate", params, node=source)
        assert await cell.end(upid) == "OK"
        match = found(cell, upid, r"average migration speed: ([\d.]+) MiB/s - downtime (\d+) ms")
        assert 0 < int(match[2]) <= 100
        speeds.append(float(match[1]))
        await cell.settle(30)
    assert speeds[0] == pytest.approx(4 * speeds[1], rel=0.1)
    assert memory / 100 < speeds[0] < memory


async def test_a_restore_with_force_never_overwrites_a_guest_of_another_type_or_node(
    cell: Any,
) -> None:
    archive = await back_up(cell, 100, "pve1")
    container = next(g.vmid for g in cell.world.guests.values() if g.type == "lxc")
    for vmid in (101, container):
        params = {"vmid": vmid, "archive": archive, "force": 1}
        text = f"close (rename) atomic file '/etc/pve/nodes/pve1/qemu-server/{vmid}.conf' failed"
        refusal = await cell.refusal("POST", "qemu", params)
        assert (refusal.status, refusal.message) == (
            500,
            f"unable to restore VM {vmid} - {text}: File exists",
        )


@pytest.mark.parametrize(
    ("size", "lines"),
    [
        ("1", ["\t32768, 98304, 163840, 229376"]),
        ("40", [
            "\t32768, 98304, 163840, 229376, 294912, 819200, 884736, 1605632, 2654208, ",
            "\t4096000, 7962624",
        ]),
    ],
)  # fmt: skip
async def test_a_long_list_of_superblocks_continues_on_the_next_line(
    cell: Any, size: str, lines: list[str]
) -> None:
    params = {"vmid": 300, "ostemplate": OSTEMPLATE, "rootfs": f"ceph:{size}"}
    upid = await cell.call("POST", "lxc", params)
    assert await cell.end(upid) == "OK"
    assert [line for line in cell.task(upid).lines if line.startswith("\t")] == lines


async def test_the_storage_local_has_its_default_path(cell: Any) -> None:
    local = cell.world.storages["local"]
    local.options.pop("path", None)
    assert file_path(local, OSTEMPLATE).startswith("/var/lib/vz/template/cache/")
