# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Context
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.machine import engine
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.guest import guest_job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.job import Job
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.run_command import params_of
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


def context(api: FakeApi, **options: object) -> Context:
    return Context(api, params_of("operation", {"operation": "start", "guests": [], **options}))


def starts(api: FakeApi, count: int, nodes: int = 1) -> list[Job]:
    """Starts of so many VMs on so many nodes."""
    jobs = []
    for index in range(count):
        node = f"pve{1 + index % nodes}"
        api.cluster.add(300 + index, node=node, name=f"app{index}")
        guest = Guest(300 + index, "qemu", node, f"app{index}", "stopped")
        jobs.append(guest_job(OPERATIONS["start"], guest, {}, None))
    return jobs


async def work(api: FakeApi, jobs: list[Job], **options: object) -> None:
    async with engine(context(api, **options)) as machine:
        results = await machine.run(jobs)
    assert {result.outcome for result in results} == {Outcome.OK}


@in_virtual_time
async def test_the_user_s_limits_hold() -> None:
    api = FakeApi()
    began = now()
    await work(api, starts(api, 12, nodes=3), parallel=3)
    assert now() - began >= 4 * 5
    api = FakeApi()
    began = now()
    await work(api, starts(api, 12, nodes=3), parallel_per_node=2)
    assert 2 * 5 <= now() - began < 3 * 5


@in_virtual_time
async def test_a_limit_of_0_is_none() -> None:
    api = FakeApi()
    began = now()
    await work(api, starts(api, 100), parallel=0, parallel_per_node=0)
    assert now() - began < 2 * 5


@in_virtual_time
async def test_jobs_that_others_depend_on_are_waited_for_in_any_case() -> None:
    api = FakeApi()
    async with engine(context(api, wait=False)) as machine:
        [started] = await machine.run(starts(api, 1))
        [ended] = await machine.run(starts(api, 1), to_the_end=True)
    assert (started.outcome, ended.outcome) == (Outcome.RUNNING, Outcome.OK)


@in_virtual_time
async def test_no_jobs_are_no_work() -> None:
    api = FakeApi()
    async with engine(context(api)) as machine:
        assert await machine.run([]) == []
    assert not api.calls
