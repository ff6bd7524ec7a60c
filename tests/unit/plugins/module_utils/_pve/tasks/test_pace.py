# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio

from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.pace import (
    LONGEST,
    SHORTEST,
    Pace,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.watched import Watch
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import FakeCluster, now
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time


def a_watch(type_: str, age: float | None) -> Watch:
    upid = FakeCluster().start("pve1", type_, 9000).upid
    done = asyncio.get_running_loop().create_future()
    return Watch(upid, now(), None, done, born=None if age is None else now() - age)


@in_virtual_time
async def test_the_youngest_task_of_an_unknown_type_sets_the_pace() -> None:
    pace = Pace(None)
    assert pace.seconds([a_watch("qmclone", 3600)]) == LONGEST
    assert pace.seconds([a_watch("qmclone", 3600), a_watch("qmclone", 40)]) == 0.03 * 40
    assert pace.seconds([a_watch("qmclone", None)]) == SHORTEST


@in_virtual_time
async def test_the_shortest_that_is_known_of_a_type_sets_the_pace() -> None:
    pace = Pace(None)
    for seconds in (50, 20, 90):
        pace.learn("qmclone", seconds)
    assert pace.seconds([a_watch("qmclone", 3600)]) == 0.03 * 20
    assert not pace.needs_age(a_watch("qmclone", None))
    assert pace.needs_age(a_watch("qmstart", None))
