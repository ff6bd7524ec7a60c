# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ideal is what no client can beat."""

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.tests.benchmarks.ideal import Stage, chained, makespan
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


@given(DURATIONS, st.integers(1, 40))
def test_chains_of_one_stage_are_jobs(durations: list[float], places: int) -> None:
    chains = [[Stage(seconds, ("all",))] for seconds in durations]
    assert chained(chains, {"all": places}) == pytest.approx(makespan(durations, places))


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [({}, 5), ({"all": 2}, 5), ({"all": 1}, 7), ({"source": 1}, 5), ({"source": 1, "all": 1}, 7)],
)
def test_a_stage_follows_the_one_before_it_and_waits_for_no_other(
    limits: dict[str, int], seconds: float
) -> None:
    long = [Stage(1, ("all", "source")), Stage(4, ("all",))]
    short = [Stage(1, ("all", "source")), Stage(1, ("all",)), Stage(0)]
    assert chained([long, short, []], limits) == seconds


LANES = st.sets(st.sampled_from("abc")).map(lambda names: tuple(sorted(names)))
CHAINS = st.lists(st.lists(st.builds(Stage, st.floats(0.5, 9), LANES), max_size=4), max_size=12)


@given(CHAINS, st.dictionaries(st.sampled_from("abc"), st.integers(1, 5)))
def test_chains_take_as_long_as_their_longest_and_their_fullest_lane(
    chains: list[list[Stage]], limits: dict[str, int]
) -> None:
    stages = [stage for chain in chains for stage in chain]
    longest = [sum(stage.seconds for stage in chain) for chain in chains]
    fullest = [
        sum(stage.seconds for stage in stages if lane in stage.lanes) / limit
        for lane, limit in limits.items()
    ]
    whole = chained(chains, limits)
    assert max(*longest, *fullest, 0, 0) <= whole + 1e-9
    assert whole <= sum(stage.seconds for stage in stages) + 1e-9
