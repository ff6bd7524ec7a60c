# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that name no task, of calls that start one and of calls that start none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.tests.unit.scheduled import LOST, Run, power
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

FOREIGN = "UPID:pve1:000934AF:0D015579:68BF3A41:{}:{}:root@pam!ansible:"


@pytest.mark.parametrize(
    "answer",
    [
        "OK",
        {"upid": "x"},
        "UPID:pbs:x",
        5,
        None,
        FOREIGN.format("qmstop", 300),
        FOREIGN.format("qmstart", 301),
        FOREIGN.format("qmstart", 300).replace("pve1", "pve2"),
    ],
)
@in_virtual_time
async def test_a_response_that_names_no_task_is_investigated(answer: object) -> None:
    run = Run()
    run.api.disturb("POST .*/start", Answer(answer), after=True)
    result = await run.one(power(run, 300))
    assert (result.outcome, result.attempts) == (Outcome.OK, 1)
    assert [task.upid for task in result.tasks] == [run.api.cluster.tasks[0].upid]


@in_virtual_time
async def test_a_call_that_hides_its_task_is_followed_by_the_task_list() -> None:
    run = Run()
    result = await run.one(power(run, 300, "template", "lxc"))
    assert (result.outcome, result.attempts) == (Outcome.OK, 1)
    assert result.task is not None
    assert result.task.upid.type == "vztemplate"


@in_virtual_time
async def test_a_call_without_a_task_is_done_with_its_answer() -> None:
    run = Run()
    job = replace(power(run, 300, "configure", "lxc"), params={"cores": 2})
    result = await run.one(job)
    assert (result.outcome, result.tasks, result.changed) == (Outcome.OK, (), True)


@pytest.mark.parametrize("carried_out", [True, False])
@in_virtual_time
async def test_a_call_without_a_task_is_repeated_only_if_its_effect_is_missing(
    carried_out: bool,
) -> None:
    """Sent twice, ``mp0: ceph:8`` creates two volumes."""
    run = Run()
    job = replace(power(run, 300, "configure", "lxc"), params={"mp0": "ceph:8"})

    async def done(_api: object) -> bool:
        return "mp0" in run.api.cluster.guests[300].config

    run.api.disturb("PUT", LOST, after=carried_out)
    result = await run.one(replace(job, done=done))
    assert result.outcome is Outcome.OK
    assert result.attempts == len(run.api.made("PUT")) == (1 if carried_out else 2)


@in_virtual_time
async def test_a_call_without_a_task_whose_effect_cannot_be_read_is_never_repeated() -> None:
    run = Run()
    run.api.disturb("PUT", LOST)
    job = replace(power(run, 300, "configure", "lxc"), params={"mp0": "ceph:8"}, done=None)
    result = await run.one(job)
    assert (result.outcome, len(run.api.made("PUT"))) == (Outcome.LOST, 1)
