# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ideal is what no client can beat."""

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.tests.benchmarks.ideal import makespan
from hypothesis import given
from hypothesis import strategies as st

DURATIONS = st.lists(st.floats(0.5, 9), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("durations", "places", "seconds"),
    [([], 2, 0), ([3], 2, 3), ([1, 2, 3], 1, 6), ([4, 1, 1, 1], 2, 4), ([1, 1, 1, 4], 2, 5)],
)
def test_a_job_starts_as_soon_as_there_is_a_place(
    durations: list[float], places: int, seconds: float
) -> None:
    assert makespan(durations, places) == seconds


@given(DURATIONS, st.integers(1, 40))
def test_it_is_between_the_bounds_of_every_schedule(durations: list[float], places: int) -> None:
    least = max(*durations, sum(durations) / places, 0)
    assert least <= makespan(durations, places) + 1e-9
    assert makespan(durations, places) <= sum(durations) / places + max(durations) + 1e-9
