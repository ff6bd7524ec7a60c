# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guide to the simulator shows is there and works."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path
from typing import Any

import requests
import yaml
from pvesim import admin
from pvesim.world import DEFAULT_WORLD, World

GUIDE = next(
    file
    for parent in Path(__file__).parents
    if (file := parent / "docs/docsite/rst/guide_simulator.rst").is_file()
).read_text()
COMMANDS = re.findall(r"^    sim ((?:GET|POST|DELETE) .*)$", GUIDE, re.MULTILINE)
SMALL, LARGE = (
    textwrap.dedent(block)
    for block in re.findall(r"\.\. code-block:: yaml\n\n(.*?)\n\n\S", GUIDE, re.DOTALL)
)
PARTS = re.findall(r"^# (\w+): +\S", DEFAULT_WORLD.read_text(), re.MULTILINE)
PLACEHOLDERS = {"{node}": "pve[0-9]", "{vmid}": "[0-9]+", "{upid}": "UPID:[^/]+"}
PLACEHOLDERS["{image}"] = r"\w+\.qcow2(\.sha256)?"


def test_every_admin_path_is_shown() -> None:
    shown = {tuple(shlex.split(command)[:2]) for command in COMMANDS}
    paths = re.findall(r"^(GET|POST|DELETE) +/_sim/(\S+)", admin.PATHS, re.MULTILINE)
    assert len(paths) >= 8
    for method, template in paths:
        path = template
        for placeholder, pattern in PLACEHOLDERS.items():
            path = path.replace(placeholder, pattern)
        head, *states = path.split("|")
        first, _separator, last = head.rpartition("/")
        for state in [last, *states]:
            wanted = re.compile(f"{first}/{state}" if first else state)
            assert any(m == method and wanted.fullmatch(p) for m, p in shown), (method, path)


def test_every_command_works(cluster: Any) -> None:
    endless = {"action": "task", "type": "qmclone", "seconds": 1e6}
    cluster.admin("POST", "faults", endless)
    clone = cluster.request("POST", "/nodes/pve1/qemu/9000/clone", {"newid": 300})
    for command in COMMANDS:
        method, path, *body = shlex.split(command.replace("UPID:pve1:...", clone.json()["data"]))
        answer = requests.request(
            method,
            f"{cluster.urls[0]}/_sim/{path}",
            data=body[0] if body else None,
            verify=cluster.session.verify,
            timeout=30,
        )
        assert answer.status_code == 200, (command, answer.text)


def test_the_users_and_guests_of_the_default_world_are_named() -> None:
    world = World.load()
    for user in world.users.values():
        assert f"``{user.userid}``" in GUIDE
        for name, token in user.tokens.items():
            assert f"``{user.userid}!{name}``, ``{token.secret}``" in GUIDE
    for guest in world.guests.values():
        assert f"{guest.vmid} ``{guest.name}``" in GUIDE
    for storage in world.storages:
        assert f"storage ``{storage}``" in GUIDE


def test_the_world_of_the_guide_can_be_loaded(tmp_path: Path) -> None:
    file = tmp_path / "world.yml"
    file.write_text(SMALL)
    world = World.load(file)
    parts = yaml.safe_load(SMALL)
    assert list(world.nodes) == list(parts["nodes"])
    assert set(world.guests) == set(parts["guests"])
    assert world.storages["nas"].volumes


def test_the_large_cluster_of_the_guide_is_large(tmp_path: Path) -> None:
    file = tmp_path / "world.yml"
    file.write_text(LARGE)
    world = World.load(file)
    assert (len(world.nodes), len(world.guests)) == (20, 1500)
    assert world.guests[1003].status == "stopped"
    assert world.guests[1004].config["tags"] == "team5"


def test_every_part_of_a_world_file_is_documented() -> None:
    assert len(PARTS) > 10
    assert [part for part in PARTS if f"``{part}``" not in GUIDE] == []
