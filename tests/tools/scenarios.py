# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run molecule scenarios: ``scenarios.py [SCENARIO...]``, all of them without a name.

Every scenario runs on a simulated cluster of its own, so that no scenario depends on another.
Neither nox nor antsibull-nox knows molecule.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO

from ansible_collections.upid.proxmox.tests.simulator_process import (
    end_on_sigterm,
    start_simulator,
)
from ansible_collections.upid.proxmox.tests.tools.mirror import ROOT
from ansible_collections.upid.proxmox.tests.tools.parts import run_parts

SCENARIOS = ROOT / "extensions" / "molecule"


def main(scenarios: list[str]) -> int:
    """Run the scenarios; return 1 if one failed, else 0."""
    end_on_sigterm()
    return run_parts("molecule scenario", scenarios or all_scenarios(), run)


def all_scenarios() -> list[str]:
    """The names of the scenarios."""
    return sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml"))


def run(scenario: str, output: IO[str] | None) -> int:
    """Run one scenario on a new simulated cluster, all its steps; return molecule's exit code."""
    command = ["molecule", "--base-config", str(SCENARIOS / "config.yml")]
    command += ["test", "--no-command-borders", "--scenario-name", scenario]
    with start_simulator(speed=10) as simulator:
        environment = {**os.environ, **simulator.environment()}
        environment["MOLECULE_GLOB"] = str(SCENARIOS / "*" / "molecule.yml")
        return subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
