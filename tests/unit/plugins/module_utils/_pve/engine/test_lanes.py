# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.lanes import Lanes
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.lane import Lane
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time, run_virtually
from hypothesis import given
from hypothesis import strategies as st

NAMES = ("all", "node pve1", "node pve2", "source 100", "source 101", "storage ceph")
Work = tuple[tuple[Lane, ...], int, int]


class Watchman:
    """Runs jobs and checks at every start and end what the lanes promise."""

    def __init__(self, limits: dict[str, int]) -> None:
        self.limits = limits
        self.lanes = Lanes(limits)
        self.running: list[tuple[Lane, ...]] = []
        self.waiting: list[tuple[Lane, ...]] = []
        self.done = 0

    def fits(self, wanted: tuple[Lane, ...]) -> bool:
        """Whether a job with these lanes could run beside those that do."""
        held = [lane for lanes in self.running for lane in lanes]
        used = Counter(lane.name for lane in held)
        closed = {lane.name for lane in held if lane.exclusive}
        return all(
            lane.name not in closed
            and not (lane.exclusive and used[lane.name])
            and (not self.limits.get(lane.name) or used[lane.name] < self.limits[lane.name])
            for lane in wanted
        )

    async def job(self, wanted: tuple[Lane, ...], delay: float, seconds: float) -> None:
        """Come after a while, work for a while."""
        await asyncio.sleep(delay)
        self.waiting.append(wanted)
        async with self.lanes.hold(wanted):
            self.waiting.remove(wanted)
            assert self.fits(wanted), "a lane is used by more than it allows"
            self.running.append(wanted)
            await asyncio.sleep(seconds)
            self.running.remove(wanted)
        self.done += 1

    async def look(self, seconds: int) -> None:
        """Between any two starts or ends: nobody waits who could run."""
        await asyncio.sleep(0.5)
        for _unused in range(seconds):
            assert not [wanted for wanted in self.waiting if self.fits(wanted)]
            await asyncio.sleep(1)


LANES = st.dictionaries(st.sampled_from(NAMES), st.booleans(), min_size=1, max_size=4).map(
    lambda chosen: tuple(Lane(name, exclusive) for name, exclusive in chosen.items())
)
JOBS = st.lists(st.tuples(LANES, st.integers(0, 5), st.integers(1, 5)), max_size=15)


@given(JOBS, st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3)))
def test_no_lane_is_exceeded_and_no_job_waits_without_need(
    jobs: Sequence[Work], limits: dict[str, int]
) -> None:
    async def scenario() -> None:
        watchman = Watchman(limits)
        await asyncio.gather(*(watchman.job(*job) for job in jobs), watchman.look(81))
        assert watchman.done == len(jobs)

    run_virtually(scenario())


@given(JOBS, st.lists(st.integers(0, 14), max_size=10))
def test_a_cancelled_wait_blocks_no_other(jobs: Sequence[Work], leavers: Sequence[int]) -> None:
    async def scenario() -> None:
        watchman = Watchman({"all": 2})
        tasks = [asyncio.ensure_future(watchman.job(*job)) for job in jobs]
        await asyncio.sleep(2.5)
        for index in leavers:
            if index < len(tasks):
                tasks[index].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        began = now()
        assert await hold(watchman.lanes, 0, *NAMES, exclusive=True) == began, "all is free again"

    run_virtually(scenario())


async def hold(lanes: Lanes, seconds: float, *names: str, exclusive: bool = False) -> float:
    """When the lanes were got."""
    async with lanes.hold([Lane(name, exclusive) for name in names]):
        got = now()
        await asyncio.sleep(seconds)
    return got


@in_virtual_time
async def test_a_job_whose_lane_is_taken_keeps_no_other_from_starting() -> None:
    lanes = Lanes({"all": 2})
    got = await asyncio.gather(
        hold(lanes, 10, "all", "source lxc", exclusive=False),
        hold(lanes, 10, "source lxc", exclusive=True),
        hold(lanes, 10, "all", "source other"),
    )
    assert list(got) == [0, 10, 0]


@in_virtual_time
async def test_jobs_start_in_their_order() -> None:
    lanes = Lanes({"all": 1})
    got = await asyncio.gather(*(hold(lanes, 1, "all") for _unused in range(5)))
    assert got == [0, 1, 2, 3, 4]


