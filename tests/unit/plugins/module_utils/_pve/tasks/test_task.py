# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import (
    Outcome,
    Task,
    closing_status,
    iso,
    outcome_of,
    progress_in,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid
from hypothesis import given
from hypothesis import strategies as st

MIGRATION = "2026-11-20 22:29:21 migration active"
UPID = Upid.parse("UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:root@pam!ci:")


@pytest.mark.parametrize(
    ("exitstatus", "outcome"),
    [
        ("OK", Outcome.OK),
        ("WARNINGS: 1", Outcome.WARNINGS),
        ("WARNINGS: 12", Outcome.WARNINGS),
        ("WARNINGS: many", Outcome.FAILED),
        ("OK then", Outcome.FAILED),
        ("ok", Outcome.FAILED),
        ("", Outcome.FAILED),
        ("unexpected status", Outcome.FAILED),
        ("job errors", Outcome.FAILED),
        ("unable to get last line from task log - Permission denied", Outcome.FAILED),
        ("received interrupt", Outcome.CANCELLED),
        ("clone failed: copy failed: interrupted by signal", Outcome.CANCELLED),
        ("received interrupt while it slept", Outcome.FAILED),
    ],
)
def test_the_outcome_is_what_the_exit_status_says(exitstatus: str, outcome: Outcome) -> None:
    assert outcome_of(exitstatus) is outcome


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("TASK OK", "OK"),
        ("TASK WARNINGS: 3", "WARNINGS: 3"),
        ("TASK ERROR: clone failed: no space", "clone failed: no space"),
        ("  10%TASK OK", "OK"),
        ("...TASK WARNINGS: 1", "WARNINGS: 1"),
        ("42%TASK ERROR: interrupted by signal", "interrupted by signal"),
        ("TASK OK, nearly", None),
        ("copying", None),
        ("", None),
    ],
)
def test_a_closing_line_counts_even_when_it_is_glued_to_other_output(
    line: str, status: str | None
) -> None:
    assert closing_status(line) == status


@pytest.mark.parametrize(
    ("line", "percent"),
    [
        ("transferred 21.9 MiB of 2.0 GiB (1.07%)", 1.07),
        ("drive-scsi0: transferred 2.0 MiB of 4.0 GiB (0.05%) in 0s", 0.05),
        ("mirror-scsi0: transferred 4.0 GiB of 4.0 GiB (100.00%) in 31s, ready", 100.0),
        ("restore-drive-scsi0: transferred 1.2 GiB of 10.0 GiB (12.34%) in 3s", 12.34),
        ("INFO:  12% (1.2 GiB of 10.0 GiB) in 3s, read: 400.0 MiB/s, write: 380.1 MiB/s", 12.0),
        ("INFO: 100% (10.0 GiB of 10.0 GiB) in 30s, read: 1.0 MiB/s, write: 1.0 MiB/s", 100.0),
        ("progress 12% (read 1288503296 bytes, duration 4 sec)", 12.0),
        ("progress 7% (read 9 bytes, zeroes = 3% (41943040 bytes), duration 4 sec)", 7.0),
        ("Exporting image: 34% complete...", 34.0),
        ("  32768K ........ ........ ........ ........ 23%  123M 1s", 23.0),
        ("INFO: Total bytes written: 2058240 (2.0MiB, 117MiB/s)", None),
        ("1.25 GiB in 3s", None),
        ("2026-11-20 22:29:21 migration active, transferred 1.2 GiB of 4.1 GiB VM-state", 29.27),
        ("a disk that is (200%) full", 100.0),
        (f"{MIGRATION}, transferred 1.0 GiB of 4.0 GiB VM-state, 112.5 MiB/s", 25.0),
        (f"{MIGRATION}, transferred 512.0 MiB of 2.0 GiB VM-state, 112.5 MiB/s", 25.0),
        (f"{MIGRATION}, transferred 5.0 GiB of 4.0 GiB VM-state, 112.5 MiB/s", 99.0),
        (f"{MIGRATION}, transferred ... of 0.0 B VM-state, 112.5 MiB/s", None),
    ],
)
def test_progress_is_read_from_every_line_that_has_it(line: str, percent: float | None) -> None:
    assert progress_in([line]) == percent


def test_the_last_line_with_progress_counts() -> None:
    assert progress_in(["transferred x (10%)", "transferred y (20%)", "other"]) == 20.0
    assert progress_in([]) is None


@given(st.lists(st.text(), max_size=4))
def test_progress_is_a_percentage_or_unknown(log: list[str]) -> None:
    progress = progress_in(log)
    assert progress is None or 0 <= progress <= 100


@given(st.text())
def test_every_exit_status_has_a_finished_outcome(exitstatus: str) -> None:
    assert outcome_of(exitstatus).finished


def test_the_finished_and_the_succeeded_outcomes_are_listed() -> None:
    unfinished = {Outcome.QUEUED, Outcome.STARTING, Outcome.RUNNING}
    assert {outcome for outcome in Outcome if not outcome.finished} == unfinished
    good = {Outcome.OK, Outcome.WARNINGS, Outcome.UNCHANGED}
    assert {outcome for outcome in Outcome if outcome.succeeded} == good


def test_a_task_has_every_field_of_the_result() -> None:
    log = ("transferred (50%)", "TASK ERROR: no space")
    task = Task(UPID, Outcome.FAILED, "no space", UPID.starttime + 9, log)
    assert task.as_result() == {
        "upid": str(UPID),
        "node": "pve1",
        "type": "qmclone",
        "id": "9000",
        "user": "root@pam!ci",
        "title": "VM 9000 - Clone",
        "outcome": "failed",
        "exitstatus": "no space",
        "started": "2025-09-08T20:19:13Z",
        "ended": "2025-09-08T20:19:22Z",
        "duration": 9,
        "progress": 50.0,
        "log": list(log),
    }


def test_what_is_not_known_is_none() -> None:
    result = Task(UPID).as_result()
    unknown = {key for key, value in result.items() if value is None}
    assert unknown == {"exitstatus", "ended", "duration", "progress"}


def test_a_task_in_words_has_title_reason_and_upid() -> None:
    text = Task(UPID, Outcome.FAILED, "no space", log=("one", "two")).in_words()
    assert text == f"VM 9000 - Clone on pve1: failed: no space [{UPID}]\n    one\n    two"


def test_times_are_utc() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
