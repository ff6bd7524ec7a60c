# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes of the programs that are started inside guests.

A few work: `true`, `false`, `echo`, `test -e` and `exit N`, also by way of `sh -c`. How any other
one ends is said by `programs` of a world file, by command line; without it the program has nothing
to say.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .entities import Guest
    from .world import World

SHELLS = ("sh", "bash", "/bin/sh", "/bin/bash")


@dataclass(frozen=True)
class Program:
    """A program that was started: how it ends and when (an epoch second)."""

    exitcode: int = 0
    out: str = ""
    err: str = ""
    ends: float = 0.0


def run(world: World, guest: Guest, command: Sequence[str]) -> Program:
    """Start a program inside a guest."""
    now = world.clock.now()
    line = shlex.join(command)
    if len(command) == 3 and command[0] in SHELLS and command[1] == "-c":
        line = command[2]
    for text in (shlex.join(command), line):
        result = world.programs.get(text)
        if result is not None and guest.vmid in result.get("guests", [guest.vmid]):
            ends = now + float(result.get("seconds", 0))
            return Program(
                int(result.get("exitcode", 0)),
                str(result.get("out", "")),
                str(result.get("err", "")),
                ends,
            )
    return _known(guest, line, now)


def _known(guest: Guest, line: str, now: float) -> Program:
    """A program that every guest has."""
    try:
        words = shlex.split(line)
    except ValueError:
        return Program(2, err="syntax error\n", ends=now)
    name = words[0].rpartition("/")[2] if words else ""
    if name == "echo":
        return Program(out=" ".join(words[1:]) + "\n", ends=now)
    code = int(name == "false")
    if match := re.fullmatch(r"exit (\d+)", line.strip()):
        code = int(match[1]) % 256
    elif name == "test" and words[1:2] in (["-e"], ["-f"]):
        code = int(words[-1] not in guest.files)
    return Program(code, ends=now)
