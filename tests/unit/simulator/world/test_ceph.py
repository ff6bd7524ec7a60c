# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Ceph: what is made, stopped and destroyed, and what can be read of it afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from pvesim.worldfile import WorldFileError, checked
from pvesim.worldsave import saved

NODE_LISTS = ("osd", "mon", "mgr", "mds", "pool", "fs", "status", "rules")


async def named(cell: Any, what: str) -> dict[str, dict[str, Any]]:
    """A list below /ceph, by name."""
    entries = await cell.call("GET", f"ceph/{what}")
    return {entry.get("name", entry.get("pool_name")): entry for entry in entries}


async def osds(cell: Any) -> dict[str, dict[str, Any]]:
    """The leaves of the tree, by name."""
    (root,) = (await cell.call("GET", "ceph/osd"))["root"]["children"]
    return {osd["name"]: osd for host in root["children"] for osd in host["children"]}


async def health(cell: Any) -> tuple[str, set[str]]:
    """The health and what is wrong."""
    found = (await cell.call("GET", "/cluster/ceph/status"))["health"]
    return found["status"], set(found["checks"])


async def test_the_default_world_has_a_healthy_ceph(cell: Any) -> None:
    assert await health(cell) == ("HEALTH_OK", set())
    assert set(await named(cell, "mon")) == {"pve1", "pve2", "pve3"}
    assert [m["state"] for m in (await named(cell, "mgr")).values()] == ["active", "standby"]
    assert [m["state"] for m in (await named(cell, "mds")).values()] == ["up:standby"] * 2
    assert set(await named(cell, "pool")) == {".mgr", "ceph"}
    listed = {disk["devpath"]: disk for disk in await cell.call("GET", "disks/list")}
    assert listed["/dev/nvme0n1"]["osdid-list"] == [0]


@pytest.mark.parametrize("what", NODE_LISTS)
async def test_without_ceph_nothing_is_known(recorded: Any, what: str) -> None:
    refusal = await recorded.refusal("GET", f"ceph/{what}")
    assert (refusal.status, refusal.message) == (500, "binary not installed: /usr/bin/ceph-mon")


async def test_an_osd_is_created_taken_out_stopped_and_destroyed(cell: Any) -> None:
    given = {"dev": "/dev/sdb", "crush-device-class": "nvme"}
    assert await cell.done("POST", "ceph/osd", given) == "OK"
    made = (await osds(cell))["osd.3"]
    assert (made["status"], made["in"], made["device_class"]) == ("up", 1, "nvme")
    assert (await cell.refusal("POST", "ceph/osd", given)).message == (
        "device '/dev/sdb' is already in use"
    )
    refusal = await cell.refusal("PUT", "disks/wipedisk", {"disk": "/dev/sdb"})
    assert refusal.message == "disk/partition '/dev/sdb' has a holder"
    for message, call, params in (
        ("osd is in use (in == 1)", "ceph/osd/3/out", {}),
        ("osd is still running (up == 1)", "ceph/stop", {"service": "osd.3"}),
    ):
        assert (await cell.refusal("DELETE", "ceph/osd/3")).message == message
        upid = await cell.call("POST", call, params)
        if upid is not None:
            assert await cell.end(upid) == "OK"
    assert await health(cell) == ("HEALTH_OK", set())
    assert await cell.done("DELETE", "ceph/osd/3", {"cleanup": 1}) == "OK"
    assert set(await osds(cell)) == {"osd.0", "osd.1", "osd.2"}
    unused = await cell.call("GET", "disks/list", {"type": "unused"})
    assert "/dev/sdb" in {disk["devpath"] for disk in unused}
    assert (await cell.refusal("DELETE", "ceph/osd/9")).message == "no such OSD '9'"
    assert "does not belong to node pve1" in (await cell.refusal("DELETE", "ceph/osd/1")).message


async def test_several_osds_share_a_disk(cell: Any) -> None:
    given = {"dev": "/dev/sdc", "osds-per-device": 2}
    assert await cell.done("POST", "ceph/osd", given) == "OK"
    assert {"osd.3", "osd.4"} <= set(await osds(cell))
    listed = {disk["devpath"]: disk for disk in await cell.call("GET", "disks/list")}
    assert listed["/dev/sdc"]["osdid-list"] == [3, 4]


