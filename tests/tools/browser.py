# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test the HTML report in a real browser: ``browser.py [ARGUMENT OF PYTEST...]``.

Installs what is missing: Playwright into ``.venv``, axe-core from npm beside it, and Chromium by
the system's packages, for the browsers that Playwright would download are on no package mirror.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from ansible_collections.upid.proxmox.tests.tools.mirror import ROOT

AXE_VERSION = "4.10.3"
AXE = Path(sys.prefix) / "axe-core" / AXE_VERSION / "axe.min.js"
TESTS = ROOT / "tests" / "browser"
NAMES = ("chromium", "chromium-browser", "google-chrome")


class Missing(Exception):
    """Something is not there and cannot be installed."""


def main(arguments: list[str]) -> int:
    """Install, test; return the exit code of pytest."""
    try:
        browser = chromium()
        install_playwright()
        install_axe()
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    environment = {**os.environ, "UPID_CHROMIUM": browser, "UPID_AXE": str(AXE)}
    command = ["pytest", "--timeout", "120", *(arguments or [str(TESTS)])]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def chromium() -> str:
    """The path of a Chromium, installed if need be."""
    found = _found()
    if found is None and shutil.which("apt-get"):
        sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
        if not sudo or shutil.which("sudo"):
            print("installing chromium by apt-get", flush=True)
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            install = [
                "install",
                "--yes",
                "--no-install-recommends",
                "chromium",
                "fonts-dejavu-core",
            ]
            for words in (["update"], install):
                command = [*sudo, "apt-get", "-qq", *words]
                subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
            found = _found()
    if found is None:
        raise Missing(
            "There is no Chromium, and it could not be installed: run `apt-get install chromium`"
            " as root, or put a chromium or google-chrome into PATH"
        )
    return found


def _found() -> str | None:
    return next((path for path in map(shutil.which, NAMES) if path), None)


def install_playwright() -> None:
    """Install what the tests import."""
    if importlib.util.find_spec("playwright"):
        return
    print("installing playwright by pip", flush=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, "-r", str(TESTS / "requirements.txt")], check=False).returncode:
        raise Missing("playwright could not be installed, see above")


def install_axe() -> None:
    """Put axe-core beside the tests' Python, by npm."""
    if AXE.exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("There is no npm, by which axe-core is installed: run `apt-get install npm`")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", f"axe-core@{AXE_VERSION}"]
        if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:
            raise Missing("axe-core could not be fetched by npm, see above")
        [archive] = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            file = packed.extractfile("package/axe.min.js")
            assert file is not None
            script = file.read()
    AXE.parent.mkdir(parents=True, exist_ok=True)
    new = AXE.with_suffix(".new")
    new.write_bytes(script)
    new.replace(AXE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
