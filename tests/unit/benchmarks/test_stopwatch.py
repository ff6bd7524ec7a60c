# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command's cost includes what it leaves in the background."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from ansible_collections.upid.proxmox.tests.benchmarks.stopwatch import Run, measure

BURN = "import time\nwhile time.process_time() < 0.6: pass"
IN_BACKGROUND = f"""
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 3)
        exec({BURN!r})
    os._exit(0)
"""


def run(code: str, folder: Path, text: str = "") -> Run:
    """Measure a Python program."""
    return measure([sys.executable, "-c", code], folder, os.environ, text)


def test_the_time_of_processes_in_the_background_is_counted(tmp_path: Path) -> None:
    cost = run(IN_BACKGROUND, tmp_path).cost
    assert cost.cpu_s >= 0.6
    assert cost.wall_s < 0.5


def test_the_memory_is_that_of_all_processes_together(tmp_path: Path) -> None:
    hold = "import time; block = b'x' * 60_000_000; time.sleep(1.5)"
    two = f"""
import subprocess, sys
both = [subprocess.Popen([sys.executable, "-c", {hold!r}]) for _unused in range(2)]
[one.wait() for one in both]
"""
    cost = run(two, tmp_path).cost
    assert 60 < cost.largest_mb < 110
    assert cost.rss_mb > 120


def test_the_command_reads_and_prints_as_usual(tmp_path: Path) -> None:
    assert run("print(input()[::-1])", tmp_path, "abc\n").stdout == "cba\n"


def test_a_command_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 3:\nwhy"):
        run("print('why', flush=True); raise SystemExit(3)", tmp_path)
