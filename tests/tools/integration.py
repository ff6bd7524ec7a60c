# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the integration targets: ``integration.py [TARGET...]``, all of them without a name.

Every target runs by ``ansible-test integration`` on a simulated cluster of its own, so that no
target depends on another. If ``tests/integration/integration_config.yml`` names a real cluster,
they run on that one instead. antsibull-nox runs targets in containers and starts no cluster.
"""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import IO, Any

import yaml
from ansible_collections.upid.proxmox.tests.simulator_process import (
    Simulator,
    end_on_sigterm,
    start_simulator,
)
from ansible_collections.upid.proxmox.tests.tools.isolated import ansible_test
from ansible_collections.upid.proxmox.tests.tools.mirror import ROOT, mirror
from ansible_collections.upid.proxmox.tests.tools.parts import Run, run_parts

REAL_CLUSTER = ROOT / "tests" / "integration" / "integration_config.yml"


def main(targets: list[str]) -> int:
    """Run the targets; return 1 if one failed, otherwise 0."""
    end_on_sigterm()
    folder = mirror("integration") / "tests" / "integration"
    config = folder / REAL_CLUSTER.name
    if REAL_CLUSTER.exists():
        shutil.copy2(REAL_CLUSTER, config)
        run: Run = on_the_real_cluster
    else:
        run = partial(on_a_simulated_cluster, config)
    return run_parts("integration target", targets or all_targets(folder), run)


def all_targets(folder: Path) -> list[str]:
    """The names of the targets; those with ``setup_`` are parts of others."""
    tasks = folder.glob("targets/*/tasks/main.yml")
    names = (path.parents[1].name for path in tasks)
    return sorted(name for name in names if not name.startswith("setup_"))


def on_the_real_cluster(target: str, output: IO[str] | None) -> int:
    """Run the target with the existing configuration; return the exit code."""
    return ansible_test("integration", target, output=output)


def on_a_simulated_cluster(config: Path, target: str, output: IO[str] | None) -> int:
    """Run the target on a new simulated cluster; return the exit code."""
    template: dict[str, Any] = yaml.safe_load(config.with_suffix(".yml.template").read_text())
    with start_simulator(speed=10, addresses=len(template["nodes"])) as simulator:
        config.write_text(json.dumps({**template, **connection(simulator)}, indent=2))
        return ansible_test("integration", target, output=output)


def connection(simulator: Simulator) -> dict[str, Any]:
    """The variables of the configuration for the simulated cluster."""
    return {
        "upid_proxmox_api_host": simulator.hosts,
        "upid_proxmox_ca_path": str(simulator.ca),
        "simulator_url": simulator.url,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
