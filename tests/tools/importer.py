# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the artifact from a copy of the work tree, check its contents, import it as Galaxy does.

The session ``build-import-check`` of antsibull-nox does not check the contents.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

from ansible_collections.upid.proxmox.tests.tools.mirror import BUILD, ROOT, mirror

# What a user of the collection needs.
WANTED = {
    "CHANGELOG.md",
    "FILES.json",
    "LICENSE",
    "LICENSES",
    "MANIFEST.json",
    "README.md",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
}


def main() -> int:
    """Build, check, import; return 0 on success."""
    artifact = build()
    unwanted = sorted(names(artifact) - WANTED)
    if unwanted:
        print(f"{artifact.name} has what no user needs: {', '.join(unwanted)}: see build_ignore")
    environment = {**os.environ, "GALAXY_IMPORTER_CONFIG": str(ROOT / "tests/galaxy-importer.cfg")}
    command = [sys.executable, "-m", "galaxy_importer.main", str(artifact)]
    imported = subprocess.run(command, cwd=artifact.parent, env=environment, check=False)
    return 1 if unwanted else imported.returncode


def build() -> Path:
    """Build the artifact; return its path."""
    collection = mirror("importer")
    folder = BUILD / "importer"
    for old in folder.glob("*.tar.gz"):
        old.unlink()
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(folder)]
    subprocess.run(command, cwd=collection, check=True)
    (artifact,) = folder.glob("*.tar.gz")
    return artifact


def names(artifact: Path) -> set[str]:
    """The files and directories at the top of the artifact."""
    with tarfile.open(artifact) as archive:
        return {Path(name).parts[0] for name in archive.getnames()}


if __name__ == "__main__":
    sys.exit(main())
