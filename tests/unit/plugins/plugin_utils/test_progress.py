# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said about a running module, second by second."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.plugin_utils._progress import (
    Board,
    Screen,
    duration,
    events_in,
    roughly,
    what_is_left,
)
from hypothesis import given
from hypothesis import strategies as st

Said = list[tuple[float, str]]


class Show:
    """A screen and its clock, which begins at second 100."""

    def __init__(self, *, terminal: bool = True, counts_only: bool = False) -> None:
        self.now = 100.0
        self.screen = Screen(
            "clone", "localhost", self.now, terminal=terminal, counts_only=counts_only
        )
        self.said: Said = []

    def event(self, event: str, work: int = 0, /, **values: Any) -> None:
        title = values.pop("title", f"VM {200 + work} (web{work})")
        values = {"event": event, "work": work, "title": title, **values}
        self.screen.board.take(values, self.now)

    def run(self, seconds: float) -> list[str]:
        """What is said in these seconds, without the prefix."""
        before, until = len(self.said), self.now + seconds
        while self.now < until:
            self.now += 0.5
            for line in self.screen.lines(self.now):
                assert line.text.startswith("clone: [localhost] ")
                self.said.append((self.now, line.text.removeprefix("clone: [localhost] ")))
        return [text for _at, text in self.said[before:]]

    def start(self, *works: int) -> None:
        for work in works:
            self.event("started", work, upid=f"UPID:{work}")

    def end(self, *works: int, outcome: str = "ok", **values: Any) -> None:
        for work in works:
            self.event("task_ended", work, upid=f"UPID:{work}", outcome=outcome)
            self.event("ended", work, outcome=outcome, **values)


def test_a_quick_call_says_nothing() -> None:
    show = Show()
    show.event("queued")
    show.start(0)
    assert show.run(1.5) == []


def test_a_guest_has_a_line_for_each_change_that_matters() -> None:
    show = Show()
    show.event("queued")
    show.event("step", step="clone", number=1, of=2)
    show.start(0)
    assert show.run(3) == ["VM 200 (web0): clone, UPID:0 (1 of 2)"]
    show.event("percent", upid="UPID:0", percent=31.5)
    assert show.run(2) == ["VM 200 (web0): 32 %"]
    show.event("percent", upid="UPID:0", percent=35.0)
    assert show.run(2) == []
    show.event("retried", why="got timeout")
    assert show.run(2) == ["VM 200 (web0): got timeout; it is retried"]
    show.event("retried", why="got timeout")
    assert show.run(2)[:1] != ["VM 200 (web0): got timeout; it is retried"]
    show.end(0)
    assert show.run(2) == ["done: VM 200 (web0)"]


def test_a_change_that_is_over_is_not_told_any_more() -> None:
    show = Show()
    show.start(0)
    show.event("percent", upid="UPID:0", percent=50.0)
    show.end(0, outcome="failed", why="no space left")
    assert show.run(4) == ["failed: VM 200 (web0): no space left"]


def test_failures_come_first_and_together() -> None:
    show = Show()
    for work in range(7):
        show.event("queued", work)
    show.start(0)
    show.end(*range(1, 7), outcome="failed", why="full")
    lines = show.run(4)
    assert lines[0].startswith("failed: VM 201 (web1): full; VM 202 (web2): full; ")
    assert lines[0].endswith(" and 2 more")
    assert lines[1] == "VM 200 (web0): started on 0"


def test_many_guests_have_totals_and_failures_only() -> None:
    show = Show()
    for work in range(40):
        show.event("queued", work)
    show.start(*range(16))
    show.run(9)
    show.end(*range(3))
    show.end(3, outcome="failed", why="storage full")
    assert show.run(3) == [
        "failed: VM 203 (web3): storage full",
        "4 of 40 done, 12 running, 24 queued, 1 failed, 0:10 elapsed, about 20 s left",
    ]
    assert len(show.run(60)) <= 6


@given(st.lists(st.tuples(st.sampled_from("sperq"), st.integers(0, 12)), max_size=200))
def test_no_two_lines_within_a_second(happened: list[tuple[str, int]]) -> None:
    show = Show()
    for what, work in happened:
        if what == "s":
            show.start(work)
        elif what == "p":
            show.event("percent", work, upid=f"UPID:{work}", percent=10.0 * work)
        elif what == "e":
            show.end(work, outcome="failed" if work % 3 else "ok")
        elif what == "r":
            show.event("retried", work, why=f"why {work}")
        else:
            show.event("queued", work)
        show.run(0.5)
    times = [at for at, _text in show.said]
    assert all(later - at >= 1.0 for at, later in itertools.pairwise(times))


