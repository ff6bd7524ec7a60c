# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Detects that the Ansible process that called a module is gone, while the module lives on.

Ansible runs modules in worker processes, in sessions of their own since ansible-core 2.19. When
``ansible-playbook`` is killed or its terminal is closed, worker and module go on: the worker only
gets another parent. So every link from the module up to Ansible is watched.
"""

from __future__ import annotations

import os
import re
import typing as t
from pathlib import Path

from ..api import clock

# How often to check, in seconds.
_STEP = 0.5
# The programs that run plays, also run as ``python -m ansible`` or ``ansible.cli.playbook``.
_ANSIBLE = re.compile(r"ansible(-playbook|-console|-pull|\.cli\.\w+)?\Z")
_ARGUMENTS = 3
_PROCESSES = Path("/proc")

Links = t.Mapping[int, int]


def parent_of(pid: int) -> int | None:
    """The parent of a process, None if the process is gone or hidden."""
    if pid == os.getpid():
        return os.getppid()
    try:
        text = (_PROCESSES / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        return int(text.rpartition(")")[2].split()[1])  # the name before it may contain anything
    except (OSError, IndexError, ValueError):
        return None


def runs_plays(pid: int) -> bool:
    """Whether a process is Ansible, or one of its workers."""
    try:
        line = (_PROCESSES / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False
    return is_ansible_command(line.decode("utf-8", "replace").split("\0"))


def is_ansible_command(words: t.Sequence[str]) -> bool:
    """Whether these are the arguments of a command that runs plays."""
    return any(_ANSIBLE.match(Path(word).name) for word in words[:_ARGUMENTS])


def links_to_ansible(
    pid: int,
    parent: t.Callable[[int], int | None] = parent_of,
    is_ansible: t.Callable[[int], bool] = runs_plays,
) -> dict[int, int]:
    """Each process from this one up to the topmost Ansible above it, with its parent.

    The parent of Ansible itself is not watched: a play may outlive the shell that started it. If
    there is no Ansible, as behind ssh, only the parent of this process is watched.
    """
    chain: list[tuple[int, int]] = []
    above = parent(pid)
    while above is not None and above > 0 and above not in {one for one, _parent in chain}:
        chain.append((pid, above))
        pid, above = above, parent(above)
    last = 0
    for number, (_pid, ancestor) in enumerate(chain):
        if is_ansible(ancestor):
            last = number
        elif is_ansible(chain[last][1]):
            break  # another Ansible further up runs this one indirectly
    return dict(chain[: last + 1])


def is_orphaned(links: Links, parent: t.Callable[[int], int | None] = parent_of) -> bool:
    """Whether a link has broken since then."""
    return any(parent(pid) != was for pid, was in links.items())


async def until_orphaned() -> None:
    """Wait until the Ansible that called this process is gone."""
    links = links_to_ansible(os.getpid())
    while not is_orphaned(links):
        await clock.sleep(_STEP)
