# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Points in time as users write them: an epoch, ISO 8601, an age."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta, timezone

from ..api.errors import UsageError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*([smhdw])\Z", re.ASCII)
_EPOCH = re.compile(r"(\d{1,12})(?:\.\d+)?\Z", re.ASCII)
# The same on every Python: datetime.fromisoformat accepts compact forms only since 3.11.
_ISO = re.compile(
    r"(?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,]\d+)?)?)?)?"
    r"\s*(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?\Z",
    re.ASCII,
)
# The start of a task has eight hexadecimal digits in its UPID.
_LATEST = 0xFFFFFFFF


class Moment(t.NamedTuple):
    """A point in time: epoch seconds, or an age that counts back from a clock."""

    seconds: int | None = None
    age: float | None = None

    def by(self, now: float) -> int:
        """Epoch seconds by the clock that shows ``now``."""
        if self.age is None:
            return self.seconds or 0
        return max(0, int(now - self.age))


def read_moment(value: object, option: str) -> Moment | None:
    """Parse the value of an option; None and an empty text mean unset.

    Eight digits are a date if that is in this or the last century (``20260101``). A time without a
    zone is UTC.
    """
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    age, iso, epoch = _AGE.match(text), _ISO.match(text), _EPOCH.match(text)
    if age:
        seconds = float(age.group(1)) * _SECONDS[age.group(2)]
        return Moment(age=_in_range(seconds, option, text))
    if iso and not (epoch and not re.match(r"(19|20)\d{6}\Z", text)):
        return Moment(int(_in_range(_of_iso(iso, option), option, text)))
    if epoch:
        return Moment(int(_in_range(float(epoch.group(1)), option, text)))
    raise _unreadable(option, text)


def _of_iso(match: re.Match[str], option: str) -> float:
    year, month, day, hour, minute, second = (
        int(match.group(name) or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    try:
        zone = _zone(match.group("zone"))
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        raise _unreadable(option, match.group(0)) from None


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return timezone.utc
    digits = text[1:].replace(":", "").ljust(4, "0")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-ahead if text[0] == "-" else ahead)


def _in_range(seconds: float, option: str, text: str) -> float:
    if not 0 <= seconds <= _LATEST:
        raise UsageError(f"{option}: {_shown(text)} is out of range")
    return seconds


def _unreadable(option: str, text: str) -> UsageError:
    return UsageError(
        f"{option}: {_shown(text)} is neither epoch seconds, nor ISO 8601 (2025-09-08T20:19:13Z),"
        " nor an age (90s, 2h, 7d)"
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")
