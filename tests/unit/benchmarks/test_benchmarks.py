# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every part of the benchmark gives its figures; how good they are is not tested here."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.benchmarks.__main__ import PARTS, main

COSTS = {"wall_s", "requests", "connections", "cpu_s", "rss_mb"}

# The first part may have to install Ansible.
pytestmark = pytest.mark.timeout(300)


@cache
def measured(part: str) -> tuple[Mapping[str, Any], str]:
    """The figures of one part, with tiny numbers, and the table of them; each is run once."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(printed):
        file = Path(folder, "build", "bench.json")
        assert main([part, "--quick", "--output", str(file)]) == 0
        figures: Mapping[str, Any] = json.loads(file.read_text())[part]
    return figures, printed.getvalue()


def clients(figures: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The costs of each client, wherever they stand."""
    if figures.keys() >= COSTS:
        yield figures
    for value in figures.values():
        if isinstance(value, dict):
            yield from clients(value)


@pytest.mark.parametrize("part", PARTS)
def test_each_client_has_costs_and_the_table_tells_them(part: str) -> None:
    figures, table = measured(part)
    found = list(clients(figures))
    assert len(found) >= 2
    for costs in found:
        assert all(costs[name] > 0 for name in COSTS)
        assert costs.get("failed", 0) == 0
        assert f"{costs['wall_s']:>13}{costs['requests']:>13}" in table


def test_the_ways_of_bulk_make_the_same_guests_beside_an_ideal() -> None:
    figures, _table = measured("bulk")
    for way in ("ours", "loop", "async"):
        assert figures[way]["guests"] == figures["jobs"]
        assert figures[way]["wall_s"] > figures["ideal_s"]


def test_the_ways_of_the_pipeline_end_with_the_same_guests_and_a_rerun_changes_nothing() -> None:
    figures, _table = measured("pipeline")
    for way in ("ours", "phases", "loop", "async"):
        assert figures[way]["failed"] == 0
        assert figures[way]["wall_s"] > figures["critical_s"]
    assert (figures["rerun"]["failed"], figures["rerun"]["tasks"]) == (0, 0)
    assert 0 < figures["rerun"]["requests_per_node"] * 3 < figures["rerun"]["requests"]


def test_ends_are_seen_after_they_happened_and_a_round_is_one_request_per_node() -> None:
    figures, _table = measured("wait")
    for number, costs in figures["tasks"].items():
        assert costs["ours"]["requests_per_round"] == min(int(number), 3)
    for lateness in figures["delays"].values():
        assert 0 < lateness["ours"]["median_s"] <= lateness["ours"]["p95_s"]


def test_a_part_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "there is no part nothing" in capsys.readouterr().err