async def test_monitors_can_be_removed_down_to_the_last_one(cell: Any) -> None:
    refusal = await cell.refusal("DELETE", "ceph/mon/pve2")
    assert "does not exist on this node" in refusal.message
    for node in ("pve3", "pve2"):
        assert await cell.done("DELETE", f"ceph/mon/{node}", node=node) == "OK"
    assert (await cell.refusal("DELETE", "ceph/mon/pve1")).message == "can't remove last monitor"
    assert (await cell.refusal("DELETE", "ceph/mon/x")).message == "no such monitor id 'x'"
    assert await cell.done("POST", "ceph/mon/pve2", node="pve2") == "OK"
    refusal = await cell.refusal("POST", "ceph/mon/other", node="pve2")
    assert refusal.message.startswith("monitor address '")
    assert set(await named(cell, "mon")) == {"pve1", "pve2"}


async def test_most_monitors_have_to_be_running(cell: Any) -> None:
    cell.world.node_down("pve2")
    assert await health(cell) == ("HEALTH_WARN", {"OSD_DOWN", "MON_DOWN"})
    cell.world.node_down("pve3")
    assert (await cell.refusal("GET", "/cluster/ceph/status")).message == "got timeout"


@pytest.mark.parametrize(
    ("kind", "twice", "gone"),
    [
        ("mgr", "ceph manager directory '/var/lib/ceph/mgr/ceph-pve3' already exists",
         "ceph manager directory '/var/lib/ceph/mgr/ceph-pve3' not found"),
        ("mds", "MDS 'pve3' already referenced in ceph config, abort!", "WARNINGS: 1"),
    ],
)  # fmt: skip
async def test_daemons_are_created_and_destroyed(
    cell: Any, kind: str, twice: str, gone: str
) -> None:
    path = f"ceph/{kind}/pve3"
    assert await cell.done("POST", path, node="pve3") == "OK"
    assert "pve3" in await named(cell, kind)
    assert await cell.done("POST", path, node="pve3") == twice
    assert await cell.done("DELETE", path, node="pve3") == "OK"
    assert "pve3" not in await named(cell, kind)
    assert await cell.done("DELETE", path, node="pve3") == gone


async def test_services_are_stopped_and_started(cell: Any) -> None:
    assert await cell.done("POST", "ceph/stop", {"service": "mon"}) == "OK"
    assert (await named(cell, "mon"))["pve1"]["state"] == "stopped"
    assert await cell.done("POST", "ceph/restart", {"service": "mon.pve1"}) == "OK"
    assert (await named(cell, "mon"))["pve1"]["state"] == "running"
    assert await cell.done("POST", "ceph/stop") == "OK"
    assert {osd["status"] for osd in (await osds(cell)).values()} == {"up", "down"}
    assert await cell.done("POST", "ceph/start") == "OK"
    assert await health(cell) == ("HEALTH_OK", set())
    ended = await cell.done("POST", "ceph/start", {"service": "osd.7"})
    assert ended == "command '/bin/systemctl start ceph-osd@7' failed: exit code 1"


async def test_a_pool_is_created_with_a_storage_changed_and_destroyed(cell: Any) -> None:
    given = {"name": "fast", "size": 2, "add_storages": 1}
    lines = await cell.lines("POST", "ceph/pool", given)
    assert lines[0] == "pool fast: applying size = 2"
    assert (await cell.call("GET", "/storage/fast"))["pool"] == "fast"
    assert await cell.done("PUT", "ceph/pool/fast", {"pg_num": 32, "size": 3}) == "OK"
    pool = (await named(cell, "pool"))["fast"]
    assert (pool["size"], pool["pg_num"], pool["bytes_used"]) == (3, 32, 0)
    status = await cell.call("GET", "ceph/pool/fast/status", {"verbose": 1})
    assert (status["pg_num"], status["application_list"]) == (32, ["rbd"])
    move = {"disk": "scsi0", "storage": "fast"}
    assert await cell.done("POST", "qemu/100/move_disk", move) == "OK"
    ended = await cell.done("DELETE", "ceph/pool/fast")
    assert ended == "ceph pool 'fast' still in use by storage 'fast'"
    forced = {"force": 1, "remove_storages": 1}
    assert await cell.done("DELETE", "ceph/pool/fast", forced) == "OK"
    assert "fast" not in await named(cell, "pool")
    assert "fast" not in cell.world.storages
    assert await cell.done("PUT", "ceph/pool/fast", {"size": 2}) == "Could not set: size"