@in_virtual_time
async def test_what_runs_already_counts_whatever_the_limits_say() -> None:
    lanes = Lanes({"all": 1})
    with lanes.occupy([Lane("all")]), lanes.occupy([Lane("all")]):
        waiting = asyncio.ensure_future(hold(lanes, 1, "all"))
        await asyncio.sleep(5)
        assert not waiting.done()
    assert await waiting == 5


@in_virtual_time
async def test_a_lane_under_pressure_halves_and_grows_with_success() -> None:
    lanes = Lanes({})
    wanted = [Lane("storage ceph")]

    async def side_by_side() -> int:
        """How many of 20 got the lane at once."""
        jobs = [asyncio.ensure_future(hold(lanes, 1, "storage ceph")) for _unused in range(20)]
        await asyncio.sleep(0.5)
        began = now() - 0.5
        return Counter(await asyncio.gather(*jobs))[began]

    assert await side_by_side() == 20
    with lanes.occupy(wanted * 8):
        assert lanes.narrow("storage ceph")
    assert await side_by_side() == 4
    assert lanes.narrow("storage ceph")
    assert lanes.narrow("storage ceph")
    assert not lanes.narrow("storage ceph"), "one at a time is as narrow as can be"
    assert await side_by_side() == 1
    lanes.widen("storage ceph")
    assert await side_by_side() == 2
    lanes.widen("storage ceph")
    assert await side_by_side() == 2
    lanes.widen("storage ceph")
    assert await side_by_side() == 3


@in_virtual_time
async def test_a_lane_does_not_grow_beyond_the_limit_of_the_user() -> None:
    lanes = Lanes({"storage ceph": 2})
    assert lanes.narrow("storage ceph")
    for _unused in range(50):
        lanes.widen("storage ceph")
    got = await asyncio.gather(*(hold(lanes, 1, "storage ceph") for _unused in range(3)))
    assert got == [0, 0, 1]


@in_virtual_time
async def test_a_lane_that_grows_lets_the_waiting_in_at_once() -> None:
    lanes = Lanes({"storage ceph": 2})
    lanes.narrow("storage ceph")
    jobs = asyncio.gather(*(hold(lanes, 10, "storage ceph") for _unused in range(2)))
    await asyncio.sleep(3)
    lanes.widen("storage ceph")
    assert await jobs == [0, 3]


def test_success_on_a_lane_that_was_never_narrowed_changes_nothing() -> None:
    Lanes({}).widen("storage ceph")


@pytest.mark.parametrize("exclusive", [True, False])
def test_an_error_inside_frees_the_lane(exclusive: bool) -> None:
    async def scenario() -> None:
        lanes = Lanes({"x": 1})
        with pytest.raises(RuntimeError):
            async with lanes.hold([Lane("x", exclusive)]):
                raise RuntimeError
        assert await hold(lanes, 0, "x", exclusive=True) == 0

    run_virtually(scenario())


@in_virtual_time
async def test_two_jobs_for_the_same_guest_never_run_side_by_side() -> None:
    """The first one came while nobody else wanted its guest."""
    lanes = Lanes({"all": 1})
    got = await asyncio.gather(
        hold(lanes, 5, "all"),
        hold(lanes, 5, "all", "vmid 300", exclusive=True),
        hold(lanes, 10, "vmid 300", exclusive=True),
    )
    assert list(got) == [0, 10, 0]


@pytest.mark.parametrize("jobs", [100, 1000])
def test_the_work_for_each_job_does_not_grow_with_the_number_of_jobs(
    jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    free = Lanes._free

    def counted(self: Lanes, lanes: tuple[Lane, ...]) -> bool:
        nonlocal looks
        looks += 1
        return free(self, lanes)

    monkeypatch.setattr(Lanes, "_free", counted)

    async def job(lanes: Lanes, number: int) -> None:
        own = Lane(f"vmid {number}", exclusive=True)
        async with lanes.hold([Lane("all"), Lane(f"node pve{number % 4}"), own]):
            await asyncio.sleep(1)

    async def scenario() -> None:
        lanes = Lanes({"all": 16, **{f"node pve{number}": 8 for number in range(4)}})
        await asyncio.gather(*(job(lanes, number) for number in range(jobs)))

    run_virtually(scenario())
    assert looks <= 20 * jobs
