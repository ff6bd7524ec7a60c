# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the integration targets: ``integration.py [TARGET...]``, all of them without a name.

Every target runs by ``ansible-test integration`` on a simulated cluster of its own, so that no
target depends on another. If ``tests/integration/integration_config.yml`` names a real cluster,
they run on that one instead.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.upid.proxmox.tests.simulator_process import (
    Simulator,
    end_on_sigterm,
    start_simulator,
)
from ansible_collections.upid.proxmox.tests.tools.isolated import ansible_test
from ansible_collections.upid.proxmox.tests.tools.mirror import ROOT, mirror

REAL_CLUSTER = ROOT / "tests" / "integration" / "integration_config.yml"


def main(targets: list[str]) -> int:
    """Run the targets; return 1 if one failed, else 0."""
    end_on_sigterm()
    folder = mirror("integration") / "tests" / "integration"
    targets = targets or all_targets(folder)
    if not targets:
        print("There is no integration target.")
        return 0
    config = folder / REAL_CLUSTER.name
    run = on_real_cluster if REAL_CLUSTER.exists() else on_simulated_clusters
    failed = run(targets, config)
    print(f"{len(targets)} integration targets, failed: {', '.join(failed) or 'none'}", flush=True)
    return 1 if failed else 0


def all_targets(folder: Path) -> list[str]:
    """The names of the targets; what begins with ``setup_`` is a part of others."""
    tasks = folder.glob("targets/*/tasks/main.yml")
    names = (path.parents[1].name for path in tasks)
    return sorted(name for name in names if not name.startswith("setup_"))


def on_real_cluster(targets: list[str], config: Path) -> list[str]:
    """Run the targets on the cluster of the developer's own configuration; return what failed."""
    shutil.copy2(REAL_CLUSTER, config)
    return [target for target in targets if ansible_test("integration", target) != 0]


def on_simulated_clusters(targets: list[str], config: Path) -> list[str]:
    """Run each target on a new simulated cluster; return what failed."""
    template: dict[str, Any] = yaml.safe_load(config.with_suffix(".yml.template").read_text())
    failed = []
    for target in targets:
        with start_simulator(speed=10, addresses=len(template["nodes"])) as simulator:
            config.write_text(json.dumps({**template, **connection(simulator)}, indent=2))
            if ansible_test("integration", target) != 0:
                failed.append(target)
    return failed


def connection(simulator: Simulator) -> dict[str, Any]:
    """The variables of the configuration that say where the simulated cluster is."""
    return {
        "upid_proxmox_api_host": simulator.hosts,
        "upid_proxmox_ca_path": str(simulator.ca),
        "simulator_url": simulator.url,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
