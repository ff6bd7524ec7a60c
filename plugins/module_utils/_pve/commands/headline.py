# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a module in one line: ``12 guests: 10 ok, 1 failed (web3: no space) in 43 s``."""

from __future__ import annotations

import re
import typing as t
from collections import Counter

from ..tasks.task import Outcome

if t.TYPE_CHECKING:
    from .context import Report, Values

# What a result is about: the first of these lists that it has.
_SUBJECTS = ("guests", "templates", "targets", "tasks")
# Bad news after good news, and last what nothing was done to.
_ORDER = (
    Outcome.OK,
    Outcome.WARNINGS,
    Outcome.FAILED,
    Outcome.CANCELLED,
    Outcome.TIMED_OUT,
    Outcome.LOST,
    Outcome.RUNNING,
    Outcome.STARTING,
    Outcome.QUEUED,
    Outcome.UNCHANGED,
)
_WORDS = {Outcome.WARNINGS: "with warnings", Outcome.TIMED_OUT: "timed out"}
_EXPLAINED = (Outcome.FAILED, Outcome.CANCELLED, Outcome.TIMED_OUT, Outcome.LOST)
# How many failures of a kind are explained, and in how many characters each.
_MOST, _LONGEST = 2, 80
# How a reason begins that names the guest again.
_TITLE = re.compile(r"(VM|CT) \d+ (\(\S+\) )?on \S+ (?=is |has )")
_MINUTE, _HOUR, _SOON = 60, 3600, 10
# From so many hours on, days are shown.
_DAYS = 48


def message(report: Report, *, check: bool) -> str:
    """The ``msg`` of a module: one line, and on failure what failed and why."""
    if report.problem is not None and not report.counted:
        return report.problem
    line = headline(report, check=check)
    return line if report.problem is None else f"{line}\n{report.problem}"


def headline(report: Report, *, check: bool) -> str:
    """The result in one line; in check mode what would be done."""
    values = report.values
    if "msg" in values:
        return str(values["msg"])
    noun = next((name for name in _SUBJECTS if name in values), "tasks")
    subjects: t.Sequence[Values] = values.get(noun, ())
    noun = report.noun or noun
    if "operations" in values:
        return counted(len(values["operations"]), "operations")
    total = values.get("summary", {}).get("total", 0)
    if not total:
        return f"no {noun}"
    counts = {one: values["summary"].get(one.value, 0) for one in _ORDER}
    planned = [one for one in subjects if one.get("outcome") == report.planned.value]
    if check and planned and report.would:
        counts.pop(report.planned)
        return ", ".join([_plan(report, planned, noun), *_parts(counts, subjects)])
    parts = _parts(counts, subjects) or _states(subjects)
    text = counted(total, noun) + (f": {', '.join(parts)}" if parts else "")
    elapsed = values["summary"].get("elapsed")
    if not check and elapsed is not None:
        text += f" in {duration(elapsed)}"
    more = values.get("more")
    return f"{text}; {more} more match than limit allows" if more else text


def _plan(report: Report, planned: t.Sequence[Values], noun: str) -> str:
    """``would create 3 guests, change 1 guest``."""
    would = report.would
    verbs = Counter(would if isinstance(would, str) else would(one) for one in planned)
    return "would " + ", ".join(_with_object(verb, n, noun) for verb, n in verbs.items())


def _with_object(verb: str, count: int, noun: str) -> str:
    """``clone 3 guests``; a verb that has an object already is followed by a colon."""
    own_object = any(word in verb.split() for word in ("a", "an", "the", "to")) or verb[-1] == "s"
    return f"{verb}: {counted(count, noun)}" if own_object else f"{verb} {counted(count, noun)}"


def _parts(counts: t.Mapping[Outcome, int], subjects: t.Sequence[Values]) -> list[str]:
    return [
        f"{count} {_WORDS.get(outcome, outcome.value)}{_reasons(outcome, subjects)}"
        for outcome, count in counts.items()
        if count
    ]


def _reasons(outcome: Outcome, subjects: t.Sequence[Values]) -> str:
    """Who failed and why, in parentheses; empty for an outcome that explains itself."""
    if outcome not in _EXPLAINED:
        return ""
    failed = [one for one in subjects if one.get("outcome") == outcome.value]
    shown = [_reason(one) for one in failed[:_MOST]]
    more = len(failed) - len(shown)
    return f" ({'; '.join([*shown, *([f'{more} more'] if more else [])])})" if shown else ""


def _reason(one: Values) -> str:
    title = next(
        (str(one[key]) for key in ("name", "title", "vmid", "storage") if one.get(key)), ""
    )
    title = title or str(one.get("node"))
    why = one.get("message") or next(iter(one.get("errors") or ()), None) or one.get("exitstatus")
    why = _TITLE.sub("", str(why or "").strip().split("\n", maxsplit=1)[0].removeprefix("ERROR: "))
    why = why if len(why) <= _LONGEST else f"{why[: _LONGEST - 3].rstrip()}..."
    return f"{title}: {why}" if why else title


def _states(subjects: t.Sequence[Values]) -> list[str]:
    """``10 running, 2 stopped`` of guests that were only read."""
    states = Counter(str(one.get("status") or "unknown") for one in subjects)
    return [f"{count} {state}" for state, count in sorted(states.items())]


def counted(count: int, noun: str) -> str:
    """``1 guest``, ``2 guests``."""
    return f"{count} {noun[:-1] if count == 1 else noun}"


def duration(seconds: float) -> str:
    """``0.4 s``, ``43 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds < _SOON:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 2 * _MINUTE:
        return f"{whole} s"
    minutes, rest = divmod(whole, _MINUTE)
    if whole < _HOUR:
        return f"{minutes} min {rest} s"
    hours, rest = divmod(minutes, _MINUTE)
    return f"{hours} h {rest} min" if hours < _DAYS else f"{hours // 24} d {hours % 24} h"
