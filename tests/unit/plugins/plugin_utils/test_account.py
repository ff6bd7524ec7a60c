# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.plugin_utils._account import (
    Account,
    Failed,
    Rules,
    Step,
    account,
)
from ansible_collections.upid.proxmox.plugins.plugin_utils._plan import Planned

CLONE = "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"
Result = dict[str, Any]


def entry(name: str | None, vmid: int | None, outcome: str = "ok", **more: Any) -> Result:
    """One guest in the result of a module."""
    changed = outcome in {"ok", "warnings", "queued"}
    return {
        "name": name,
        "vmid": vmid,
        "node": "pve1",
        "outcome": outcome,
        "changed": changed,
        **more,
    }


def result(*guests: dict[str, Any], **more: Any) -> Result:
    return {"guests": list(guests), "tasks": [], **more}


def steps(
    clone: Result | None = None, start: Result | None = None, seen: Result | None = None
) -> list[Step]:
    """Three steps; one without a result was not taken yet."""
    return [
        Step("clone", "cloned", clone or {}),
        Step("start", "started", start or {}),
        Step("show an address", "seen", seen or {}),
    ]


def going(found: Account) -> list[str]:
    return [guest.name for guest in found.going]


def reasons(found: Account) -> list[tuple[str, str, str]]:
    return [(one.guest.name, one.step, one.reason) for one in found.failed]


WANTED = [Planned("a"), Planned("b", 202)]


def test_no_guests_are_no_account() -> None:
    assert account([], steps(), Rules()) == Account((), ())


def test_before_the_first_step_all_go_on_with_the_vmids_that_are_planned() -> None:
    found = account(WANTED, steps(), Rules())
    assert [(one.name, one.vmid, one.node, one.done) for one in found.going] == [
        ("a", None, None, ()),
        ("b", 202, None, ()),
    ]


def test_a_guest_gets_vmid_node_and_address_from_the_steps() -> None:
    cloned = result(entry("a", 201), entry("b", 202, "unchanged", node="pve2"))
    started = result(entry("a", 201), entry("b", 202))
    seen = {
        "guests": [{"vmid": 201, "name": "a", "node": "pve3", "addresses": ["192.0.2.1", "::1"]}]
    }
    found = account(WANTED, steps(cloned, started, seen), Rules())
    assert [(one.vmid, one.node, one.address, one.done) for one in found.going] == [
        (201, "pve3", "192.0.2.1", ("cloned", "started")),
        (202, "pve1", None, ("started",)),
    ]


def test_a_call_that_fails_before_any_guest_fails_them_all() -> None:
    found = account(WANTED, steps({"msg": "source: there is no guest '9000'"}), Rules())
    assert going(found) == []
    assert reasons(found) == [
        ("a", "clone", "source: there is no guest '9000'"),
        ("b", "clone", "source: there is no guest '9000'"),
    ]


def test_a_call_that_fails_as_a_whole_fails_those_that_went_on() -> None:
    cloned = result(entry("a", 201, "failed", message="no space left"), entry("b", 202))
    found = account(WANTED, steps(cloned, {"msg": "401 no ticket"}), Rules())
    assert reasons(found) == [("a", "clone", "no space left"), ("b", "start", "401 no ticket")]


def test_a_message_beside_guests_is_about_them() -> None:
    cloned = result(entry("a", 201), entry("b", 202, "failed", message="locked"), msg="1 of 2")
    found = account(WANTED, steps(cloned), Rules())
    assert (going(found), reasons(found)) == (["a"], [("b", "clone", "locked")])


@pytest.mark.parametrize(
    ("crash", "reason"),
    [
        ({"msg": "MODULE FAILURE\nSee", "module_stderr": "Trace\nOSError: no"}, "OSError: no"),
        ({"msg": "Module failed: It crashed", "exception": "Trace\nOSError"}, "Module failed"),
        ({"msg": "MODULE FAILURE"}, "MODULE FAILURE"),
        ({"module_stderr": "MemoryError\n", "rc": 1}, "MemoryError"),
        ({"failed_when_suppressed_exception": "TypeError: None is no key"}, "TypeError: None"),
        ({"changed": False, "failed_when_result": False}, "the module crashed"),
        ({"failed_when_suppressed_exception": "(traceback unavailable)"}, "the module crashed"),
        ({"msg": "source: there is no guest '9000'", "guests": [], "tasks": []}, "source: there"),
    ],
)
def test_a_step_that_crashed_failed_although_its_result_does_not_say_so(
    crash: Result, reason: str
) -> None:
    found = account(WANTED[:1], steps({"failed": False, **crash}), Rules())
    assert [said.startswith(reason) for _name, _step, said in reasons(found)] == [True]


