# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node tells about itself: settings, logs and series of measurements."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

STEPS = {"hour": 60, "week": 1800, "year": 21600}


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("time", {"timezone", "time", "localtime"}),
        ("dns", {"search", "dns1"}),
        ("hosts", {"data", "digest"}),
        ("subscription", {"status", "message", "serverid", "url"}),
    ],
)
async def test_settings_have_the_fields_of_proxmox_ve(cell: Any, path: str, keys: set[str]) -> None:
    assert set(await cell.call("GET", path)) == keys


async def test_the_clock_of_a_node_goes_with_that_of_the_cluster(cell: Any) -> None:
    before = (await cell.call("GET", "time"))["time"]
    await cell.clock.sleep(100)
    assert (await cell.call("GET", "time"))["time"] == before + 100


async def test_a_node_without_an_address_has_no_name_server(recorded: Any) -> None:
    assert list(await recorded.call("GET", "dns", node="pve5")) == ["search"]
    assert "pve5" not in (await recorded.call("GET", "hosts", node="pve5"))["data"]


async def test_packages_name_the_version_of_the_api(cell: Any) -> None:
    packages = {p["Package"]: p for p in await cell.call("GET", "apt/versions")}
    release = await cell.call("GET", "/version")
    assert packages["pve-manager"]["OldVersion"] == release["version"]


async def test_a_newer_package_shows_beside_the_old_one(cell: Any) -> None:
    cell.world.nodes["pve1"].updates = ({"Package": "qemu-server", "Version": "99"},)
    packages = {p["Package"]: p for p in await cell.call("GET", "apt/versions", node="pve1")}
    assert packages["qemu-server"]["Version"] == "99" != packages["qemu-server"]["OldVersion"]


async def test_the_disk_of_the_system_is_in_use(cell: Any) -> None:
    disk, *others, osd = await cell.call("GET", "disks/list")
    assert (disk["used"], osd["used"]) == ("LVM", "LVM")
    assert await cell.call("GET", "disks/list", {"type": "unused"}) == others


async def test_logs_record_starts_and_ends_of_tasks(cell: Any) -> None:
    assert await cell.call("GET", "syslog") == [{"n": 1, "t": "no content"}]
    upid = await cell.call("POST", "qemu/100/config", {"description": "x"})
    await cell.end(upid)
    await cell.settle(1.0)
    first, last = await cell.call("GET", "syslog")
    assert f"<root@pam!cli> starting task {upid}" in first["t"]
    assert last["t"].endswith(f"end task {upid} OK")
    assert await cell.call("GET", "journal", {"lastentries": 1}) == [last["t"]]
    assert await cell.call("GET", "syslog", {"start": 1}) == [last]


async def test_the_cluster_log_shows_ones_own_messages_newest_first(cell: Any) -> None:
    upid = await cell.call("POST", "qemu/100/config", {"description": "x"})
    await cell.end(upid)
    await cell.settle(1.0)
    entries = await cell.call("GET", "/cluster/log")
    assert [e["msg"] for e in entries] == [f"end task {upid} OK", f"starting task {upid}"]
    others = {"userid": "bob@pve", "may": lambda _path, _privilege: False}
    assert await cell.call("GET", "/cluster/log", **others) == []


@pytest.mark.parametrize("timeframe", STEPS)
@pytest.mark.parametrize("path", ["", "qemu/100/", "storage/local/"])
async def test_measurements_come_in_the_steps_of_the_timeframe(
    cell: Any, path: str, timeframe: str
) -> None:
    entries = await cell.call("GET", f"{path}rrddata", {"timeframe": timeframe})
    times = [entry["time"] for entry in entries]
    assert {b - a for a, b in pairwise(times)} == {STEPS[timeframe]}
    assert times[-1] <= cell.clock.now() < times[-1] + STEPS[timeframe]


async def test_there_are_no_measurements_from_before_the_start(cell: Any) -> None:
    entries = await cell.call("GET", "storage/local/rrddata", {"timeframe": "hour"})
    assert set(entries[0]) == {"time"}
    await cell.clock.sleep(120)
    entries = await cell.call("GET", "storage/local/rrddata", {"timeframe": "hour"})
    assert set(entries[-1]) == {"time", "total", "used"}


async def test_a_node_has_the_disks_interfaces_and_servers_of_its_world_file(cell: Any) -> None:
    node = cell.world.nodes["pve1"]
    disk = {"devpath": "/dev/vda", "health": "PASSED"}
    node.disks, node.network, node.dns = [disk], [{"iface": "x", "type": "eth"}], {"dns1": "::1"}
    assert await cell.call("GET", "disks/list") == node.disks
    assert await cell.call("GET", "network") == node.network
    assert await cell.call("GET", "dns") == node.dns
    healths = [await cell.call("GET", "disks/smart", {"disk": f"/dev/vd{x}"}) for x in "ab"]
    assert [health["health"] for health in healths] == ["PASSED", "UNKNOWN"]


async def test_measurements_are_exported_of_all_nodes_or_of_one(cell: Any) -> None:
    every = (await cell.call("GET", "/cluster/metrics/export"))["data"]
    local = (await cell.call("GET", "/cluster/metrics/export", {"local-only": 1}))["data"]
    assert {"node/pve1", "node/pve2"} <= {entry["id"] for entry in every}
    assert "node/pve2" not in {entry["id"] for entry in local}
    later = {"start-time": int(cell.clock.now())}
    assert (await cell.call("GET", "/cluster/metrics/export", later))["data"] == []


async def test_the_traffic_of_running_guests_is_reported_as_text(cell: Any) -> None:
    guest = cell.world.guests[101]
    guest.status, guest.config["net0"] = "running", "virtio=BC:24:11:00:00:01,bridge=vmbr0"
    entries = await cell.call("GET", "netstat", node=guest.node)
    assert {"vmid": "101", "dev": "net0", "in": "0", "out": "0"}.keys() == entries[0].keys()


async def test_a_report_names_the_guests_of_its_node(cell: Any) -> None:
    report = await cell.call("GET", "report")
    assert "# qm list" in report
    assert "100 " in report


async def test_a_stopped_guest_uses_no_resources(cell: Any) -> None:
    await cell.clock.sleep(120)
    series = await cell.call("GET", "qemu/100/rrddata", {"timeframe": "hour"})
    assert set(series[-1]) == {"time", "maxcpu", "maxmem", "maxdisk", "disk"}


async def test_pressure_values_of_containers_are_text(cell: Any) -> None:
    guest = next(guest for guest in cell.world.guests.values() if guest.type == "lxc")
    guest.status = "running"
    entries = await cell.call("GET", "lxc", node=guest.node)
    pressures = [entry["pressurecpufull"] for entry in entries if entry["vmid"] == guest.vmid]
    assert pressures == ["0.00"]
