# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-test sanity`` on a copy of the work tree: ``sanity.py [TEST...]``.

The tests of syntax and imports run once for every Python of this machine that ansible-test knows.
antsibull-nox runs them in containers, with ansible-core from GitHub.
"""

from __future__ import annotations

import sys

from ansible_collections.upid.proxmox.tests.tools.isolated import ansible_test
from ansible_collections.upid.proxmox.tests.tools.mirror import mirror


def main(tests: list[str]) -> int:
    """Run the tests named, all without a name; return the exit code."""
    selected = [word for test in tests for word in ("--test", test)]
    mirror("sanity")
    return ansible_test("sanity", *selected)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
