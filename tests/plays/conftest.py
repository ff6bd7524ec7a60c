# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters, and the releases of ansible-core that plays run on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.upid.proxmox.tests.clients.client import Cluster
from ansible_collections.upid.proxmox.tests.clients.environments import (
    CORES,
    Environment,
    install,
)
from ansible_collections.upid.proxmox.tests.plays.releases import Ansible
from ansible_collections.upid.proxmox.tests.simulator_process import start_simulator


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """The default world, new for each test, where the work of tasks takes little time."""
    with start_simulator(speed=100, addresses=3) as simulator:
        yield Cluster(simulator)


@pytest.fixture
def ansible(cluster: Cluster, tmp_path: Path) -> Ansible:
    """The ansible-core of the environment that runs the tests."""
    return Ansible(Path(sys.prefix), tmp_path, cluster)


@pytest.fixture(params=CORES, ids=lambda core: core.name)
def any_ansible(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Ansible:
    """Each release of ansible-core, where there is a Python for it."""
    return _ansible_of(request.param, cluster, tmp_path)


@pytest.fixture(params=(CORES[0], CORES[-1]), ids=lambda core: core.name)
def edge_ansible(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Ansible:
    """The oldest and the newest release of ansible-core, where there is a Python for them."""
    return _ansible_of(request.param, cluster, tmp_path)


def _ansible_of(core: Environment, cluster: Cluster, home: Path) -> Ansible:
    folder = install(core)
    if folder is None:
        pythons = " or ".join(core.pythons)
        pytest.skip(f"{core.name} needs Python {pythons}, which is not installed")
    return Ansible(folder, home, cluster)
