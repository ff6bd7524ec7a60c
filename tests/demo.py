# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the playbook ``upid.proxmox.demo`` on a simulated cluster that works ten times as fast."""

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.upid.proxmox.tests.simulator_process import (
    end_on_sigterm,
    start_simulator,
)

# There is no inventory, and none is needed.
QUIET = {"ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false"}


def main() -> int:
    """Run the playbook; return its exit code."""
    end_on_sigterm()
    with start_simulator(speed=10, addresses=3) as simulator:
        print(f"A simulated cluster serves at {simulator.url}.\n", flush=True)
        command = ["ansible-playbook", "upid.proxmox.demo", "-e", f"demo_simulator={simulator.url}"]
        environment = {**os.environ, **simulator.environment(), **QUIET}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
