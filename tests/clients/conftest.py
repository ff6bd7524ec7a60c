# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters and clients for the tests of other people's clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.upid.proxmox.tests.clients.client import Client, Cluster
from ansible_collections.upid.proxmox.tests.clients.environments import (
    RELEASES,
    Release,
    install,
)
from ansible_collections.upid.proxmox.tests.simulator_process import start_simulator


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """The default world, new for each test, where the work of tasks takes little time."""
    with start_simulator(speed=50) as simulator:
        yield Cluster(simulator)


@pytest.fixture(params=RELEASES, ids=lambda release: release.name)
def client(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Client:
    """Each release of Ansible, where there is a Python for it."""
    release: Release = request.param
    folder = install(release)
    if folder is None:
        pythons = " or ".join(release.pythons)
        pytest.skip(f"{release.name} needs Python {pythons}, which is not installed")
    return Client(release, folder, tmp_path, cluster)
