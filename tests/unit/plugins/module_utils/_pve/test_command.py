# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.command import (
    Verdict,
    summary,
    task_values,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.task import Outcome, Task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.upid import Upid

UPID = Upid.parse("UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:root@pam:")


def test_without_a_word_only_what_went_well_is_accepted() -> None:
    accepted = {outcome for outcome in Outcome if Verdict().accepts(outcome)}
    assert accepted == {Outcome.OK, Outcome.WARNINGS, Outcome.UNCHANGED}


@pytest.mark.parametrize(
    ("verdict", "outcome", "accepted"),
    [
        (Verdict(warnings="fail"), Outcome.WARNINGS, False),
        (Verdict(on_timeout="continue"), Outcome.TIMED_OUT, True),
        (Verdict(on_timeout="stop"), Outcome.TIMED_OUT, False),
        (Verdict(on_timeout="continue"), Outcome.LOST, False),
    ],
)
def test_options_decide_about_warnings_and_lateness(
    verdict: Verdict, outcome: Outcome, accepted: bool
) -> None:
    assert verdict.accepts(outcome) is accepted


def test_a_summary_counts_each_outcome() -> None:
    outcomes = [Outcome.OK, Outcome.FAILED, Outcome.OK]
    assert summary(outcomes) == {"failed": 1, "ok": 2, "total": 3}
    assert summary([]) == {"total": 0}


def test_a_task_is_told_once_as_it_was_last_seen() -> None:
    [told] = task_values([Task(UPID), Task(UPID, Outcome.OK, "OK")])
    assert told["outcome"] == "ok"
