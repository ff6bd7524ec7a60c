# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the parts of a gate, such as its targets or scenarios, one after the other.

ansible-test and molecule could run all in one call, but not each on a new simulated cluster.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import IO

Run = Callable[[str, IO[str] | None], int]


def run_parts(kind: str, parts: list[str], run: Run) -> int:
    """Run every part and print the results; return 1 if one failed, otherwise 0.

    ``run`` gets the name of a part and where its output goes, None for the screen, and returns an
    exit code. A part that is alone prints as it goes; of several only those that fail print.
    """
    if not parts:
        print(f"There is no {kind}.")
        return 0
    passed = [_run_part(part, run, loud=len(parts) == 1) for part in parts]
    print(f"{len(parts)} {kind}s: {passed.count(True)} passed, {passed.count(False)} failed")
    return 0 if all(passed) else 1


def _run_part(part: str, run: Run, *, loud: bool) -> bool:
    """Run one part; return whether it passed."""
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        code = run(part, None if loud else output)
        output.seek(0)
        if code != 0:
            print(f"--- {part}\n{output.read()}")
    verdict = "passed" if code == 0 else "FAILED"
    print(f"{part}: {verdict} after {time.monotonic() - start:.0f} s", flush=True)
    return code == 0
