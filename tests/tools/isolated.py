# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-test`` in a home of its own, which is all that it lets settings come through.

``ansible-test`` keeps its cache below ``~/.ansible/test`` and clears the environment of what pip
needs to reach the package index. And it makes virtual environments without pip, for which it
downloads a bootstrap script from a host that only open networks reach. In the home that this
module makes the settings of pip are those of the caller, and the bootstrap script is there already
and unpacks the interpreter's own ensurepip. antsibull-nox calls ``ansible-test`` without any of
that, and stops where the script cannot be downloaded.
"""

from __future__ import annotations

import ast
import configparser
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import IO

from ansible_collections.upid.proxmox.tests.tools.mirror import copy_of
from ansible_collections.upid.proxmox.tests.tools.pythons import link_pythons
from ansible_test._internal.python_requirements import get_venv_packages
from ansible_test._util.target.common.constants import (
    CONTROLLER_PYTHON_VERSIONS,
    REMOTE_ONLY_PYTHON_VERSIONS,
)

VERSIONS = (*REMOTE_ONLY_PYTHON_VERSIONS, *CONTROLLER_PYTHON_VERSIONS)
HOMES = Path(sys.prefix) / "home"
BOOTSTRAP = """\
import subprocess
import sys

packages = [word for word in sys.argv[1:] if not word.startswith("-")]
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"])
subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", *packages])
"""


def ansible_test(command: str, *arguments: str, output: IO[str] | None = None) -> int:
    """Run ``ansible-test COMMAND`` on the copy of the work tree of this name; return its exit code.

    The Pythons of this machine are on the PATH, so that tests of every version find theirs.
    ``output`` takes what is printed, the screen without it.
    """
    home = HOMES / command
    print("Pythons:", *link_pythons(VERSIONS, home / "bin"), file=output, flush=True)
    _seed_pip_settings(home / ".config" / "pip" / "pip.conf")
    _seed_pip_bootstrap(home / ".ansible" / "test" / "cache")
    path = os.pathsep.join([str(Path(sys.prefix) / "bin"), str(home / "bin"), os.environ["PATH"]])
    environment = {**os.environ, "HOME": str(home), "PATH": path, "LC_ALL": "C.UTF-8"}
    words = ["ansible-test", command, *arguments, "--color", "no", "--truncate", "0"]
    run = subprocess.run(
        words,
        cwd=copy_of(command),
        env=environment,
        stdout=output,
        stderr=output and subprocess.STDOUT,
        check=False,
    )
    return run.returncode


def _seed_pip_settings(file: Path) -> None:
    """Write what pip is told by the environment and by the files of the real home."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    settings = configparser.RawConfigParser()
    settings.add_section("global")
    for line in listed.splitlines():
        name, value = line.split("=", 1)
        section, option = name.rsplit(".", 1)
        if section in {":env:", "global", "install"} and option != "config-file":
            settings.set("global", option, ast.literal_eval(value).strip())
    settings.set("global", "quiet", "2")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    with file.open("w") as stream:
        settings.write(stream)


def _seed_pip_bootstrap(cache: Path) -> None:
    """Write the bootstrap script under the name of every version of pip that may be asked for."""
    cache.mkdir(parents=True, exist_ok=True)
    for python in VERSIONS:
        pip = get_venv_packages(SimpleNamespace(version=python))["pip"]
        (cache / f"get_pip_{pip.replace('.', '_')}.py").write_text(BOOTSTRAP)
