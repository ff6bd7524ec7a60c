# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs and fields are those that a real Proxmox VE 9.2 was seen to have.

`data/recorded.jsonl` holds what it answered: `lines` of a log, or `data`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parent / "data" / "recorded.jsonl"
RECORDED = {r["n"]: r for r in map(json.loads, FILE.read_text(encoding="utf-8").splitlines())}
OS = "local:vztmpl/tiny-1.0_amd64.tar.gz"
QEMU_300 = {"vmid": 300, "name": "q300", "memory": "64", "scsi0": "store1:1,format=qcow2"}
S1 = {"snapname": "s1", "description": "d"}
FULL = {"full": 1}
SHAPES = (
    (r"'/srv/\S+'", "'PATH'"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"(?<=Total bytes read: ).*", "N"),
)

Step = tuple[str, str, dict[str, Any]]


def shaped(lines: list[str]) -> list[str]:
    """Lines without what differs from run to run."""
    for pattern, text in SHAPES:
        lines = [re.sub(pattern, text, line) for line in lines]
    return lines


LOGS: dict[int, list[Step]] = {
    336: [("POST", "lxc", {"vmid": 211, "ostemplate": OS, "rootfs": "store1:1"})],
    347: [
        (
            "POST",
            "lxc",
            {"vmid": 211, "ostemplate": "local:vztmpl/none.tar.gz", "rootfs": "store1:1"},
        )
    ],
    412: [("POST", "lxc/200/status/start", {}), ("DELETE", "lxc/200", {"force": 1})],
    415: [("POST", "qemu", QEMU_300)],
    424: [("POST", "qemu", {"vmid": 301, "ide2": "local:iso/none.iso,media=cdrom"})],
    427: [("POST", "qemu", {"vmid": 301, "start": 1})],
    435: [("POST", "qemu", QEMU_300), ("DELETE", "qemu/300", {})],
    439: [("POST", "qemu", {"vmid": 120}), ("DELETE", "qemu/120", {"purge": 1})],
    442: [("POST", "qemu", QEMU_300), ("POST", "qemu/300/snapshot", S1)],
    445: [
        ("POST", "qemu", QEMU_300),
        ("POST", "qemu/300/snapshot", S1),
        ("POST", "qemu/300/snapshot", S1),
    ],
    462: [("POST", "qemu", QEMU_300), ("POST", "qemu/300/snapshot/nosuch/rollback", {})],
    468: [("POST", "qemu", QEMU_300), ("DELETE", "qemu/300/snapshot/nosuch", {})],
    494: [("POST", "qemu/100/status/start", {})],
    500: [("POST", "qemu/100/clone", {"newid": 102}), ("DELETE", "qemu/100", {})],
    513: [("PUT", "qemu/101/resize", {"disk": "scsi0", "size": "+1M"})],
    516: [("PUT", "qemu/101/resize", {"disk": "scsi0", "size": "1M"})],
    936: [
        (
            "POST",
            "qemu/101/config",
            {
                "ciuser": "debian",
                "cores": 2,
                "description": "x y",
                "ipconfig0": "ip=dhcp",
                "tags": "a;b",
            },
        )
    ],
    948: [("POST", "qemu/101/config", {"delete": "ciuser,ipconfig0,tags,description", "cores": 1})],
}


@pytest.mark.parametrize("number", LOGS, ids=lambda n: f"{n} {RECORDED[n]['name']}")
async def test_a_log_reads_as_recorded(recorded: Any, number: int) -> None:
    lines: list[str] = []
    for method, path, params in LOGS[number]:
        lines = await recorded.lines(method, path, params)
    assert shaped(lines) == shaped(RECORDED[number]["lines"])


PROGRESS = {
    93: {"newid": 130},
    482: {"newid": 303},
}


