# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any chains: they keep to the limits and to their order, and all end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.chains import (
    Chain,
    ChainResult,
    ChainStep,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job, Unneeded
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.lane import Lane
from ansible_collections.upid.proxmox.tests.unit.scheduled import Run, job_of, step_outcomes
from ansible_collections.upid.proxmox.tests.unit.virtual_time import run_virtually
from hypothesis import given
from hypothesis import strategies as st

TYPES = {"configure": "qmconfig", "resize": "resize", "start": "qmstart"}


LANES = ("all", "node pve1", "storage ceph")


# What each step does, how long, how it ends.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("configure", "resize", "start", "nothing")),
        st.integers(0, 9),
        st.sampled_from(("OK", "OK", "OK", "WARNINGS: 1", "no space")),
        st.sets(st.sampled_from(LANES)),
    ),
    min_size=1,
    max_size=4,
)


@given(
    st.lists(STEPS, min_size=1, max_size=8),
    st.dictionaries(st.sampled_from(LANES), st.integers(1, 3)),
)
def test_any_chains_keep_to_the_limits_and_to_their_order_and_all_end(
    drawn: Sequence[Sequence[tuple[str, int, str, set[str]]]], limits: dict[str, int]
) -> None:
    run_virtually(check_any_chains(drawn, limits))


async def check_any_chains(
    drawn: Sequence[Sequence[tuple[str, int, str, set[str]]]], limits: Mapping[str, int]
) -> None:
    run = Run(limits)
    chains = []
    used: dict[tuple[str, str], tuple[str, ...]] = {}
    for vmid, steps in enumerate(drawn, 300):
        run.api.cluster.add(vmid, name=f"app{vmid}", scsi0="ceph:vm-disk,size=4G")
        target = Guest(vmid, "qemu", "pve1", f"app{vmid}")
        made = []
        for index, (operation, seconds, end, lanes) in enumerate(steps):
            made.append(any_step(run, index, operation, seconds, end, tuple(sorted(lanes))))
            if operation != "nothing":
                key = (TYPES[operation], str(vmid))
                used[key] = tuple({*used.get(key, lanes)} & lanes)
        chains.append(Chain(target, tuple(made)))
    guard = asyncio.ensure_future(watch_limits(run, used, limits))
    results = await run.chains(*chains)
    guard.cancel()
    [seen] = await asyncio.gather(guard, return_exceptions=True)
    assert isinstance(seen, asyncio.CancelledError), seen
    for result, steps in zip(results, drawn, strict=True):
        expected = expected_steps(steps)
        assert step_outcomes(result) == expected
        assert len(result.missing) == len(steps) - len(expected)
        started = [
            task for task in run.api.cluster.tasks if task.upid.id == str(result.target.vmid)
        ]
        assert [str(task.upid) for task in result.tasks] == [str(task.upid) for task in started]
        ends = [task.end for task in started]
        begins = [task.upid.starttime for task in started]
        assert all(end is not None for end in ends)
        assert begins == sorted(begins), "the steps of a guest follow each other"


def any_step(
    run: Run, index: int, operation: str, seconds: int, end: str, lanes: tuple[str, ...]
) -> ChainStep:
    name = f"{index} {operation}"

    async def prepare(before: ChainResult) -> Job:
        target = before.target
        if operation == "nothing":
            await asyncio.sleep(seconds)
            raise Unneeded("nothing to do")
        key = f"{TYPES[operation]} {target.vmid}"
        run.api.seconds[key], run.api.ends[key] = seconds, [end]
        job = job_of(target, operation)
        own = Lane(f"vmid {target.vmid}", exclusive=True)
        return replace(job, lanes=(own, *(Lane(lane) for lane in lanes)))

    return ChainStep(name, prepare=prepare)


def expected_steps(steps: Sequence[tuple[str, int, str, Any]]) -> list[tuple[str, str]]:
    expected = []
    for index, (operation, _seconds, end, _lanes) in enumerate(steps):
        outcome = {"OK": "ok", "WARNINGS: 1": "warnings", "no space": "failed"}[end]
        expected.append(
            (f"{index} {operation}", "unchanged" if operation == "nothing" else outcome)
        )
        if operation != "nothing" and outcome == "failed":
            break
    return expected


async def watch_limits(
    run: Run, used: Mapping[tuple[str, str], tuple[str, ...]], limits: Mapping[str, int]
) -> None:
    """Fail when more tasks run on a lane than its limit allows."""
    while True:
        await asyncio.sleep(0.25)
        running = [task.upid for task in run.api.cluster.tasks if task.running]
        for name, limit in limits.items():
            there = [upid for upid in running if name in used.get((upid.type, upid.id), ())]
            assert len(there) <= limit, f"{name}: {there}"
        assert len({upid.id for upid in running}) == len(running), "two tasks of one guest"
