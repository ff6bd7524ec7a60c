# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a guest is still the one that was found by its name, in the moment of acting."""

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    NoAnswerError,
    PveError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import GUEST_TYPES
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.identity import still_named
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.reading import read_cluster
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

SILENT = NoAnswerError("GET", "595 No route to host", sent=False)


@pytest.mark.parametrize("guest_type", ["qemu", "lxc"])
@in_virtual_time
async def test_a_guest_must_still_be_there_and_carry_the_name_it_was_found_by(
    guest_type: str,
) -> None:
    api = FakeApi()
    api.cluster.add(731, guest_type, name="victim", hostname="victim")
    cluster = await read_cluster(api, GUEST_TYPES)
    check = still_named(cluster.guests[731])
    api.cluster.guests[731].config["touched"] = 1
    await check(api)
    api.cluster.remove(731)
    with pytest.raises(PveError, match=r"731 .*no longer exists there: it was removed or moved"):
        await check(api)
    api.cluster.add(731, guest_type, name="innocent", hostname="innocent")
    with pytest.raises(PveError, match="VMID 731 is now named 'innocent', not 'victim'"):
        await check(api)
    api.cluster.add(731, guest_type)
    with pytest.raises(PveError, match="VMID 731 is now named None, not 'victim'"):
        await check(api)
    api.disturb("config", SILENT, count=None)
    with pytest.raises(NoAnswerError):
        await check(api)
