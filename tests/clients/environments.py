# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments with other clients than that of the tests.

The package ``ansible`` carries community.proxmox; ``ansible-core`` alone is enough for this
collection; an exporter has an environment of its own. Each is made once, beside the environment
that runs the tests, and kept. Run as a program, this makes those that are missing.
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
class Environment:
    """An environment, and the Pythons that it can have: the first that this machine has is taken.

    What is installed is in ``requirements/<name>.txt``.
    """

    name: str
    pythons: tuple[str, ...]

    @property
    def requirements(self) -> Path:
        """What is installed into it."""
        return REQUIREMENTS / f"{self.name}.txt"

    @property
    def folder(self) -> Path:
        """Where it is."""
        return FOLDER / self.name

    def python(self, links: Path) -> Path | None:
        """An interpreter for it; `links` is a folder for links to interpreters."""
        found = link_pythons(self.pythons, links)
        return (links / f"python{found[0]}").resolve() if found else None


@dataclass(frozen=True)
class Release(Environment):
    """A release of the package ``ansible``, which carries community.proxmox.

    The version of that collection begins with ``collection``.
    """

    collection: str


RELEASES = (
    Release("ansible-12", ("3.11",), "1."),
    Release("ansible-14", ("3.13", "3.12"), "2."),
)
# The oldest ansible-core that this collection supports, one that checks types more strictly, and
# the newest.
CORES = (
    Environment("core-2.17", ("3.11", "3.10", "3.12")),
    Environment("core-2.19", ("3.11", "3.12", "3.13")),
    Environment("core-2.21", ("3.13", "3.12", "3.14")),
)
EXPORTER = Environment("prometheus-pve-exporter", ("3.13", "3.12", "3.11"))


def install(release: Environment) -> Path | None:
    """The folder of an environment, made if it is missing or other things are required now.

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


def _make(release: Environment, python: Path) -> None:
    print(f"installing {release.name} for {python} ...", flush=True)
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
    for release in (*RELEASES, *CORES, EXPORTER):
        folder = install(release)
        state = folder or f"skipped, there is no Python {' or '.join(release.pythons)}"
        print(f"{release.name}: {state}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
