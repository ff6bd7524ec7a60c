# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests import by_name
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.by_name import (
    GuestsByName,
    read_by_name,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.lists import listed_guest
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

NODES = ("pve1", "pve2", "pve3")


def vmids(guests: list[Guest]) -> list[int]:
    return sorted(guest.vmid for guest in guests)


@in_virtual_time
async def test_every_guest_of_a_name_is_found_on_whatever_nodes_they_are() -> None:
    api = FakeApi()
    for vmid, node in ((101, "pve1"), (102, "pve1"), (103, "pve2")):
        api.cluster.add(vmid, node=node, name="app")
    api.cluster.add(104, name="other")
    api.cluster.add(105, "lxc", hostname="app")
    guests, silent = await read_by_name(api, NODES, "qemu", 15.0)
    assert vmids(guests.named("app")) == [101, 102, 103]
    assert guests.named("nobody") == []
    assert (guests.count, silent) == (4, set())


@in_virtual_time
async def test_an_unfinished_guest_has_no_name_and_an_invented_name_does_not_count() -> None:
    api = FakeApi()
    api.cluster.add(101, lock="clone")
    api.cluster.add(102, "lxc", lock="create")
    api.cluster.add(103, lock="clone", name="app")
    api.cluster.add(104)
    vms, _silent = await read_by_name(api, NODES, "qemu", 15.0)
    containers, _silent = await read_by_name(api, NODES, "lxc", 15.0)
    assert vmids(vms.begun) == [101]
    assert vmids(containers.begun) == [102]
    assert containers.named("CT102") == []


@in_virtual_time
async def test_a_node_that_does_not_answer_is_named() -> None:
    api = FakeApi()
    api.cluster.add(101, node="pve1", name="app")
    api.cluster.down = {"pve2"}
    guests, silent = await read_by_name(api, NODES, "qemu", 15.0)
    assert vmids(guests.named("app")) == [101]
    assert silent == {"pve2"}


def test_of_known_guests_those_of_the_type_are_taken() -> None:
    guests = [
        Guest(101, "qemu", "pve1", "app", "stopped"),
        Guest(102, "lxc", "pve1", "app", "stopped"),
        Guest(103, "qemu", "pve1", None, "stopped", lock="clone"),
        Guest(104, "lxc", "pve1", None, "stopped", lock="create"),
    ]
    index = GuestsByName.of("qemu", guests)
    assert vmids(index.named("app")) == [101]
    assert vmids(index.begun) == [103]
    assert index.count == 2


@in_virtual_time
async def test_only_rows_of_requested_guests_are_converted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []

    def counted(node: str, guest_type: str, row: Mapping[str, Any]) -> Guest:
        made.append(row["vmid"])
        return listed_guest(node, guest_type, row)

    monkeypatch.setattr(by_name, "listed_guest", counted)
    api = FakeApi()
    for vmid in range(100, 1100):
        api.cluster.add(vmid, name=f"app{vmid}")
    guests, _silent = await read_by_name(api, NODES, "qemu", 15.0)
    assert guests.begun == []
    assert vmids(guests.named("app500")) == [500]
    assert made == [500]
