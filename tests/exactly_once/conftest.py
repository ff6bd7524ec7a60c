# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many seeds run: a short selection, or all with ``--all``."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run every seed, not only a few")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked ``seeds(many, few)`` runs with ``seed`` from 1 to one of them."""
    marker = metafunc.definition.get_closest_marker("seeds")
    if marker is not None:
        many, few = marker.args
        most = many if metafunc.config.getoption("--all") else few
        metafunc.parametrize("seed", range(1, most + 1))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "seeds(many, few): seeds with --all, and without")
