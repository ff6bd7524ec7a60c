# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line in which a result is summed up; ``run_command`` compares it with every summary."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import (
    Report,
    summary,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.headline import (
    duration,
    headline,
    message,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome


def guest(name: str, outcome: str, message: str | None = None) -> dict[str, Any]:
    return {"vmid": 100, "name": name, "outcome": outcome, "message": message}


def report_of(*guests: dict[str, Any], elapsed: float = 43.2, **more: Any) -> Report:
    counts = summary(Outcome(one["outcome"]) for one in guests)
    return Report({"guests": list(guests), "summary": {**counts, "elapsed": elapsed}}, **more)


def test_many_guests_are_one_line_with_the_failed_ones_and_the_reasons() -> None:
    wells = [guest(f"web{number}", "ok") for number in range(10)]
    report = report_of(*wells, guest("web3", "failed", "storage full"), guest("db1", "unchanged"))
    line = "12 guests: 10 ok, 1 failed (web3: storage full), 1 unchanged in 43 s"
    assert headline(report, check=False) == line


def test_a_reason_does_not_name_the_guest_again() -> None:
    report = report_of(guest("web1", "failed", "VM 201 (web1) on pve1 is protected; set it to 0"))
    line = "1 guest: 1 failed (web1: is protected; set it to 0) in 43 s"
    assert headline(report, check=False) == line


def test_a_failure_begins_with_that_line() -> None:
    report = report_of(
        guest("web3", "failed", "no space"), problem="web3: failed\n  its log", counted=True
    )
    line = "1 guest: 1 failed (web3: no space) in 43 s"
    assert message(report, check=False) == f"{line}\nweb3: failed\n  its log"


def test_an_error_without_counts_is_its_own_message() -> None:
    report = report_of(problem="source: there is no guest 'nosuch'")
    assert message(report, check=False) == "source: there is no guest 'nosuch'"


def test_two_failures_are_explained_and_the_others_counted() -> None:
    failed = [guest(f"web{number}", "failed", f"reason {number}") for number in range(5)]
    line = "5 guests: 5 failed (web0: reason 0; web1: reason 1; 3 more) in 43 s"
    assert headline(report_of(*failed), check=False) == line


def test_a_long_reason_is_cut_and_only_its_first_line_is_shown() -> None:
    report = report_of(guest("web1", "failed", f"{'x' * 100}\nand more"))
    assert headline(report, check=False) == f"1 guest: 1 failed (web1: {'x' * 77}...) in 43 s"


@pytest.mark.parametrize(
    ("would", "line"),
    [
        ("clone", "would clone 2 guests, 1 unchanged"),
        ("shut down", "would shut down 2 guests, 1 unchanged"),
        ("take a snapshot", "would take a snapshot: 2 guests, 1 unchanged"),
        (lambda one: "create" if one["vmid"] else "", "would create 2 guests, 1 unchanged"),
    ],
)
def test_check_mode_says_what_would_be_done(would: Any, line: str) -> None:
    guests = [guest("web1", "queued"), guest("web2", "queued"), guest("web3", "unchanged")]
    assert headline(report_of(*guests, would=would), check=True) == line


def test_check_mode_says_what_would_be_done_to_each() -> None:
    verbs = {"web1": "create", "web2": "change", "web3": "create"}
    guests = [guest(name, "queued") for name in verbs]
    report = report_of(*guests, would=lambda one: verbs[one["name"]])
    assert headline(report, check=True) == "would create 2 guests, change 1 guest"


def test_nothing_to_do_is_said() -> None:
    assert headline(report_of(), check=False) == "no guests"
    assert headline(report_of(guest("web1", "unchanged")), check=True) == "1 guest: 1 unchanged"


def test_guests_that_were_only_read_are_counted_by_their_state() -> None:
    guests = [{"status": "running"}, {"status": "stopped"}, {"status": "running"}]
    report = Report({"guests": guests, "summary": {"total": 3, "elapsed": 0.31}})
    assert headline(report, check=False) == "3 guests: 2 running, 1 stopped in 0.3 s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (43.4, "43 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (273_700, "3 d 4 h"),
    ],
)
def test_a_duration_is_as_precise_as_it_is_long(seconds: float, text: str) -> None:
    assert duration(seconds) == text
