# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays at -vvvv, and all that anybody could read of them: output, log file, process list."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.upid.proxmox.tests.plays.releases import Ansible, Run

PAUSE = 0.1
SHORTEST = 5
PROCESSES = Path("/proc")
Task = Mapping[str, Any]


@dataclass(frozen=True)
class Overheard:
    """What a play printed, what it wrote to its log, and the command lines while it ran."""

    run: Run
    log: str
    processes: str

    def pieces_of(self, secrets: Iterable[str]) -> list[str]:
        """The pieces of secrets that can be read somewhere, and where; whatever the case.

        A piece is what is left of a secret between characters that may be shown in another way.
        """
        places = {"output": self.run.output, "log": self.log, "processes": self.processes}
        return [
            f"{piece!r} in {place}: {_around(text, piece)}"
            for piece in sorted({piece for secret in secrets for piece in pieces(secret)})
            for place, text in places.items()
            if piece.casefold() in text.casefold()
        ]


def pieces(secret: str) -> list[str]:
    """The longest readable pieces of a secret; at least one, or the secret is of no use here."""
    found = [piece for piece in re.findall(r"[A-Za-z0-9-]+", secret) if len(piece) >= SHORTEST]
    assert found, f"{secret!r} has no piece of {SHORTEST} letters"
    return found


def overhear(
    ansible: Ansible, tasks: Sequence[Task], variables: Mapping[str, Any], **environment: str
) -> Overheard:
    """Run tasks at -vvvv with --diff; the variables come from a file, as those of a vault do.

    Each task is tried, whatever became of the ones before it.
    """
    (ansible.home / "secrets.json").write_text(json.dumps(variables))
    play = {
        "name": "Be overheard",
        "hosts": "localhost",
        "gather_facts": False,
        "ignore_errors": True,
        "vars_files": ["secrets.json"],
        "tasks": [dict(task) for task in tasks],
    }
    log = ansible.home / "ansible.log"
    with _process_list() as seen:
        run = ansible.play([play], "-vvvv", "--diff", ANSIBLE_LOG_PATH=str(log), **environment)
    return Overheard(run, log.read_bytes().decode(), "\n".join(sorted(seen)))


@contextlib.contextmanager
def _process_list() -> Iterator[set[str]]:
    """The command lines of all processes that there are while the block runs."""
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(PAUSE):
            seen.update(_command_lines())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _command_lines() -> Iterator[str]:
    for process in PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _around(text: str, piece: str) -> str:
    at = text.casefold().index(piece.casefold())
    return repr(text[max(0, at - 200) : at + 100])
