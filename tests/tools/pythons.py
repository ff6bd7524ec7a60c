# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python interpreters of this machine, under the names that ansible-test looks for.

Its containers have them all; without containers it takes what is on the PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path


def link_pythons(versions: Iterable[str], folder: Path) -> list[str]:
    """Fill the folder with links ``python3.N`` to interpreters that run; return their versions.

    pyenv puts a ``python3.N`` for every installed version on the PATH, but only those that it has
    selected run. Therefore each one is tried, and pyenv's own folder is looked through as well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for version in versions:
        link = folder / f"python{version}"
        link.unlink(missing_ok=True)
        python = _find(version)
        if python:
            link.symlink_to(python)
            found.append(version)
    return found


def _find(version: str) -> Path | None:
    """The first interpreter of this version that runs."""
    name = f"python{version}"
    folders = [Path(entry) for entry in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += [path / "bin" for path in sorted(pyenv.glob(f"versions/{version}.*"), reverse=True)]
    candidates = (shutil.which(name, path=folder) for folder in folders)
    executables = (_executable(candidate, version) for candidate in candidates if candidate)
    return next((executable for executable in executables if executable), None)


def _executable(candidate: str, version: str) -> Path | None:
    """What the interpreter itself says its file is, None if it does not run or is another one."""
    code = "import sys, venv, ensurepip; print(sys.executable, *sys.version_info[:2])"
    try:
        run = subprocess.run(
            [candidate, "-c", code], check=True, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    executable, *numbers = run.stdout.rsplit(maxsplit=2)
    return Path(executable) if ".".join(numbers) == version else None