async def test_a_file_system_needs_a_metadata_server_but_can_be_destroyed_without_one(
    cell: Any,
) -> None:
    assert await cell.done("POST", "ceph/fs/shared", {"add-storage": 1}) == "OK"
    assert set(await named(cell, "fs")) == {"shared"}
    assert {"shared_data", "shared_metadata"} <= set(await named(cell, "pool"))
    assert [m["state"] for m in (await named(cell, "mds")).values()] == ["up:active", "up:standby"]
    ended = await cell.done("DELETE", "ceph/fs/shared")
    assert ended.startswith(
        "error with 'fs rm': mon_cmd failed -  all MDS daemons must be inactive"
    )
    for node in ("pve1", "pve2"):
        assert await cell.done("POST", "ceph/stop", {"service": "mds"}, node=node) == "OK"
    whole = {"remove-pools": 1, "remove-storages": 1}
    assert "is not disabled" in await cell.done("DELETE", "ceph/fs/shared", whole)
    await cell.call("PUT", "/storage/shared", {"disable": 1})
    assert await cell.done("DELETE", "ceph/fs/shared", whole) == "OK"
    assert await named(cell, "fs") == {}
    assert set(await named(cell, "pool")) == {".mgr", "ceph"}
    assert (await cell.refusal("POST", "ceph/fs/x")).message == (
        "no running Metadata Server (MDS) found!"
    )


async def test_flags_are_set_and_unset(cell: Any) -> None:
    given = {"noout": 1, "noin": 0}
    assert (await cell.lines("PUT", "/cluster/ceph/flags", given))[0] == "set noout"
    assert await cell.call("GET", "/cluster/ceph/flags/noout") == 1
    assert await health(cell) == ("HEALTH_WARN", {"OSDMAP_FLAGS"})
    await cell.call("PUT", "/cluster/ceph/flags/noout", {"value": 0})
    there = await cell.call("GET", "/cluster/ceph/flags")
    assert {flag["value"] for flag in there} == {0}


async def test_daemons_of_a_kind_are_restarted_one_by_one(cell: Any) -> None:
    path = "/cluster/ceph/restart-bulk"
    lines = await cell.lines("POST", path, {"service-type": "mon"})
    assert lines[0] == "planned rolling restart order:"
    assert lines[-2] == "rolling restart of 'mon' daemons across the cluster finished"
    lines = await cell.lines("POST", path, {"service-type": "osd"})
    assert lines[-2] == "cluster-wide OSD rolling restart finished"
    types = [task.upid.id for task in cell.world.tasks.every()]
    assert types == ["cluster-mon", "cluster-osd", "pve1-osd", "pve2-osd", "pve3-osd"]
    dry = await cell.lines("POST", path, {"service-type": "osd", "dry-run": 1})
    assert dry[-2] == "[DRY-RUN] no daemons were restarted"
    cell.world.ceph["osds"]["0"]["up"] = False
    ended = await cell.done("POST", path, {"service-type": "mgr"})
    assert ended.startswith("Ceph cluster has blocking HEALTH_WARN issues")
    assert await cell.done("POST", path, {"service-type": "mgr", "force": 1}) == "OK"


async def test_a_saved_world_has_the_same_ceph(cell: Any) -> None:
    await cell.done("POST", "ceph/osd", {"dev": "/dev/sdb"})
    before = [await cell.call("GET", f"ceph/{what}") for what in NODE_LISTS]
    disks = await cell.call("GET", "disks/list"), await cell.call("GET", "disks/lvm")
    cell.world.begin_anew(checked(saved(cell.world)))
    assert before == [await cell.call("GET", f"ceph/{what}") for what in NODE_LISTS]
    assert disks == (await cell.call("GET", "disks/list"), await cell.call("GET", "disks/lvm"))


def test_an_unknown_key_of_ceph_is_named() -> None:
    with pytest.raises(WorldFileError, match=r"ceph.*unknown key 'mon'.*'mons'"):
        checked({"nodes": {"a": None}, "ceph": {"mon": {}}})
