# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One entry of a world file stands for many."""

from __future__ import annotations

from pvesim.ranges import expand, names


def test_a_range_of_names() -> None:
    assert names("pve{1..3}") == ["pve1", "pve2", "pve3"]
    assert names("rack{9..10}-a") == ["rack9-a", "rack10-a"]
    assert names("pve1") == ["pve1"]


def test_nodes_guests_and_tasks_are_written_out() -> None:
    world = expand({
        "cluster": "x",
        "nodes": {"pve{1..2}": {"maxcpu": 4}, "other": None},
        "guests": {
            7: {"type": "qemu", "node": "other", "status": "stopped"},
            "100..102": {
                "type": "qemu",
                "node": "pve{1..2}",
                "status": ["running", "stopped"],
                "config": {"name": "vm-{n}", "cores": 2, "tags": "t{n%2+1}"},
            },
        },
        "tasks": [
            {"node": "other", "type": "qmstart", "ago": 5, "log": ["one", "two"]},
            {"count": 3, "every": 10, "ago": 60, "node": "pve{1..2}", "type": "x", "id": "{n}"},
        ],
    })  # fmt: skip
    assert world["cluster"] == "x"
    assert world["nodes"] == {"pve1": {"maxcpu": 4}, "pve2": {"maxcpu": 4}, "other": None}
    assert list(world["guests"]) == [7, 100, 101, 102]
    assert world["guests"][101] == {
        "type": "qemu",
        "node": "pve2",
        "status": "stopped",
        "config": {"name": "vm-101", "cores": 2, "tags": "t2"},
    }
    assert world["guests"][102]["node"] == "pve1"
    first, *others = world["tasks"]
    assert first["log"] == ["one", "two"]
    assert [(t["node"], t["id"], t["ago"]) for t in others] == [
        ("pve1", "0", 60),
        ("pve2", "1", 70),
        ("pve1", "2", 80),
    ]


def test_a_world_without_ranges_is_unchanged() -> None:
    world = {"nodes": {"a": None}, "guests": {100: {"type": "lxc", "node": "a"}}, "tasks": []}
    assert expand(world) == world


def test_repeated_guests_share_no_config() -> None:
    world = expand({"nodes": {}, "guests": {"1..2": {"config": {"cores": 1}}}})
    world["guests"][1]["config"]["cores"] = 8
    assert world["guests"][2]["config"] == {"cores": 1}
