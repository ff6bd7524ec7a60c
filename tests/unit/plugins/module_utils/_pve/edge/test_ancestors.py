# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.edge.ancestors import (
    is_ansible_command,
    is_orphaned,
    links_to_ansible,
    parent_of,
    runs_plays,
)

# init, a shell, ansible-playbook, its worker, a shell, the module
PARENTS = {60: 50, 50: 40, 40: 30, 30: 20, 20: 1, 1: 0}


def links(*ansible: int, parents: Mapping[int, int] | None = None) -> dict[int, int]:
    return links_to_ansible(60, (parents or PARENTS).get, lambda pid: pid in ansible)


def test_everything_up_to_ansible_is_watched_and_nothing_above() -> None:
    assert links(30, 40) == {60: 50, 50: 40, 40: 30}


def test_the_death_of_ansible_is_noticed_though_its_worker_lives() -> None:
    watched = links(30, 40)
    assert not is_orphaned(watched, PARENTS.get)
    assert is_orphaned(watched, {**PARENTS, 40: 1}.get)
    assert not is_orphaned(watched, {**PARENTS, 30: 1}.get), "the shell above may end"


def test_the_death_of_the_worker_or_of_the_parent_is_noticed() -> None:
    watched = links(30, 40)
    assert is_orphaned(watched, {**PARENTS, 60: 1}.get)
    assert is_orphaned(watched, {pid: up for pid, up in PARENTS.items() if pid != 50}.get)


def test_an_ansible_that_runs_another_one_is_not_watched() -> None:
    parents = {60: 55, 55: 50, 50: 40, 40: 30, 30: 20, 20: 1}
    assert links(20, 40, 50, 55, parents=parents) == {60: 55, 55: 50, 50: 40}


def test_without_an_ansible_in_sight_the_parent_alone_is_watched() -> None:
    assert links() == {60: 50}
    assert links(parents={60: 1}) == {60: 1}
    assert not is_orphaned(links(parents={60: 1}), {60: 1}.get)


def test_real_processes_are_read() -> None:
    assert parent_of(os.getpid()) == os.getppid()
    assert parent_of(1 << 30) is None
    assert not runs_plays(1 << 30)
    assert not runs_plays(os.getpid()), "pytest runs no plays"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/usr/bin/ansible-playbook", "site.yml"], True),
        (["/usr/bin/python3", "/usr/bin/ansible", "all"], True),
        (["/usr/bin/python3", "-m", "ansible.cli.playbook"], True),
        (["/usr/bin/python3", "/root/.ansible/tmp/x/AnsiballZ_clone.py"], False),
        (["/usr/bin/python3", "/usr/bin/ansible-runner"], False),
        (["/bin/bash", "/home/ansible/run.sh"], False),
    ],
)
def test_ansible_is_known_by_its_programs(words: list[str], expected: bool) -> None:
    assert is_ansible_command(words) is expected