def test_a_step_without_guests_to_work_on_is_no_failure() -> None:
    assert going(account(WANTED, steps(start=result()), Rules())) == ["a", "b"]


def test_a_step_that_was_skipped_changes_nothing() -> None:
    skipped = {"changed": False, "skipped": True, "skip_reason": "Conditional result was False"}
    assert account(WANTED, steps(skipped), Rules()) == account(WANTED, steps(), Rules())


def test_failures_are_told_in_the_order_of_the_steps() -> None:
    cloned = result(entry("a", 201), entry("b", 202, "failed", message="locked"))
    started = result(entry("a", 201, "timed_out", message="still starting"))
    found = account(WANTED, steps(cloned, started), Rules())
    assert [name for name, _step, _reason in reasons(found)] == ["b", "a"]


def test_a_failure_names_the_task_and_without_a_message_how_it_ended() -> None:
    cloned = result(entry("a", 201, "failed", upid=CLONE, message=None))
    cloned["tasks"] = [{"upid": CLONE, "exitstatus": "clone failed: no space left"}]
    [failed] = account(WANTED[:1], steps(cloned), Rules()).failed
    assert failed == Failed(failed.guest, "clone", "clone failed: no space left", CLONE)


def test_a_failure_about_which_nothing_is_said_is_its_outcome() -> None:
    found = account(WANTED[:1], steps(result(entry("a", 201, "lost", upid=CLONE))), Rules())
    assert reasons(found) == [("a", "clone", "lost")]


@pytest.mark.parametrize(("warnings", "expected"), [("accept", ["a"]), ("fail", [])])
def test_warnings_fail_a_guest_where_they_shall(warnings: str, expected: list[str]) -> None:
    cloned = result(entry("a", 201, "warnings"))
    assert going(account(WANTED[:1], steps(cloned), Rules(warnings=warnings))) == expected


@pytest.mark.parametrize("outcome", ["queued", "running"])
def test_what_is_not_finished_is_well_in_check_mode_only(outcome: str) -> None:
    cloned = result(entry("a", None, outcome))
    assert going(account(WANTED[:1], steps(cloned), Rules(check_mode=True))) == ["a"]
    assert reasons(account(WANTED[:1], steps(cloned), Rules())) == [("a", "clone", outcome)]


def test_a_guest_that_is_only_planned_is_known_by_its_name() -> None:
    cloned = result(entry("a", None, "queued", node=None), entry("b", None, "queued", node=None))
    started = result(entry("b", None, "queued"), entry("a", None, "failed", message="no"))
    guests = [Planned("a"), Planned("b")]
    found = account(guests, steps(cloned, started), Rules(check_mode=True))
    assert [(one.name, one.vmid, one.done) for one in found.going] == [
        ("b", None, ("cloned", "started"))
    ]
    assert reasons(found) == [("a", "start", "no")]


def test_a_guest_with_a_vmid_is_not_mixed_up_with_another_of_its_name() -> None:
    started = result(entry("b", 999, "failed", message="somebody else's"), entry(None, 202))
    assert going(account([WANTED[1]], steps(start=started), Rules())) == ["b"]


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [(None, []), (30, [("a", "show an address", "none within 30 seconds")])],
)
def test_a_guest_without_an_address_failed_if_one_was_waited_for(
    timeout: int | None, expected: list[tuple[str, str, str]]
) -> None:
    seen = {"guests": [{"vmid": 201, "name": "a", "node": "pve1", "addresses": []}]}
    cloned = result(entry("a", 201))
    rules = Rules(address_timeout=timeout)
    assert reasons(account(WANTED[:1], steps(cloned, seen=seen), rules)) == expected


def test_a_guest_that_could_not_be_read_failed_with_the_reason() -> None:
    seen = {"guests": [{"vmid": 201, "name": "a", "node": "pve1", "message": "pve1 is silent"}]}
    found = account(WANTED[:1], steps(result(entry("a", 201)), seen=seen), Rules())
    assert reasons(found) == [("a", "show an address", "pve1 is silent")]
