# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many VMs from the clone to the address, beside the same in phases and by community.proxmox.

A VM is cloned, configured, resized and started, and has an address when it has booted. The critical
path is what these steps take under the same limits if each begins as soon as the one before it has
ended and there is a place for it.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.upid.proxmox.tests.benchmarks.bench import (
    NODES,
    Bench,
    Cluster,
    Figures,
    cluster,
)
from ansible_collections.upid.proxmox.tests.benchmarks.ideal import Stage, chained

FIRST = 1001
SEED = 4
SOURCE_NODE = "pve1"
WAYS = ("ours", "phases", "loop", "async")
WISH = {"cores": 1, "memory": 1024, "tags": ["bench", "web"], "ipconfig": "ip=dhcp", "disk_gib": 12}
"""What the playbooks are told about each VM; the template has other values."""
CONFIG = {"cores": "1", "memory": "1024", "tags": "bench;web", "ipconfig0": "ip=dhcp"}
"""The same in the configuration of the VM."""


@dataclass(frozen=True)
class Size:
    """``vms`` with at most ``places`` tasks at a time, ``per_node`` of them on one node.

    ``per_node`` is the default of the modules. ``seconds`` says by type of task how long it takes,
    at least and at most, and ``boot`` how long after its start a VM has an address.
    """

    vms: int
    places: int
    seconds: Mapping[str, tuple[float, float]]
    boot: float
    per_node: int = 8


FULL = Size(
    vms=40,
    places=16,
    seconds={
        "qmclone": (3.0, 9.0),
        "qmconfig": (0.05, 0.3),
        "resize": (0.2, 1.0),
        "qmstart": (1.0, 3.0),
    },
    boot=6.0,
)
QUICK = Size(
    vms=3,
    places=2,
    seconds={
        "qmclone": (0.3, 0.6),
        "qmconfig": (0.05, 0.1),
        "resize": (0.05, 0.1),
        "qmstart": (0.1, 0.2),
    },
    boot=0.5,
)


def run(bench: Bench, *, quick: bool) -> Figures:
    """The figures of the four ways, on clusters that are alike, and of the first way again."""
    size = QUICK if quick else FULL
    dice = random.Random(SEED)
    durations = {
        vmid: {
            task_type: round(dice.uniform(*limits), 2) for task_type, limits in size.seconds.items()
        }
        for vmid in range(FIRST, FIRST + size.vms)
    }
    figures: Figures = {
        "vms": size.vms,
        "places": size.places,
        "places_per_node": size.per_node,
        "critical_s": round(_critical(durations, size), 2),
    }
    for way in WAYS:
        with _prepared(durations, size) as target:
            figures[way] = _play(bench, target, way, size)
            figures[way]["failed"] = _failed(target, size)
            if way == "ours":
                figures["rerun"] = _again(bench, target, size)
                figures["rerun"]["failed"] = _failed(target, size)
    return figures


def _critical(durations: Mapping[int, Mapping[str, float]], size: Size) -> float:
    """Seconds from the first clone to the last address, with no overhead at all.

    A clone takes its place on the node of the template, the other tasks on the node of the VM.
    """
    chains = []
    for vmid, seconds in durations.items():
        nodes = {task_type: NODES[vmid % len(NODES)] for task_type in seconds} | {
            "qmclone": SOURCE_NODE
        }
        tasks = [Stage(seconds[task_type], ("all", nodes[task_type])) for task_type in size.seconds]
        chains.append([*tasks, Stage(size.boot)])
    return chained(chains, {"all": size.places, **dict.fromkeys(NODES, size.per_node)})


@contextlib.contextmanager
def _prepared(durations: Mapping[int, Mapping[str, float]], size: Size) -> Iterator[Cluster]:
    """A cluster on which each task of each VM takes as long as ``durations`` says."""
    with cluster(boot_seconds=size.boot) as target:
        for vmid, tasks in durations.items():
            for task_type, seconds in tasks.items():
                fault = {"action": "task", "type": task_type, "vmid": vmid, "seconds": seconds}
                target.admin("POST", "faults", fault)
        yield target


def _wanted(size: Size) -> list[dict[str, Any]]:
    return [
        {"name": f"vm{vmid}", "vmid": vmid, "target_node": NODES[vmid % len(NODES)]}
        for vmid in range(FIRST, FIRST + size.vms)
    ]


def _play(bench: Bench, target: Cluster, way: str, size: Size) -> Figures:
    limits = {"places": size.places, "places_per_node": size.per_node}
    return bench.play(target, f"pipeline_{way}.yml", guests=_wanted(size), **limits, **WISH)


def _again(bench: Bench, target: Cluster, size: Size) -> Figures:
    """The figures of the first way where everything is there already.

    ``requests_per_vm`` are those that name a VM, ``requests_per_node`` all others, and ``tasks``
    is how many tasks it started.
    """
    before = len(target.ends())
    figures = _play(bench, target, "ours", size)
    counts = target.admin("GET", "requests")["counts"]
    of_vms = sum(number for label, number in counts.items() if "{vmid}" in label)
    return {
        **figures,
        "requests_per_node": round((figures["requests"] - of_vms) / len(NODES), 2),
        "requests_per_vm": round(of_vms / size.vms, 2),
        "tasks": len(target.ends()) - before,
    }


def _failed(target: Cluster, size: Size) -> int:
    """How many VMs are not as wanted, by what the cluster says and not the client."""
    guests = target.admin("GET", "world")["guests"]
    return sum(not _ready(target, wish, guests.get(str(wish["vmid"]))) for wish in _wanted(size))


def _ready(target: Cluster, wish: Mapping[str, Any], found: Mapping[str, Any] | None) -> bool:
    """Whether the VM is there as wanted, runs and has an address."""
    if not found or (found["status"], found["lock"]) != ("running", None):
        return False
    config = {key: str(found["config"].get(key)) for key in ("name", "scsi0", *CONFIG)}
    disk = config.pop("scsi0").split(",")
    return (
        found["node"] == wish["target_node"]
        and config == {**CONFIG, "name": wish["name"]}
        and f"size={WISH['disk_gib']}G" in disk
        and target.has_address(found["node"], wish["vmid"])
    )
