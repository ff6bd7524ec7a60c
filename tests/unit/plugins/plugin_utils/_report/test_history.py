# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.history import TaskQuery
from ansible_collections.upid.proxmox.plugins.plugin_utils._report.history import (
    epoch,
    matching,
    merge,
    read_lines,
    write_lines,
    younger_than,
)
from ansible_collections.upid.proxmox.tests.unit.reported import (
    HOSTILE,
    NEW_YEAR,
    backup,
    failed,
    running,
    task,
)

DAY = 86400


def test_what_is_written_is_read_again() -> None:
    tasks = [task(1), running(2), failed(3, HOSTILE.replace("\x1b", "e"), log=("a", "b"))]
    known = merge({}, tasks)
    again, broken = read_lines(write_lines(known))
    assert broken == 0
    assert set(again) == set(known)
    assert again[tasks[0]["upid"]] == tasks[0]
    assert again[tasks[2]["upid"]]["log"] == ["a", "b"]


def test_the_same_tasks_are_the_same_bytes_in_whatever_order_they_came() -> None:
    tasks = [task(number, started=NEW_YEAR + number % 3) for number in range(9)]
    assert write_lines(merge({}, tasks)) == write_lines(merge({}, reversed(tasks)))


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"upid": "no"}',
        json.dumps({**task(), "outcome": "fine"}).encode(),
        json.dumps({**task(), "ended": "yesterday"}).encode(),
        json.dumps({**task(), "upid": 7}).encode(),
        json.dumps(task()).encode()[:-20],
        b"[" * 100_000,
    ],
)
def test_a_broken_line_is_counted_and_the_others_are_kept(line: bytes) -> None:
    good = write_lines(merge({}, [task(1), task(2)]))
    for data in (line + b"\n" + good, good + line):
        tasks, broken = read_lines(data)
        assert (len(tasks), broken) == (2, 1)


def test_what_a_line_says_beside_its_upid_cannot_contradict_it() -> None:
    line = json.dumps({**task(), "node": "other", "title": HOSTILE, "more": 1}).encode()
    [read] = list(read_lines(line)[0].values())
    assert read == task()


def test_the_guests_of_a_backup_job_are_remembered() -> None:
    job = {**failed(1, kind="vzdump", vmid=""), "errors": ["ERROR: x"], "log_complete": True}
    job["guests"] = [backup(101), backup(102, "failed", "ERROR: x")]
    assert list(read_lines(write_lines(merge({}, [job])))[0].values()) == [job]
    jobs = [job, task(2)]
    assert matching(jobs, TaskQuery(vmid=102), (), NEW_YEAR) == [job]
    assert matching(jobs, TaskQuery(vmid=103), (), NEW_YEAR) == []
    assert matching(jobs, TaskQuery(vmid=103), (), NEW_YEAR, {job["upid"]}) == [job]


@pytest.mark.parametrize("guests", [7, [7], [{}], [{"vmid": "x"}], [{"vmid": 1, "outcome": 2}]])
def test_guests_that_are_none_break_the_line(guests: object) -> None:
    line = json.dumps({**task(), "guests": guests}).encode()
    assert read_lines(line) == ({}, 1)


def test_control_characters_of_a_log_do_not_reach_a_terminal() -> None:
    [read] = list(read_lines(json.dumps(failed(log=(HOSTILE,))).encode())[0].values())
    assert "\x1b" not in read["log"][0]
    assert "\u202e" not in read["log"][0]


def test_a_task_that_ran_is_replaced_by_the_one_that_ended() -> None:
    assert list(merge(merge({}, [running(1)]), [task(1)]).values()) == [task(1)]


def test_a_task_that_ended_does_not_run_again() -> None:
    assert list(merge(merge({}, [task(1)]), [running(1)]).values()) == [task(1)]


def test_what_is_lost_now_was_known_before() -> None:
    lost = task(1, "lost", None, seconds=None)
    assert list(merge(merge({}, [failed(1)]), [lost]).values()) == [failed(1)]
    assert list(merge(merge({}, [running(1)]), [lost]).values()) == [lost]


def test_a_known_log_stays() -> None:
    logged = failed(1, log=("why",))
    assert list(merge(merge({}, [logged]), [failed(1)]).values()) == [logged]
    assert list(merge(merge({}, [failed(1)]), [logged]).values()) == [logged]


def test_the_outcome_that_a_log_told_stays() -> None:
    told = task(1, "ok", "OK", log=("TASK OK",))
    assert list(merge(merge({}, [told]), [failed(1, "unexpected status")]).values()) == [told]


def test_old_tasks_are_forgotten() -> None:
    tasks = merge({}, [task(1, started=NEW_YEAR - 1), task(2, started=NEW_YEAR)])
    assert list(younger_than(tasks, NEW_YEAR).values()) == [task(2)]


def test_times_are_those_of_the_task() -> None:
    assert epoch(task()["started"]) == NEW_YEAR


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"type": ["vzdump", "qmstart"]}, [4, 3]),
        ({"vmid": 101}, [2]),
        ({"user": "CI"}, [5]),
        ({"status": ["failed"]}, [2]),
        ({"status": ["unknown"]}, [3]),
        ({"status": ["ok", "warnings"]}, [5, 4, 1]),
        ({"running": True}, []),
        ({"running": False}, [5, 4, 3, 2, 1]),
        ({"since": "2026-01-03"}, [5, 4, 3]),
        ({"until": "2026-01-02"}, [2, 1]),
        ({"since": "2d"}, [5, 4, 3]),
    ],
)
def test_tasks_of_earlier_reports_pass_the_same_filters(
    options: dict[str, object], numbers: list[int]
) -> None:
    tasks = [
        task(1),
        failed(2, vmid="101", started=NEW_YEAR + DAY),
        failed(3, "unexpected status", kind="vzdump", started=NEW_YEAR + 2 * DAY),
        task(4, "warnings", "WARNINGS: 1", kind="qmstart", started=NEW_YEAR + 3 * DAY),
        task(5, user="a@pve!ci", node="pve2", started=NEW_YEAR + 4 * DAY),
    ]
    query = TaskQuery.from_options(options)
    found = matching(tasks, query, (), NEW_YEAR + 4 * DAY)
    assert [int(one["upid"].split(":")[2], 16) for one in found] == numbers


def test_tasks_of_other_nodes_are_left_out() -> None:
    tasks = [task(1), task(2, node="pve2")]
    assert matching(tasks, TaskQuery(), ["pve2"], NEW_YEAR) == [tasks[1]]
    assert len(matching(tasks, TaskQuery(), [], NEW_YEAR)) == 2
