# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar events, `mon..fri 8..17,22:0/15`: when jobs run, in UTC.

The grammar is that of the administration guide: `[WEEKDAYS] [[YEARS-]MONTHS-DAYS] [HOURS:MINUTES]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMED = {
    "minutely": "*:*",
    "hourly": "*:0",
    "daily": "0:0",
    "weekly": "mon 0:0",
    "monthly": "*-1 0:0",
    "quarterly": "1,4,7,10-1 0:0",
    "semiannually": "1,7-1 0:0",
    "semi-annually": "1,7-1 0:0",
    "yearly": "1-1 0:0",
    "annually": "1-1 0:0",
}
PART = re.compile(r"(?:\*|(?P<first>\d+)(?:\.\.(?P<last>\d+))?)(?:/(?P<step>\d+))?")
LONGEST = timedelta(days=366 * 8)
"""How far ahead an event is looked for: a 29 February comes in eight years at the latest."""


class CalendarError(Exception):
    """A text that is not a calendar event."""


@dataclass(frozen=True)
class CalendarEvent:
    """When something happens: the days, and the hours, minutes and seconds of each."""

    weekdays: frozenset[int]
    years: frozenset[int] | None
    months: frozenset[int]
    days: frozenset[int]
    times: tuple[tuple[int, int, int], ...]

    @classmethod
    def parse(cls, text: str) -> CalendarEvent:
        """The event that a text describes; raises CalendarError."""
        words = NAMED.get(text.strip().lower(), text.lower()).split()
        weekdays = frozenset(range(7))
        if words and words[0][0].isalpha():
            weekdays = _weekdays(words.pop(0))
        date = words.pop(0) if words and "-" in words[0] else "*-*"
        time = words.pop(0) if words else "0:0"
        if words:
            raise CalendarError(f"unable to parse '{text}'")
        *years, months, days = date.split("-")
        return cls(
            weekdays,
            _numbers(years[0], 1970, 2100) if years and years[0] != "*" else None,
            _numbers(months, 1, 12),
            _numbers(days, 1, 31),
            _times(time),
        )

    def after(self, moment: float) -> Iterator[int]:
        """The epoch seconds at which it happens after a moment."""
        start = datetime.fromtimestamp(moment, tz=timezone.utc)
        day = start.replace(hour=0, minute=0, second=0, microsecond=0)
        last = day + LONGEST
        while day < last:
            if self._includes(day):
                for hour, minute, second in self.times:
                    when = day.replace(hour=hour, minute=minute, second=second)
                    if when > start:
                        yield int(when.timestamp())
                        last = day + LONGEST
            day += timedelta(days=1)

    def _includes(self, day: datetime) -> bool:
        return (
            day.weekday() in self.weekdays
            and (self.years is None or day.year in self.years)
            and day.month in self.months
            and day.day in self.days
        )


def _weekdays(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _dots, last = part.partition("..")
        names = [name[:3] for name in (first, last or first)]
        if any(name not in WEEKDAYS for name in names):
            raise CalendarError(f"unable to parse weekday '{part}'")
        begin, end = (WEEKDAYS.index(name) for name in names)
        found |= {number % 7 for number in range(begin, end + 1 if end >= begin else end + 8)}
    return frozenset(found)


def _times(text: str) -> tuple[tuple[int, int, int], ...]:
    """Hours, minutes and seconds; one part alone is the minutes of each hour."""
    parts = text.split(":")
    if len(parts) > 3:
        raise CalendarError(f"unable to parse time '{text}'")
    hours, minutes = ("*", parts[0]) if len(parts) == 1 else (parts[0], parts[1])
    seconds = parts[2] if len(parts) == 3 else "0"
    return tuple(
        (hour, minute, second)
        for hour in sorted(_numbers(hours, 0, 23))
        for minute in sorted(_numbers(minutes, 0, 59))
        for second in sorted(_numbers(seconds, 0, 59))
    )


def _numbers(text: str, low: int, high: int) -> frozenset[int]:
    """What `*`, `8..17,22` or `0/15` stands for."""
    found: set[int] = set()
    for part in text.split(","):
        match = PART.fullmatch(part)
        if match is None:
            raise CalendarError(f"unable to parse '{part}'")
        first = int(match["first"] or low)
        single = match["first"] and not match["last"] and not match["step"]
        last = first if single else int(match["last"] or high)
        if not low <= first <= last <= high or match["step"] == "0":
            raise CalendarError(f"value out of range in '{part}'")
        found |= set(range(first, last + 1, int(match["step"] or 1)))
    return frozenset(found)
