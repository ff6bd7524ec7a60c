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

import pytest
import requests
import yaml
from pvesim import admin
from pvesim.world import World

GUIDE = next(
    file
    for parent in Path(__file__).parents
    if (file := parent / "docs/docsite/rst/guide_simulator.rst").is_file()
).read_text()
COMMANDS = re.findall(r"^    sim ((?:GET|POST|DELETE) .*)$", GUIDE, re.MULTILINE)
WORLD = textwrap.dedent(re.findall(r"\.\. code-block:: yaml\n\n(.*?)\n\n\S", GUIDE, re.DOTALL)[-1])


def test_every_admin_path_is_shown() -> None:
    shown = {tuple(shlex.split(command)[:2]) for command in COMMANDS}
    paths = re.findall(r"^(GET|POST|DELETE) +/_sim/(\S+)", admin.PATHS, re.MULTILINE)
    assert len(paths) >= 8
    for method, path in paths:
        head, *states = path.replace("{node}", "pve[0-9]").split("|")
        first, _, last = head.rpartition("/")
        for state in [last, *states]:
            wanted = re.compile(f"{first}/{state}" if first else state)
            assert any(m == method and wanted.fullmatch(p) for m, p in shown), (method, path)


def test_every_command_works(cluster: Any) -> None:
    for command in COMMANDS:
        method, path, *body = shlex.split(command)
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
    file.write_text(WORLD)
    world = World.load(file)
    parts = yaml.safe_load(WORLD)
    assert list(world.nodes) == list(parts["nodes"])
    assert set(world.guests) == set(parts["guests"])
    assert world.storages["nas"].volumes


@pytest.mark.parametrize("part", ["cluster", "options", "nodes", "storages", "guests", "pools",
                                  "users", "roles", "acl", "tasks", "durations", "ha"])  # fmt: skip
def test_every_part_of_a_world_is_explained(part: str) -> None:
    assert f"``{part}``" in GUIDE
