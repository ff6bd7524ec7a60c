# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments with the package ``ansible`` from PyPI, which carries community.proxmox.

Each is made once, beside the environment that runs the tests, and kept. Run as a program, this
makes those that are missing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.upid.proxmox.tests.tools.pythons import link_pythons

FOLDER = Path(sys.prefix) / "clients"
REQUIREMENTS = Path(__file__).with_name("requirements")


@dataclass(frozen=True)
class Release:
    """One release of the package ``ansible``, by its first number, and the Pythons it runs on.

    The first Python that this machine has is taken. The requirements are in
    ``requirements/ansible-<number>.txt``.
    """

    number: int
    collection: str
    """The version of community.proxmox that it carries begins so."""
    pythons: tuple[str, ...]

    @property
    def requirements(self) -> Path:
        """What is installed into its environment."""
        return REQUIREMENTS / f"ansible-{self.number}.txt"

    @property
    def folder(self) -> Path:
        """Its environment."""
        return FOLDER / f"ansible-{self.number}"

    def python(self, links: Path) -> Path | None:
        """An interpreter for it; `links` is a folder for links to interpreters."""
        found = link_pythons(self.pythons, links)
        return (links / f"python{found[0]}").resolve() if found else None


RELEASES = (Release(12, "1.", ("3.11",)), Release(14, "2.", ("3.13", "3.12")))


def install(release: Release) -> Path | None:
    """The environment of a release, made if it is missing or other things are required now.

    None if this machine has no Python for it. Raises CalledProcessError if pip fails.
    """
    FOLDER.mkdir(exist_ok=True)
    stamp = release.folder / ".installed"
    wanted = release.requirements.read_text()
    with release.folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return release.folder
        with tempfile.TemporaryDirectory() as links:
            python = release.python(Path(links))
        if python is None:
            return None
        _make(release, python)
        stamp.write_text(wanted)
    return release.folder


def _make(release: Release, python: Path) -> None:
    print(f"installing Ansible {release.number} for {python} ...", flush=True)
    shutil.rmtree(release.folder, ignore_errors=True)
    environment = without_ansible(os.environ)
    subprocess.run([python, "-m", "venv", release.folder], env=environment, check=True)
    pip = [str(release.folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    pip += ["install", "--quiet", "--quiet", "--no-compile", "-r", str(release.requirements)]
    subprocess.run(pip, env=environment, check=True)


def without_ansible(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what is meant for another Ansible, Python or cluster."""
    prefixes = ("ANSIBLE_", "PROXMOX_", "PYTHON")
    return {name: value for name, value in environment.items() if not name.startswith(prefixes)}


def main() -> int:
    """Make what is missing."""
    for release in RELEASES:
        folder = install(release)
        state = folder or f"skipped, there is no Python {' or '.join(release.pythons)}"
        print(f"Ansible {release.number}: {state}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
