# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one gate: a command with a heading, a clock and a verdict.

gate.py NAME COMMAND...   runs the command and ends with its exit code
gate.py --begin           forgets the verdicts of earlier runs
gate.py --table           prints the verdicts since then

``nox --parallel`` prints such a table, too, but cannot be in ``.venv``: it needs attrs 24.1 or
newer, and galaxy-importer an older one.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

VERDICTS = Path(sys.prefix) / "verdicts"


def run(name: str, command: list[str]) -> int:
    """Run the command without a standard input and note the verdict; return its exit code."""
    print(f"==> {name}: {shlex.join(command)}", flush=True)
    start = time.monotonic()
    code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
    passed = "passed" if code == 0 else "FAILED"
    with VERDICTS.open("a") as verdicts:
        verdicts.write(f"<== {name:13} {passed} after {time.monotonic() - start:4.0f} s\n")
    return code


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    match arguments:
        case ["--begin"]:
            VERDICTS.write_text("")
        case ["--table"]:
            print(VERDICTS.read_text(), end="", flush=True)
        case [name, *command] if command:
            return run(name, command)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
