# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every call of the API that starts a task starts the right one and answers in the right way.

`data/upid_endpoints.yml` lists the calls of Proxmox VE 9.2, `data/upid_calls.yml` how each is
made here and which task it has to start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pvesim.calls import Download
from pvesim.ceph import add_pool
from pvesim.entities import CONFIG_VALUE, Guest, Snapshot, Volume
from pvesim.hostdisks import a_disk, disks_of
from pvesim.schema import Schema
from pvesim.upid import Upid
from pvesim.upload import Upload

DATA = Path(__file__).parents[1] / "data"
ENDPOINTS = {
    (entry["method"], entry["path"]): entry
    for entry in yaml.safe_load((DATA / "upid_endpoints.yml").read_text(encoding="utf-8"))
}
CALLS = yaml.safe_load((DATA / "upid_calls.yml").read_text(encoding="utf-8"))
OSTEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
ARCHIVE = "local:backup/vzdump-{}-{}-2026_01_01-00_00_00.{}"
WORDS = {
    "OSTEMPLATE": OSTEMPLATE,
    "ARCHIVE_VM": ARCHIVE.format("qemu", 100, "vma"),
    "ARCHIVE_CT": ARCHIVE.format("lxc", 200, "tar"),
    "UPLOADED": "/var/tmp/pveupload-a",
}
OTHER_CLUSTER = {
    ("POST", "/nodes/{node}/qemu/{vmid}/remote_migrate"),
    ("POST", "/nodes/{node}/lxc/{vmid}/remote_migrate"),
}
"""They need another cluster: see test_remote_migrate.py."""


def template_of(path: str, method: str) -> str:
    """The template of the schema that a path belongs to."""
    found = Schema.load().find(method, path)
    assert found is not None
    return found.method.template


def absolute(path: str) -> str:
    return path if path.startswith("/") else f"/nodes/pve1/{path}"


def furnish(cell: Any) -> None:
    """Guests, backups, snapshots and certificates that the calls need beside the default world."""
    world = cell.world
    volumes = {s: world.storages[s].volumes for s in ("local", "ceph")}
    more = ((102, "qemu"), (200, "lxc"), (201, "lxc"), (202, "lxc"), (203, "lxc"))
    for vmid, guest_type in more:
        key = "rootfs" if guest_type == "lxc" else "scsi0"
        config: dict[str, CONFIG_VALUE] = {key: f"ceph:vm-{vmid}-disk-0,size=1G"}
        world.guests[vmid] = Guest(vmid, guest_type, "pve1", config)
        volumes["ceph"].append(Volume(f"ceph:vm-{vmid}-disk-0", "images", "raw", 1, vmid))
    for vmid in (100, 200):
        guest = world.guests[vmid]
        guest.snapshots["old"] = Snapshot("old", 1, None, dict(guest.config))
    world.guests[200].config["mp0"] = "ceph:vm-200-disk-1,mp=/srv,size=1G"
    volumes["ceph"].append(Volume("ceph:vm-200-disk-1", "rootdir", "raw", 1 << 30, 200))
    world.guests[201].status, world.guests[201].started = "running", world.born
    world.guests[203].paused = True
    for name, vmid in (("ARCHIVE_VM", 100), ("ARCHIVE_CT", 200)):
        volume = Volume(WORDS[name], "backup", "vma", 1 << 20, vmid, node="pve1")
        volume.config = dict(world.guests[vmid].config)
        volumes["local"].append(volume)
    for node in ("pve1", "pve2"):
        world.nodes[node].acme = "account=default,domains=a.example"
    world.nodes["pve2"].certificate_end = world.born + 80 * 86400
    furnish_disks(world)
    furnish_ceph(world)
    world.acme_accounts["default"] = {"account": {"status": "valid", "contact": []}}
    world.realms["corp"] = {"type": "ldap", "sync-defaults-options": "scope=both"}
    world.uploads[WORDS["UPLOADED"]] = Upload("a", {}, "a.iso", 1 << 20, {"md5": "a"})


def furnish_disks(world: Any) -> None:
    """A directory, a volume group with a thin pool and a ZFS pool on further disks of pve1."""
    node = world.nodes["pve1"]
    listed = disks_of(node)
    for letter, used in (("x", "partitions"), ("y", "LVM"), ("z", "ZFS")):
        listed.append(a_disk(node, f"/dev/sd{letter}", 1 << 40) | {"used": used})
    node.directories["dir1"] = {"device": "/dev/sdx", "type": "ext4"}
    node.volume_groups["vg1"] = {"devices": ["/dev/sdy"], "thinpools": {"thin1": 1 << 39}}
    node.zpools["tank"] = {"devices": ["/dev/sdz"], "raidlevel": "single"}


