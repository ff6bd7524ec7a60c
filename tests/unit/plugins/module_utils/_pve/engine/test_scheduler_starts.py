# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts whose answer gets lost, and VMIDs that others take."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.watcher import Watcher
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import now
from ansible_collections.upid.proxmox.tests.unit.scheduled import (
    CLONE,
    LOST,
    NO_WORKER,
    TAKEN,
    Run,
    clone,
    power,
)
from ansible_collections.upid.proxmox.tests.unit.virtual_time import (
    in_virtual_time,
)

# Ambiguous starts.


@pytest.mark.parametrize("hidden", [False, True], ids=["seen", "hidden while it runs"])
def test_a_start_whose_response_is_lost_is_adopted_and_never_repeated(hidden: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        run.api.hides_running = hidden
        run.api.seconds["qmclone"] = 100
        run.api.disturb(CLONE, LOST, after=True)
        result = await run.one(clone())
        assert (result.outcome, result.attempts) == (Outcome.OK, 1)
        assert len(run.api.made(CLONE)) == 1
        assert [str(task.upid) for task in result.tasks] == [str(run.api.cluster.tasks[0].upid)]

    scenario()


@in_virtual_time
async def test_each_lost_answer_finds_its_own_task() -> None:
    run = Run()
    run.api.seconds["qmclone"] = 100
    run.api.disturb(CLONE, LOST, after=True, count=None)
    results = await run(*(clone(vmid) for vmid in range(201, 221)))
    assert {result.outcome for result in results} == {Outcome.OK}
    assert len({str(task.upid) for result in results for task in result.tasks}) == 20
    assert len(run.api.cluster.tasks) == 20
    for result in results:
        task = run.api.cluster.find(str(result.tasks[0].upid))
        assert task is not None
        assert task.log[0].endswith(f"ID {result.job.target.vmid}")


@in_virtual_time
async def test_a_start_that_was_never_carried_out_is_repeated_only_after_a_while() -> None:
    run = Run()
    run.api.disturb(CLONE, LOST)
    result = await run.one(clone())
    assert (result.outcome, result.attempts) == (Outcome.OK, 2)
    first, second = run.api.made(CLONE)
    assert second.at - first.at >= 30


@in_virtual_time
async def test_a_late_start_is_still_found_and_not_repeated() -> None:
    """The daemon was blocked; it carries the call out after it answered others again."""
    run = Run()
    run.api.disturb(CLONE, LOST)

    async def late() -> None:
        await asyncio.sleep(20)
        await run.api._call("POST", ("nodes", "pve1", "qemu", 9000, "clone"), {"newid": 201})

    work = asyncio.ensure_future(late())
    result = await run.one(clone())
    await work
    assert (result.outcome, result.attempts) == (Outcome.OK, 1)
    assert len(run.api.cluster.tasks) == 1


@in_virtual_time
async def test_while_the_daemon_is_blocked_nothing_is_certain() -> None:
    run = Run()
    run.api.disturb(CLONE, LOST)
    run.api.disturb("status/current", NoAnswerError("GET", "596", sent=True), count=20)
    result = await run.one(clone())
    assert result.outcome is Outcome.OK
    _first, second = run.api.made(CLONE)
    answered = run.api.made("status/current")[-1].at
    assert second.at >= answered + 30


@in_virtual_time
async def test_calls_that_are_not_refused_twice_are_never_repeated() -> None:
    run = Run()
    run.api.disturb("POST .*/reboot", LOST)
    result = await run.one(power(run, 300, "reboot"))
    assert (result.outcome, result.attempts) == (Outcome.LOST, 1)
    assert result.changed, "nobody can tell, so it may be another than before"
    assert "check the guest" in (result.message or "")
    assert len(run.api.made("POST .*/reboot")) == 1


@in_virtual_time
async def test_calls_that_could_hit_another_guest_by_then_are_never_repeated() -> None:
    run = Run()
    run.api.disturb("DELETE .*/300", LOST)
    result = await run.one(power(run, 300, "delete"))
    assert (result.outcome, result.attempts) == (Outcome.LOST, 1)


@pytest.mark.parametrize("operation", ["start", "delete"])
def test_a_visible_effect_settles_a_call_without_a_visible_task(operation: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        run.api.disturb("(DELETE|POST) .*/300", LOST)
        job = power(run, 300, operation)

        def effect() -> None:
            if operation == "start":
                run.api.cluster.guests[300].status = "running"
            else:
                run.api.cluster.remove(300)

        asyncio.get_running_loop().call_later(5, effect)
        result = await run.one(job)
        assert (result.outcome, result.attempts, result.changed) == (Outcome.OK, 1, True)

    scenario()


@in_virtual_time
async def test_a_start_whose_effect_is_missing_is_repeated_once() -> None:
    run = Run()
    run.api.disturb("POST .*/start", LOST)
    result = await run.one(power(run, 300))
    assert (result.outcome, result.attempts) == (Outcome.OK, 2)
    assert len(run.api.cluster.tasks) == 1


@in_virtual_time
async def test_a_node_that_stays_silent_after_an_ambiguous_start_makes_it_lost() -> None:
    """For two hours: no pause may grow without end, and nothing is made twice."""
    run = Run()
    run.api.disturb(CLONE, LOST, after=True)
    running = asyncio.ensure_future(run.one(clone()))
    await run.api.until_made(CLONE, 1)
    run.api.disturb("GET /nodes", NoAnswerError("GET", "595 No route", sent=False), count=None)
    result = await running
    assert (result.outcome, result.attempts) == (Outcome.LOST, 1)
    assert "595 No route" in (result.message or "")
    assert now() >= 7200


@in_virtual_time
async def test_a_refused_search_leaves_the_start_lost_not_failed() -> None:
    run = Run()
    run.api.disturb(CLONE, LOST, after=True)
    running = asyncio.ensure_future(run.one(clone()))
    await run.api.until_made(CLONE, 1)
    run.api.disturb("GET", ApiError("GET /x", 401, "authentication failure"), count=None)
    result = await running
    assert (result.outcome, result.attempts) == (Outcome.LOST, 1)
    assert "authentication failure" in (result.message or "")


@in_virtual_time
async def test_a_second_attempt_that_finds_the_vmid_taken_finds_its_own_first_one() -> None:
    run = Run()
    run.api.seconds["qmclone"] = 300
    run.api.disturb(CLONE, LOST)
    api = run.api

    async def very_late() -> None:
        await api.until_made(CLONE, 2)
        late = {"newid": 201, "name": "web201"}
        api._route("POST", ("nodes", "pve1", "qemu", 9000, "clone"), late)

    work = asyncio.ensure_future(very_late())
    api.disturb(CLONE, 1.0, count=2)
    result = await run.one(clone(movable=True))
    await work
    assert (result.outcome, result.job.target.vmid) == (Outcome.OK, 201)
    assert len(api.cluster.tasks) == 1


@in_virtual_time
async def test_a_call_that_never_left_is_sent_again_and_does_not_count() -> None:
    run = Run()
    run.api.disturb(CLONE, NoAnswerError("POST", "595 Connection refused", sent=False), count=2)
    result = await run.one(clone())
    assert (result.outcome, result.attempts) == (Outcome.OK, 1)
    assert len(run.api.cluster.tasks) == 1


@pytest.mark.parametrize("sent", [False, True], ids=["calls never left", "nothing answers"])
def test_a_node_that_is_away_for_some_minutes_costs_no_retry(sent: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run(retries=0)
        away = NoAnswerError("POST", "595 Connection refused", sent=sent)
        run.api.disturb("GET" if sent else CLONE, away, count=None)
        asyncio.get_running_loop().call_later(300, run.api.disturbances.clear)
        result = await run.one(clone())
        assert (result.outcome, result.attempts) == (Outcome.OK, 1)
        assert len(run.api.cluster.tasks) == 1

    scenario()


@in_virtual_time
async def test_a_node_that_stays_down_is_given_up() -> None:
    run = Run(node_timeout=120)
    away = NoAnswerError("POST", "595 Connection refused", sent=False)
    run.api.disturb(CLONE, away, count=None)
    result = await run.one(clone())
    assert (result.outcome, result.attempts, result.changed) == (Outcome.FAILED, 0, False)
    assert "595 Connection refused (for 12" in (result.message or "")
    assert 120 <= now() < 130


@in_virtual_time
async def test_a_call_that_was_carried_out_although_no_host_was_reachable_is_found() -> None:
    """A proxy may say so of a call that it had sent on a connection that then broke."""
    run = Run()
    away = NoAnswerError("POST", "595 Connection refused", sent=False)
    run.api.disturb("POST .*/start", away, after=True)
    result = await run.one(power(run, 300))
    assert result.outcome is Outcome.OK
    assert len(run.api.made("POST .*/start")) == 1
    assert len(run.api.cluster.tasks) == 1


@in_virtual_time
async def test_a_worker_that_was_started_although_the_answer_denies_it_is_found() -> None:
    run = Run()
    run.api.disturb("POST .*/start", ApiError("POST", 500, NO_WORKER), after=True)
    result = await run.one(power(run, 300))
    assert result.outcome is Outcome.OK
    assert len(run.api.made("POST .*/start")) == 1


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
def test_a_response_that_names_no_task_is_investigated(answer: object) -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        run.api.disturb("POST .*/start", Answer(answer), after=True)
        result = await run.one(power(run, 300))
        assert (result.outcome, result.attempts) == (Outcome.OK, 1)
        assert [task.upid for task in result.tasks] == [run.api.cluster.tasks[0].upid]

    scenario()


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
def test_a_call_without_a_task_is_repeated_only_if_its_effect_is_missing(
    carried_out: bool,
) -> None:
    """Sent twice, ``mp0: ceph:8`` creates two volumes."""

    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        job = replace(power(run, 300, "configure", "lxc"), params={"mp0": "ceph:8"})

        async def done(_api: object) -> bool:
            return "mp0" in run.api.cluster.guests[300].config

        run.api.disturb("PUT", LOST, after=carried_out)
        result = await run.one(replace(job, done=done))
        assert result.outcome is Outcome.OK
        assert result.attempts == len(run.api.made("PUT")) == (1 if carried_out else 2)

    scenario()


@in_virtual_time
async def test_a_call_without_a_task_whose_effect_cannot_be_read_is_never_repeated() -> None:
    run = Run()
    run.api.disturb("PUT", LOST)
    job = replace(power(run, 300, "configure", "lxc"), params={"mp0": "ceph:8"}, done=None)
    result = await run.one(job)
    assert (result.outcome, len(run.api.made("PUT"))) == (Outcome.LOST, 1)


@in_virtual_time
async def test_the_task_of_an_earlier_call_is_never_taken_for_a_lost_one() -> None:
    """Two configurations of one guest, one after the other, within a second."""
    run = Run()
    run.api.seconds["qmconfig"] = 0.1
    await run.one(replace(power(run, 300, "configure"), params={"cores": 2}))
    run.watcher = Watcher(run.api, node_timeout=600)
    run.api.disturb("POST .*/config", LOST)
    job = replace(power(run, 300, "configure"), params={"memory": 4096}, done=None)
    result = await run.one(job)
    assert run.api.cluster.guests[300].config.get("memory") is None
    assert (result.outcome, result.tasks) == (Outcome.LOST, ())


@pytest.mark.parametrize("refusal", ["VM 300 already running", "CT 300 already running"])
def test_already_running_after_a_lost_answer_is_that_answer(refusal: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run()

        async def done(_api: object) -> bool:
            return False

        run.api.disturb("POST .*/start", LOST)
        run.api.disturb("POST .*/start", ApiError("POST", 500, refusal))
        result = await run.one(replace(power(run, 300), done=done))
        assert (result.outcome, result.changed) == (Outcome.OK, True)
        assert "already running" in (result.message or "")

    scenario()


@in_virtual_time
async def test_already_running_without_a_call_of_ours_is_a_refusal() -> None:
    run = Run()
    run.api.disturb("POST .*/start", ApiError("POST", 500, "CT 300 already running"))
    result = await run.one(power(run, 300, guest_type="lxc"))
    assert (result.outcome, result.changed) == (Outcome.FAILED, False)


# A VMID that somebody else takes.


@pytest.mark.parametrize("how", ["refused", "in the task"])
def test_a_vmid_that_was_taken_is_replaced_if_the_choice_was_ours(how: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run(retries=0)
        if how == "refused":
            run.api.cluster.add(201, name="theirs")
        else:
            run.api.ends["qmclone"] = [TAKEN]
        result = await run.one(clone(movable=True))
        assert result.outcome is Outcome.OK
        assert result.job.target.vmid != 201
        assert run.api.cluster.guests[result.job.target.vmid].name == "web201"

    scenario()


@pytest.mark.parametrize("how", ["refused", "in the task"])
def test_a_vmid_that_the_user_chose_is_never_replaced(how: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        run.api.cluster.add(201, name="theirs")
        if how == "in the task":
            task = run.api.cluster.start("pve1", "qmclone", 9000, 5, exitstatus=TAKEN)
            run.api.disturb(CLONE, Answer(str(task.upid)))
        result = await run.one(clone())
        assert (result.outcome, result.attempts, result.changed) == (Outcome.FAILED, 1, False)
        assert run.api.cluster.guests[201].name == "theirs"

    scenario()


@pytest.mark.parametrize("how", ["refused", "in the task"])
def test_an_existing_file_says_nothing_about_the_vmid_of_a_job_that_creates_nothing(
    how: str,
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        job = power(run, 101)
        if how == "refused":
            run.api.disturb("POST .*start", ApiError("POST start", 500, TAKEN))
        else:
            run.api.ends["qmstart"] = ["start failed: RTNETLINK answers: File exists"]
        result = await run.one(job)
        assert (result.outcome, result.changed) == (Outcome.FAILED, False)
        assert "File exists" in str(result.message or result.tasks[-1].exitstatus)

    scenario()


@pytest.mark.parametrize("movable", [True, False])
def test_what_an_earlier_run_has_begun_is_adopted_and_not_created_twice(movable: bool) -> None:
    """Its call waited in a blocked daemon, and was carried out after this run had looked."""

    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        run.api.seconds["qmclone"] = 60
        path = ("nodes", "pve1", "qemu", 9000, "clone")
        await run.api.post(path, {"newid": 201, "name": "web201"})
        result = await run.one(clone(movable=movable))
        assert (result.outcome, result.job.target.vmid, result.found) == (Outcome.OK, 201, True)
        assert len(run.api.cluster.tasks) == 1

    scenario()


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "being created"])
def test_a_vmid_that_another_name_has_is_left_alone(whole: bool) -> None:
    @in_virtual_time
    async def scenario() -> None:
        run = Run()
        run.api.seconds["qmclone"] = 60
        path = ("nodes", "pve1", "qemu", 9000, "clone")
        await run.api.post(path, {"newid": 201, "name": "theirs"})
        if whole:
            await asyncio.sleep(100)
        result = await run.one(clone(movable=True))
        assert result.outcome is Outcome.OK
        assert result.job.target.vmid != 201
        names = [guest.name for guest in run.api.cluster.guests.values()]
        assert sorted(map(str, names)) == ["theirs", "tpl", "web201"]

    scenario()


@in_virtual_time
async def test_a_guest_with_the_requested_name_that_is_complete_by_now_is_no_failure() -> None:
    run = Run()
    run.api.cluster.add(201, name="web201")
    result = await run.one(clone(movable=True))
    assert (result.outcome, result.changed) == (Outcome.UNCHANGED, False)
    assert result.job.target.vmid == 201


@in_virtual_time
async def test_many_that_lose_their_vmids_get_different_ones() -> None:
    run = Run()
    for vmid in range(201, 211):
        run.api.cluster.add(vmid, name=f"theirs{vmid}")
    results = await run(*(clone(vmid, movable=True) for vmid in range(201, 211)))
    assert {result.outcome for result in results} == {Outcome.OK}
    assert len({result.job.target.vmid for result in results}) == 10
