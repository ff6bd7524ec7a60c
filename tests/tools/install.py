# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install the requirements of a file with pip, and say meanwhile what is being installed.

``make venv`` runs it with the Python of the new environment, where nothing else is installed yet.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

_FOUND = re.compile(r"\s*(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9._-]+)")
_INSTALLS = re.compile(r"Installing collected packages: (.+)")
# How often to say something where lines stay, in seconds.
_EVERY = 10.0


def news_of(lines: Iterable[str]) -> Iterator[str]:
    """What the output of pip means, one text for each change."""
    found: dict[str, None] = {}
    for line in lines:
        match = _FOUND.match(line)
        if match and match[1] not in found:
            found[match[1]] = None
            yield f"package {len(found)}: {match[1]}"
        installs = _INSTALLS.match(line)
        if installs:
            yield f"installing {len(installs[1].split(', '))} packages"


def say(news: Iterable[str], *, terminal: bool) -> None:
    """Show the news: on a terminal always in the same line, otherwise some of them."""
    said = time.monotonic()
    for text in news:
        if terminal:
            print(f"\r  {text[:70]}\x1b[K", end="", flush=True)
        elif text.startswith("installing") or time.monotonic() - said >= _EVERY:
            said = time.monotonic()
            print(f"  {text}", flush=True)
    if terminal:
        print("\r\x1b[K", end="", flush=True)


def main() -> int:
    """Install; return the exit code of pip, after its output if it failed."""
    requirements = sys.argv[1]
    print(f"Installing what {requirements} lists into {sys.prefix}:", flush=True)
    print("  Ansible, the simulated cluster and the tools of the gates, 400 MB, once.", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-color"]
    command += ["--progress-bar", "off", "-r", requirements]
    output: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        say(news_of(_kept(process.stdout, output)), terminal=sys.stdout.isatty())
    if process.returncode:
        print("".join(output), end="")
    else:
        print(f"  Installed after {time.monotonic() - began:.0f} s.", flush=True)
    return process.returncode


def _kept(lines: Iterable[str], output: list[str]) -> Iterator[str]:
    for line in lines:
        output.append(line)
        yield line


if __name__ == "__main__":
    sys.exit(main())
