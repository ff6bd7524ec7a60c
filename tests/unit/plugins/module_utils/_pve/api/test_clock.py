# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api import clock
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(1, 100_000))
def test_a_pause_has_its_bounds_however_often_it_is_tried(attempt: int) -> None:
    assert 0.25 <= clock.backoff(attempt) <= 8.0


def test_pauses_grow_and_are_scattered() -> None:
    pauses = [{clock.backoff(attempt) for _unused in range(50)} for attempt in (1, 3, 5)]
    assert max(pauses[0]) < min(pauses[1]) <= max(pauses[1]) < min(pauses[2]) <= max(pauses[2])
    assert all(len(some) > 1 for some in pauses)


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_no_time_is_slept_at_once(seconds: float) -> None:
    @in_virtual_time
    async def scenario() -> None:
        await clock.sleep(seconds)
        assert clock.now() == 0

    scenario()


@in_virtual_time
async def test_the_loop_is_the_clock() -> None:
    await clock.sleep(86400)
    assert clock.now() == pytest.approx(86400)
