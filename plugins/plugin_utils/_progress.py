# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to say about a running module, by the events that it wrote: pure functions of the time."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field

Values = t.Mapping[str, t.Any]

SUCCEEDED = ("ok", "warnings", "unchanged")
CLOSED = "closed"
# Tasks with these outcomes may still run.
_STILL_RUNS = ("timed_out", "lost", "running")
# On a terminal: when to begin, seconds between two lines, between two totals, and the number of
# guests up to which each change has a line. In a pipe: seconds between two lines, and how many
# after some minutes without news.
_FIRST, _BETWEEN, _TOTAL, _FEW = 2.0, 1.0, 10.0, 10
_PIPE, _NO_NEWS, _SOON = 15.0, 60.0, 300.0
# How many titles a line has, how long a reason is, how much a percentage grows between two lines.
_TITLES, _REASON, _GROWTH = 4, 100, 10.0


class Line(t.NamedTuple):
    """A line to display; ``tone`` is ``failed``, ``warning``, ``ok`` or empty."""

    text: str
    tone: str = ""


@dataclass
class Work:
    """A job or a chain, by its events; ``began`` and ``ended`` are seconds of the reader's clock.

    ``upids`` are its running tasks with their percentages.
    """

    title: str
    step: str = ""
    number: int = 1
    of: int = 1
    began: float | None = None
    ended: float | None = None
    outcome: str = ""
    why: str = ""
    shown: float = 0.0
    upids: dict[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether it has ended, and not well."""
        return self.ended is not None and self.outcome not in SUCCEEDED

    @property
    def percent(self) -> float:
        """The percentage of its running task."""
        return max(self.upids.values(), default=0.0)

    @property
    def reason(self) -> str:
        """The title and why it ended."""
        why = self.why[:_REASON] or self.outcome
        return f"{self.title}: {why}" if why else self.title

    def part(self, now: float, typical: float | None) -> float:
        """How much of it is done, 0 to 1; ``typical`` is how long others took."""
        if self.ended is not None or self.began is None:
            return 0.0 if self.ended is None else 1.0
        steps = (self.number - 1 + self.percent / 100) / max(1, self.of)
        return max(steps, min(0.9, (now - self.began) / typical) if typical else 0.0)


class Board:
    """All work of one call, and what has not been said about it."""

    def __init__(self) -> None:
        self.works: dict[int, Work] = {}
        self.closed = False
        self.news: dict[str, list[Line]] = {"failed": [], "warning": [], "ok": [], "": []}
        self.changes = 0

    def take(self, values: Values, now: float) -> None:
        """Note an event."""
        event = values.get("event")
        if event == CLOSED:
            self.closed = True
            return
        number = values.get("work")
        handle = getattr(self, f"_{event}", None) if isinstance(event, str) else None
        if not isinstance(number, int) or handle is None:
            return
        work = self.works.setdefault(number, Work(""))
        work.title = str(values.get("title", ""))
        self.changes += event != "percent"
        handle(work, values, now)

    def counts(self) -> tuple[int, int, int, int]:
        """How many there are, have ended, run, and have failed."""
        works = self.works.values()
        done = sum(work.ended is not None for work in works)
        running = sum(work.ended is None and work.began is not None for work in works)
        return len(works), done, running, sum(work.failed for work in works)

    def still_running(self) -> list[tuple[str, str]]:
        """What it is about, and the UPID, of every task that has not ended as far as is known."""
        return [
            (f"{work.title}, {percent:.0f} %" if percent else work.title, upid)
            for work in self.works.values()
            for upid, percent in work.upids.items()
        ]

    def part(self, now: float) -> float:
        """How much of everything is done, 0 to 1."""
        works = self.works.values()
        times = [w.ended - w.began for w in works if w.ended and w.began is not None]
        typical = sum(times) / len(times) if times else None
        return sum(work.part(now, typical) for work in works) / max(1, len(works))

    def _queued(self, work: Work, _values: Values, _now: float) -> None:
        """It waits."""

    def _step(self, work: Work, values: Values, now: float) -> None:
        work.step, work.shown = str(values.get("step", "")), 0.0
        work.number, work.of = int(values.get("number", 1)), int(values.get("of", 1))
        if work.number > 1:
            work.began = now if work.began is None else work.began

    def _started(self, work: Work, values: Values, now: float) -> None:
        upid = str(values.get("upid", ""))
        work.upids[upid], work.shown = 0.0, 0.0
        work.began = now if work.began is None else work.began
        what = work.step if work.of > 1 else "started"
        where = f" ({work.number} of {work.of})" if work.of > 1 else ""
        node = upid.partition(":")[2].partition(":")[0]
        task = f", {upid}" if len(self.works) == 1 else f" on {node}"
        self.news[""].append(Line(f"{work.title}: {what}{task}{where}"))

    def _percent(self, work: Work, values: Values, _now: float) -> None:
        upid, percent = str(values.get("upid", "")), float(values.get("percent", 0.0))
        if upid in work.upids:
            work.upids[upid] = percent
        if percent >= work.shown + _GROWTH:
            work.shown = percent
            text = f"{work.title}: {percent:.0f} %"
            self._forget(work)
            self.news[""].append(Line(text))

    def _task_ended(self, work: Work, values: Values, _now: float) -> None:
        if values.get("outcome") not in _STILL_RUNS:
            work.upids.pop(str(values.get("upid", "")), None)
            self._forget(work)

    def _retried(self, work: Work, values: Values, _now: float) -> None:
        why = str(values.get("why", ""))
        if why != work.why:
            work.why = why
            self.news["warning"].append(Line(f"{work.reason}; it is retried", "warning"))

    def _ended(self, work: Work, values: Values, now: float) -> None:
        work.ended, work.outcome = now, str(values.get("outcome", ""))
        work.why = str(values.get("why", ""))
        tone = "failed" if work.failed else "ok"
        text = work.reason if work.failed else work.title
        self._forget(work)
        self.news[tone].append(Line(text, tone))

    def _forget(self, work: Work) -> None:
        """What has not been said about its running task is old."""
        begin = f"{work.title}: "
        self.news[""] = [line for line in self.news[""] if not line.text.startswith(begin)]


class Screen:
    """Decides what to say when; ``host`` and ``name`` say whose module it is.

    ``counts_only`` is for tasks whose options and results are hidden.
    """

    def __init__(
        self, name: str, host: str, began: float, *, terminal: bool, counts_only: bool = False
    ) -> None:
        self.board = Board()
        self._prefix = f"{name}: [{host}]"
        self._terminal = terminal
        self._counts_only = counts_only
        self._began = began
        self._said_at = began
        self._total_at = began
        self._said_changes = 0

    def lines(self, now: float) -> list[Line]:
        """What is to be said at this second: one line, or nothing."""
        line = self._on_terminal(now) if self._terminal else self._in_pipe(now)
        if line is None:
            return []
        self._said_at = now
        return [Line(f"{self._prefix} {line.text}", line.tone)]

    def _on_terminal(self, now: float) -> Line | None:
        if now - self._began < _FIRST or now - self._said_at < _BETWEEN:
            return None
        few = len(self.board.works) <= _FEW
        for tone in ("failed", "warning", *(("ok", "") if few else ())):
            news = self.board.news[tone]
            taken = news if tone else news[:1]
            self.board.news[tone] = news[len(taken) :]
            if taken and not self._counts_only:
                return _together(taken, tone)
        changed = self.board.changes != self._said_changes
        if now - self._total_at >= self._patience(now, _TOTAL if changed else _PIPE):
            return self._total(now)
        return None

    def _in_pipe(self, now: float) -> Line | None:
        if now - self._total_at < _PIPE:
            return None
        changed = self.board.changes != self._said_changes
        if now - self._total_at < (_PIPE if changed else self._patience(now, _PIPE)):
            return None
        failed, self.board.news["failed"] = self.board.news["failed"], []
        total = self._total(now)
        if not failed or self._counts_only:
            return total
        return Line(f"{total.text}. {_together(failed, 'failed').text}", "failed")

    def _patience(self, now: float, seconds: float) -> float:
        """Without news, lines become rare."""
        if self.board.changes != self._said_changes or now - self._began < _SOON:
            return seconds
        return _NO_NEWS

    def _total(self, now: float) -> Line:
        self._total_at, self._said_changes = now, self.board.changes
        elapsed = now - self._began
        total, done, running, failed = self.board.counts()
        if not total:
            return Line(f"running for {duration(elapsed)}")
        text = f"{done} of {total} done, {running} running, {total - done - running} queued"
        text += f", {failed} failed, {duration(elapsed)} elapsed{self._left(now, elapsed)}"
        return Line(text)

    def _left(self, now: float, elapsed: float) -> str:
        part = self.board.part(now)
        if part < 0.05 or part >= 1 or elapsed < _PIPE / 2:
            return ""
        return f", about {roughly(elapsed * (1 - part) / part)} left"


def events_in(text: str) -> t.Iterator[Values]:
    """The events in whole lines; what is no event is left out."""
    for line in text.splitlines():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, dict):
            yield values


def what_is_left(boards: t.Sequence[tuple[Board, bool]]) -> list[str]:
    """What to say where calls were interrupted, by their boards and whether they are hidden."""
    works = [work for board, _hidden in boards for work in board.works.values()]
    if not works:
        return []
    running = [task for board, hidden in boards for task in _tasks_of(board, hidden=hidden)]
    waiting = sum(work.began is None and work.ended is None for work in works)
    head = f"Interrupted. {len(running)} {'task' if len(running) == 1 else 'tasks'} still running"
    head += f", {waiting} of {len(works)} jobs not begun" if waiting else ""
    if not running:
        return [f"{head}. Run the play again to go on."]
    shown = [(text, upid) for text, upid in running if upid]
    command = ",".join(upid for _text, upid in shown)
    return [
        f"{head}:",
        *(f"  {upid}  {text}" for text, upid in shown),
        "They go on without Ansible. Run the play again: it adopts them and does the rest.",
        *(
            [
                "Or only wait for them:",
                f"  ansible-playbook upid.proxmox.wait -e 'wait_upids={command}'",
            ]
            if shown
            else []
        ),
    ]


def _tasks_of(board: Board, *, hidden: bool) -> list[tuple[str, str]]:
    if hidden:
        return [("", "") for _task in board.still_running()]
    return board.still_running()


def duration(seconds: float) -> str:
    """``0:05``, ``12:30``, ``1:02:03``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def roughly(seconds: float) -> str:
    """``20 s``, ``5 min``, ``1.5 h``."""
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _together(news: t.Sequence[Line], tone: str) -> Line:
    """Several changes of the same tone in one line."""
    texts = [line.text for line in news]
    more = f" and {len(texts) - _TITLES} more" if len(texts) > _TITLES else ""
    head = {"failed": "failed: ", "ok": "done: "}.get(tone, "")
    separator = ", " if tone == "ok" else "; "
    return Line(f"{head}{separator.join(texts[:_TITLES])}{more}", tone)
