# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the work tree at a path that Ansible's own tools accept.

``ansible-test`` and ``ansible-lint`` tell a collection by its real path, which has to end in
``ansible_collections/NAMESPACE/NAME``; a symbolic link does not do. Every gate has a copy of its
own, so that gates can run side by side, and a copy is kept for the caches in it. antsibull-nox
makes a new copy each time.
"""

from __future__ import annotations

import filecmp
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


def copy_of(gate: str) -> Path:
    """The path of the copy for this gate."""
    return BUILD / gate / "ansible_collections" / "upid" / "proxmox"


def mirror(gate: str) -> Path:
    """Bring the copy for this gate up to date; return its path.

    It has the files that git tracks or would add, in their current state. What ``ansible-test``
    wrote below ``tests/output`` stays.
    """
    target = copy_of(gate)
    target.mkdir(parents=True, exist_ok=True)
    # A repository of its own, or the tools would use that of the work tree, which ignores the copy.
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)
    wanted = sources()
    _remove_others(target, wanted)
    for path in wanted:
        _copy(ROOT / path, target / path)
    return target


def sources() -> set[Path]:
    """The files of the project, relative to its root: those that git tracks or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    paths = {Path(name) for name in listed.split("\0") if name}
    return {path for path in paths if (ROOT / path).is_symlink() or (ROOT / path).is_file()}


def _remove_others(target: Path, wanted: set[Path]) -> None:
    """Remove obsolete files of the copy, and the directories that this leaves empty."""
    for path in sorted(target.rglob("*"), reverse=True):
        name = path.relative_to(target)
        if name.parts[0] == ".git" or name.parts[:2] == ("tests", "output"):
            continue
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif name not in wanted:
            path.unlink()


def _copy(source: Path, target: Path) -> None:
    """Copy one file or link unless the copy is up to date."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.unlink(missing_ok=True)
        target.symlink_to(source.readlink())
    elif not target.is_file() or not filecmp.cmp(source, target, shallow=True):
        shutil.copy2(source, target)
