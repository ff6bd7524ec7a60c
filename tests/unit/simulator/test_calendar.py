# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar events happen when the administration guide says so."""

from __future__ import annotations

import time
from itertools import islice

import pytest
from pvesim.calendar import CalendarError, CalendarEvent

START = 1_795_266_000.0
"""Saturday, 21 November 2026, 13:00:00 UTC."""


@pytest.mark.parametrize(
    ("text", "moments"),
    [
        ("daily", ["22 Nov 00:00:00", "23 Nov 00:00:00"]),
        ("hourly", ["21 Nov 14:00:00", "21 Nov 15:00:00"]),
        ("sun 01:00", ["22 Nov 01:00:00", "29 Nov 01:00:00"]),
        ("mon..wed 30/10", ["23 Nov 00:30:00", "23 Nov 00:40:00"]),
        ("fri..mon 2:30", ["22 Nov 02:30:00", "23 Nov 02:30:00"]),
        ("mon..fri 8..17,22:0/15", ["23 Nov 08:00:00", "23 Nov 08:15:00"]),
        ("*/20", ["21 Nov 13:20:00", "21 Nov 13:40:00"]),
        ("*-1,15 4:05:06", ["01 Dec 04:05:06", "15 Dec 04:05:06"]),
        ("2028-2-29", ["29 Feb 00:00:00"]),
        ("2-30", []),
    ],
)
def test_events_happen_after_a_delay(text: str, moments: list[str]) -> None:
    found = islice(CalendarEvent.parse(text).after(START), 2)
    assert [time.strftime("%d %b %H:%M:%S", time.gmtime(moment)) for moment in found] == moments


@pytest.mark.parametrize("text", ["foo", "mon foo", "25:00", "*/0", "1:2:3:4", "mon 1:00 x"])
def test_an_invalid_event_is_refused(text: str) -> None:
    with pytest.raises(CalendarError):
        CalendarEvent.parse(text)