def furnish_ceph(world: Any) -> None:
    """A file system, a pool, an OSD that can be removed, and no monitor on pve3."""
    world.ceph["filesystems"]["fs1"] = {"metadata_pool": "fs1_metadata", "data_pool": "fs1_data"}
    add_pool(world, "pool1", {})
    listed = disks_of(world.nodes["pve1"])
    listed.append(a_disk(world.nodes["pve1"], "/dev/nvme1n1", 1 << 40) | {"used": "LVM"})
    gone = {"node": "pve1", "device": "/dev/nvme1n1", "in": False, "up": False, "class": "ssd"}
    world.ceph["osds"]["3"] = gone
    del world.ceph["mons"]["pve3"]


@pytest.mark.parametrize("line", CALLS, ids=lambda line: f"{line[3]} {line[0]} {line[1]}")
async def test_a_call_starts_its_task(
    cell: Any, line: list[Any], request: pytest.FixtureRequest
) -> None:
    furnish(cell)
    method, path, given, task_type, ident = line
    path = absolute(path)
    params = {k: WORDS.get(v, v) if isinstance(v, str) else v for k, v in given.items()}
    if "url" in params:
        params["url"] = f"{request.getfixturevalue('web')}/b.iso"
    node = path.split("/")[2] if path.startswith("/nodes/") else "pve1"
    if (method, line[1]) == ("DELETE", "ceph/fs/fs1"):
        cell.world.ceph["mdss"].clear()  # as long as one runs, it cannot be removed
    answer = await cell.call(method, path, params, node=node)
    task = next(iter(cell.world.tasks.every()))
    upid = Upid.parse(str(task.upid))
    assert upid is not None
    assert (upid.type, upid.id, upid.node, upid.user) == (task_type, ident, node, "root@pam!cli")
    returns = ENDPOINTS[method, template_of(path, method)]["returns"]
    check_answer(returns, answer, str(task.upid))
    await cell.end(str(task.upid))
    assert task.exitstatus == "OK"


def check_answer(returns: str, answer: Any, upid: str) -> None:
    """Whether the answer is what the entry says."""
    if returns in ("upid", "upid_or_null", "upid_or_OK"):
        assert answer == upid
    elif returns == "object_with_upid":
        assert answer["upid"] == upid
        assert len(answer) > 1
    elif returns == "object_without_upid":
        assert "upid" not in answer
        assert answer["proxy"]
    elif returns == "stream_but_forks":
        assert isinstance(answer, Download)
    else:
        assert returns == "null_but_forks"
        assert answer is None


def test_every_entry_is_tried_with_every_type() -> None:
    walked: dict[tuple[str, str], set[str]] = {}
    for method, path, _given, task_type, _ident in CALLS:
        walked.setdefault((method, template_of(absolute(path), method)), set()).add(task_type)
    missing = {
        key: set(entry["types"]) - walked.get(key, set()) for key, entry in ENDPOINTS.items()
    }
    assert {key for key, types in missing.items() if types} == OTHER_CLUSTER
    assert set(walked) == set(ENDPOINTS) - OTHER_CLUSTER


MANAGED = [
    (key[1].removeprefix("/nodes/{node}/"), entry["type_if_ha_managed"])
    for key, entry in ENDPOINTS.items()
    if "type_if_ha_managed" in entry
]


@pytest.mark.parametrize(("path", "task_type"), MANAGED)
async def test_a_guest_that_ha_manages_has_a_different_task(
    cell: Any, path: str, task_type: str
) -> None:
    furnish(cell)
    vmid = 100 if path.startswith("qemu") else 200
    guest = cell.world.guests[vmid]
    cell.world.ha[f"{'vm' if vmid == 100 else 'ct'}:{vmid}"] = {"state": "started"}
    if task_type == "hastop":
        guest.status, guest.started = "running", cell.world.born
    params = {"target": "pve2"} if task_type == "hamigrate" else {}
    upid = await cell.call("POST", path.replace("{vmid}", str(vmid)), params)
    assert f":{task_type}:{vmid}:" in upid
    assert await cell.end(upid) == "OK"
    task = cell.task(upid)
    assert 0.5 < task.ended - task.started < 1.5
    await cell.settle(45)
    (real,) = [t for t in cell.world.tasks.every() if t is not task]
    assert (real.upid.user, real.upid.tokenid) == ("root@pam", None)
    assert real.lines[0] == "task started by HA resource agent"
    assert real.exitstatus == "OK"
    assert 5 <= real.started - task.ended <= 15