@pytest.mark.parametrize("number", PROGRESS)
async def test_a_clone_tells_its_progress_as_recorded(recorded: Any, number: int) -> None:
    source = 110
    if number == 482:
        source = 300
        await recorded.done("POST", "qemu", QEMU_300)
    lines = await recorded.lines("POST", f"qemu/{source}/clone", PROGRESS[number] | FULL)
    told = RECORDED[number]["lines"]
    head = next(i for i, line in enumerate(told) if line.startswith("transferred"))
    assert shaped(lines[: head + 1]) == shaped(told[: head + 1])
    pattern = re.compile(r"transferred \d+\.\d (?:B|MiB|GiB) of \d\.\d GiB \(\d+\.\d\d%\)")
    for line in lines[head:-1]:
        assert pattern.fullmatch(line)
    percents = [re.findall(r"\((.*)%\)", line)[0] for line in lines[head:-1]]
    if number == 93:
        want = [re.findall(r"\((.*)%\)", line)[0] for line in told[head:]]
        assert percents[: len(want)] == want
    assert percents[-1] == "100.00"


async def test_waits_for_a_slow_storage_read_as_recorded(recorded: Any) -> None:
    params = {"storage": "store3", "format": "raw"} | FULL
    upids = [
        await recorded.call("POST", "qemu/110/clone", params | {"newid": 441 + n})
        for n in range(10)
    ]
    for upid in upids:
        await recorded.end(upid)
    logs = [recorded.task(upid).lines for upid in upids]
    lost = re.sub("449", "450", "\n".join(RECORDED[857]["lines"])).split("\n")
    assert logs[9] == lost
    won = re.sub("448", "442", "\n".join(RECORDED[874]["lines"])).split("\n")
    head = next(i for i, line in enumerate(won) if line.startswith("transferred"))
    assert shaped(logs[1][: head + 1]) == shaped(won[: head + 1])


async def test_a_container_clone_begins_as_recorded(recorded: Any) -> None:
    lines = await recorded.lines("POST", "lxc/210/clone", {"newid": 220} | FULL)
    told = RECORDED[372]["lines"]
    assert shaped(lines[:8]) == shaped(told[:8])
    labels = [line.split(":")[0] for line in told[8:21]]
    assert [line.split(":")[0] for line in lines[8:21]] == labels


def fields(entry: Mapping[str, Any]) -> dict[str, str]:
    """The names of the fields with the JSON types of their values."""
    kinds = {
        bool: "boolean",
        int: "number",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
        type(None): "number",
    }
    return {key: kinds[type(value)] for key, value in entry.items()}


def by_vmid(entries: list[dict[str, Any]], vmid: int) -> dict[str, Any]:
    return next(entry for entry in entries if entry.get("vmid") == vmid)


async def test_fields_of_task_lists_are_as_recorded(recorded: Any) -> None:
    await recorded.done("POST", "qemu/101/config", {"cores": 1})
    upid = await recorded.call("POST", "qemu/110/clone", {"newid": 130, "bwlimit": 60000})
    await recorded.settle()
    (active,) = await recorded.call("GET", "tasks", {"source": "active"})
    assert fields(active) == fields(RECORDED[68]["data"][0])
    running, ended = await recorded.call("GET", "/cluster/tasks")
    assert fields(running) == fields(RECORDED[71]["data"][0])
    assert fields(ended) == fields(RECORDED[71]["data"][1])
    status = f"tasks/{upid}/status"
    assert fields(await recorded.call("GET", status)) == fields(RECORDED[64]["data"])
    await recorded.end(upid)
    assert fields(await recorded.call("GET", status)) == fields(RECORDED[92]["data"])


async def test_fields_of_guest_lists_are_as_recorded(recorded: Any) -> None:
    await recorded.call("GET", "/cluster/resources")
    await recorded.call("POST", "qemu/110/clone", {"newid": 130, "bwlimit": 60000})
    await recorded.settle()
    listed = await recorded.call("GET", "/cluster/resources", {"type": "vm"})
    for vmid in (100, 101, 110, 130, 200, 900):
        told = by_vmid(RECORDED[75]["data"], vmid)
        assert fields(by_vmid(listed, vmid)) == fields(told)
    assert by_vmid(listed, 130) == by_vmid(RECORDED[75]["data"], 130)
    assert by_vmid(listed, 900) == by_vmid(RECORDED[75]["data"], 900)
    listed = await recorded.call("GET", "qemu")
    for vmid in (100, 101, 110, 130):
        assert fields(by_vmid(listed, vmid)) == fields(by_vmid(RECORDED[76]["data"], vmid))
    for vmid in (100, 110, 130):
        assert by_vmid(listed, vmid) == by_vmid(RECORDED[76]["data"], vmid)


