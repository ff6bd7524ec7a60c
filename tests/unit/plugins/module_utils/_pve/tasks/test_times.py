# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.times import read_moment
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000.0
THAT_DAY = 1757289600
MOMENT = 1757362753


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (MOMENT, MOMENT),
        ("1757362753", MOMENT),
        ("1757362753.9", MOMENT),
        ("0", 0),
        ("90s", NOW - 90),
        ("2h", NOW - 7200),
        ("1.5 h", NOW - 5400),
        ("7d", NOW - 7 * 86400),
        ("2w", NOW - 14 * 86400),
        ("2025-09-08T20:19:13Z", MOMENT),
        ("2025-09-08T20:19:13.250Z", MOMENT),
        ("2025-09-08T22:19:13+02:00", MOMENT),
        ("2025-09-08T22:19:13+0200", MOMENT),
        ("2025-09-08T22:19:13+02", MOMENT),
        ("2025-09-08T14:49:13-05:30", MOMENT),
        ("2025-09-08 20:19:13", MOMENT),
        ("20250908T201913Z", MOMENT),
        ("20250908T221913+0200", MOMENT),
        ("2025-09-08T20:19", MOMENT - 13),
        ("20250908T20", THAT_DAY + 20 * 3600),
        ("2025-09-08", THAT_DAY),
        ("20250908", THAT_DAY),
    ],
)
def test_times_are_read_in_every_form(value: object, seconds: float) -> None:
    moment = read_moment(value, "since")
    assert moment is not None
    assert moment.by(NOW) == int(seconds)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_empty_value_is_no_time(value: object) -> None:
    assert read_moment(value, "since") is None


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "12 parsecs",
        "9" * 400 + "h",
        "9" * 400,
        "99999999999w",
        "-5",
        "2025-13-01",
        "2025-02-30",
        "2025-0908",
        "2025-09-08T25:00:00Z",
        "2025-09-08T20:19:13+99:99",
        "1200-01-01",
        "9999-12-31",
        "0000-00-00",
        "2025-W37-1",
        "\u0662h",
        "1e9",
        "nan",
        "true",
    ],
)
def test_any_other_time_is_refused_with_its_option(value: str) -> None:
    with pytest.raises(UsageError, match=r"^since: ") as caught:
        read_moment(value, "since")
    assert len(str(caught.value)) < 250


@given(st.one_of(st.text(max_size=30), st.integers(), st.floats(allow_nan=True)))
def test_nothing_worse_than_a_refusal_can_happen(value: object) -> None:
    with contextlib.suppress(UsageError):
        moment = read_moment(value, "since")
        assert moment is None or 0 <= moment.by(NOW) <= 0xFFFFFFFF


def test_an_age_before_the_epoch_means_everything() -> None:
    moment = read_moment("4000w", "since")
    assert moment is not None
    assert moment.by(NOW) == 0
