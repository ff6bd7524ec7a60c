# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command costs, and whatever it starts, background processes included.

stopwatch.py REPORT COMMAND...   runs the command and writes its costs to the file as JSON

This process adopts every orphan of the command (``prctl``, PR_SET_CHILD_SUBREAPER), such as the
processes of Ansible's ``async``, and waits for all of them: so their CPU time is counted.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

SUBREAPER = 36
SAMPLE_SECONDS = 0.2
WORDS = 2000


@dataclass(frozen=True)
class Cost:
    """``wall_s`` until the command ended; ``cpu_s`` of all processes, user and system.

    ``rss_mb`` is the most that all processes had resident at the same time, ``largest_mb`` the
    most that one of them had. 1 MB is 10**6 bytes.
    """

    wall_s: float
    cpu_s: float
    rss_mb: float
    largest_mb: float


@dataclass(frozen=True)
class Run:
    """A command that has ended well."""

    cost: Cost
    stdout: str


def measure(command: Sequence[str], folder: Path, environment: Mapping[str, str], text: str) -> Run:
    """Run the command in the folder with this standard input.

    Raises RuntimeError with the beginning of what it printed if it fails.
    """
    report = folder / "cost.json"
    ended = subprocess.run(
        [sys.executable, __file__, str(report), *command],
        cwd=folder,
        env=dict(environment),
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        words = (ended.stdout + ended.stderr)[:WORDS]
        raise RuntimeError(f"{command[0]} ended with {ended.returncode}:\n{words}")
    return Run(Cost(**json.loads(report.read_text())), ended.stdout)


class _Memory:
    """The peaks of the memory of all descendants, looked at until ``ended``."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.together = self.largest = 0

    def watch(self) -> None:
        me = psutil.Process()
        while not self.ended.wait(SAMPLE_SECONDS):
            sizes = [0]
            for process in me.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    sizes.append(process.memory_info().rss)
            self.together = max(self.together, sum(sizes))
            self.largest = max(self.largest, *sizes)


def main(report: Path, command: Sequence[str]) -> int:
    """Run the command, write the report; return the exit code of the command."""
    ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0)
    memory = _Memory()
    watcher = threading.Thread(target=memory.watch)
    began = time.monotonic()
    first = subprocess.Popen(command).pid
    watcher.start()
    wall, code = 0.0, 0
    with contextlib.suppress(ChildProcessError):  # the last one has ended
        while True:
            pid, status = os.wait()
            if pid == first:
                wall, code = time.monotonic() - began, os.waitstatus_to_exitcode(status)
    memory.ended.set()
    watcher.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    largest = max(memory.largest, used.ru_maxrss * 1024)
    together = max(memory.together, largest)
    cost = Cost(wall, used.ru_utime + used.ru_stime, together / 1e6, largest / 1e6)
    report.write_text(json.dumps(asdict(cost)))
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
