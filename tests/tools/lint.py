# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-lint`` on a copy of the work tree, where it finds the collection by its name.

antsibull-nox does the same in an environment of its own, with whatever release is the newest.
"""

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.upid.proxmox.tests.tools.mirror import mirror


def main() -> int:
    """Run ansible-lint; return its exit code."""
    collection = mirror("ansible-lint")
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collection.parents[2])}
    return subprocess.run(["ansible-lint"], cwd=collection, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