def test_in_a_pipe_there_is_a_line_in_15_seconds() -> None:
    show = Show(terminal=False)
    show.event("queued", 0)
    show.event("queued", 1)
    show.start(0)
    assert show.run(14.5) == []
    assert show.run(1) == ["0 of 2 done, 1 running, 1 queued, 0 failed, 0:15 elapsed"]
    show.end(0, outcome="failed", why="no space left")
    [line] = show.run(15)
    assert line.startswith("1 of 2 done, 0 running, 1 queued, 1 failed, 0:30 elapsed")
    assert line.endswith(". failed: VM 200 (web0): no space left")


@pytest.mark.parametrize("terminal", [True, False])
def test_without_news_lines_become_rare_but_do_not_end(terminal: bool) -> None:
    show = Show(terminal=terminal)
    show.start(0)
    show.run(600)
    assert len(show.run(3600)) == 60


def test_without_events_there_is_a_plain_heartbeat() -> None:
    show = Show(terminal=False)
    assert show.run(31) == ["running for 0:15", "running for 0:30"]


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_hidden_is_counted_only(terminal: bool) -> None:
    show = Show(terminal=terminal, counts_only=True)
    for work in range(3):
        show.event("queued", work)
    show.start(0, 1)
    show.end(1, outcome="failed", why="the secret was wrong")
    lines = show.run(40)
    assert lines
    assert all(line.startswith("1 of 3 done, 1 running, 1 queued, 1 failed") for line in lines)


def test_a_later_step_runs_also_without_a_task() -> None:
    show = Show()
    show.event("queued")
    show.event("step", step="address", number=3, of=3)
    assert show.screen.board.counts() == (1, 0, 1, 0)


def test_the_estimate_goes_by_percentages_steps_and_the_others() -> None:
    show = Show()
    board = show.screen.board
    for work in range(4):
        show.event("queued", work)
    show.start(0, 1)
    assert board.part(show.now) == 0.0
    show.event("percent", 0, upid="UPID:0", percent=50.0)
    assert board.part(show.now) == pytest.approx(0.125)
    show.now += 60
    show.end(1)
    assert board.part(show.now) == pytest.approx((1 + 0.9) / 4)
    show.event("step", 2, step="start", number=3, of=4)
    assert board.part(show.now) == pytest.approx((1 + 0.9 + 0.5) / 4)


@pytest.mark.parametrize(
    "values",
    [
        {"event": "started"},
        {"event": "closed"},
        {"event": 5, "work": 1},
        {"event": "take", "work": 1},
        {"event": "nonsense", "work": 1},
        {"work": "1", "event": "ended"},
        {},
    ],
)
def test_what_is_no_event_is_ignored(values: dict[str, Any]) -> None:
    board = Board()
    board.take(values, 0.0)
    assert board.works == {}
    assert board.closed == (values.get("event") == "closed")


def test_lines_that_are_no_events_are_left_out() -> None:
    assert list(events_in('{"event": "closed"}\nnonsense\n[1]\n\n{"a": 1}')) == [
        {"event": "closed"},
        {"a": 1},
    ]


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    for values in events_in(text + "\n" + json.dumps({"event": text, "work": 1})):
        Board().take(values, 0.0)


@pytest.mark.parametrize(("seconds", "text"), [(5, "0:05"), (750.9, "12:30"), (3723, "1:02:03")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "10 s"), (44, "40 s"), (300, "5 min"), (5400, "1.5 h")]
)
def test_estimates_are_rough(seconds: float, text: str) -> None:
    assert roughly(seconds) == text


def test_an_interrupt_shows_every_task_that_runs_and_how_to_go_on() -> None:
    show = Show()
    for work in range(4):
        show.event("queued", work)
    show.start(0, 1, 2)
    show.end(1)
    show.event("task_ended", 2, upid="UPID:2", outcome="timed_out")
    show.event("percent", 0, upid="UPID:0", percent=45.0)
    lines = what_is_left([(show.screen.board, False)])
    assert lines[0] == "Interrupted. 2 tasks still running, 1 of 4 jobs not begun:"
    assert lines[1:3] == ["  UPID:0  VM 200 (web0), 45 %", "  UPID:2  VM 202 (web2)"]
    assert "adopts" in lines[3]
    assert lines[-1].endswith(" -e 'wait_upids=UPID:0,UPID:2'")


def test_an_interrupt_shows_no_hidden_task() -> None:
    show = Show()
    show.start(0)
    lines = what_is_left([(show.screen.board, True)])
    assert lines[0] == "Interrupted. 1 task still running:"
    assert "UPID" not in "".join(lines)
    assert "web0" not in "".join(lines)


def test_without_an_interrupt_nothing_is_left_to_say() -> None:
    assert what_is_left([]) == []
    assert what_is_left([(Board(), False)]) == []