async def test_fields_of_running_guests_are_as_recorded(recorded: Any) -> None:
    for path in ("qemu/101", "lxc/200"):
        await recorded.done("POST", f"{path}/status/start")
    vm = by_vmid(await recorded.call("GET", "qemu", {"full": 1}), 101)
    # The recorded QEMU gave no block statistics; one that does adds these two.
    traffic = {"diskread": "number", "diskwrite": "number"}
    assert fields(vm) == fields(by_vmid(RECORDED[896]["data"], 101)) | traffic
    ct = await recorded.call("GET", "lxc/200/status/current")
    assert fields(ct) == fields(RECORDED[901]["data"])


CURRENT = {680: ("qemu/110", {"lock": "backup"}), 900: ("qemu/100", {}), 902: ("lxc/210", {})}


@pytest.mark.parametrize("number", CURRENT)
async def test_the_state_of_a_stopped_guest_is_as_recorded(recorded: Any, number: int) -> None:
    path, config = CURRENT[number]
    recorded.world.guests[int(path.split("/")[1])].config.update(config)
    answer = await recorded.call("GET", f"{path}/status/current")
    told = dict(RECORDED[number]["data"])
    if number == 902:
        told |= {"vmid": 210, "name": "ct210", "maxdisk": 1 << 30}
    assert answer == told


async def test_configs_are_as_recorded(recorded: Any) -> None:
    config = await recorded.call("GET", "lxc/200/config")
    assert config | {"digest": ""} == RECORDED[905]["data"] | {"digest": ""}
    pending = {e["key"]: e for e in await recorded.call("GET", "lxc/200/pending")}
    told = {entry["key"]: entry for entry in RECORDED[906]["data"]}
    assert {k: v for k, v in pending.items() if k != "digest"} == {
        k: v for k, v in told.items() if k != "digest"
    }
    await recorded.done("POST", "qemu", QEMU_300)
    await recorded.done("POST", "qemu/300/snapshot", S1)
    config = await recorded.call("GET", "qemu/300/snapshot/s1/config")
    assert fields(config) == fields(RECORDED[455]["data"])
    assert config["scsi0"] == RECORDED[455]["data"]["scsi0"]


async def test_nodes_and_the_cluster_are_as_recorded(recorded: Any) -> None:
    nodes = {entry["node"]: entry for entry in await recorded.call("GET", "/nodes")}
    for told in RECORDED[643]["data"]:
        assert fields(nodes[told["node"]]) == fields(told)
    (online, _offline) = await recorded.call("GET", "/cluster/resources", {"type": "node"})
    assert fields(online) == fields(RECORDED[602]["data"][0])
    status = {entry["id"]: entry for entry in await recorded.call("GET", "/cluster/status")}
    for told in RECORDED[644]["data"]:
        assert fields(status[told["id"]]) == fields(told)
    answer = await recorded.call("GET", "status")
    assert fields(answer) == fields(RECORDED[890]["data"])
    for key in ("cpuinfo", "memory", "rootfs", "swap", "current-kernel"):
        assert fields(answer[key]) == fields(RECORDED[890]["data"][key])
    assert await recorded.call("GET", "/cluster/options") == RECORDED[923]["data"]
    assert await recorded.call("GET", "/version") == RECORDED[924]["data"]


async def test_fields_of_storages_are_as_recorded(recorded: Any) -> None:
    answer = await recorded.call("GET", "storage", {"content": "images"})
    assert fields(answer[0]) == fields(RECORDED[914]["data"][0])
