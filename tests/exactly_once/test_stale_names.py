# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of the cluster shows names as the nodes reported them seconds ago."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    Cluster,
    add_guest,
    cluster,
    default_world,
)


def run(there: Cluster, module: str, **options: Any) -> Report:
    return asyncio.run(there.run(module, **options))


@pytest.mark.seeds(10, 3)
def test_a_guest_that_got_the_vmid_of_a_deleted_one_is_never_harmed(seed: int) -> None:
    world = default_world()
    add_guest(world, 731, like=100, name="victim")
    with cluster(world, seed=seed) as there:
        run(there, "operation", operation="delete", guests=[731], allow_destructive=True)
        run(there, "clone", source=9000, name="innocent", vmid=731)
        report = run(
            there, "operation", operation="delete", guests=["victim"], allow_destructive=True
        )
        truth = there.truth()
        assert [guest["name"] for guest in truth.guests.values()].count("innocent") == 1
        assert [guest["outcome"] for guest in report.values["guests"]] == ["unchanged"]
        assert len(truth.of_type("qmdestroy")) == 1, "only that of the test itself"


def test_names_that_were_swapped_point_at_whom_they_name_now() -> None:
    world = default_world()
    for vmid, name in ((201, "web-blue"), (202, "web-green")):
        add_guest(world, vmid, like=100, name=name)
    with cluster(world) as there:
        for vmid, name in ((201, "tmp"), (202, "web-blue"), (201, "web-green")):
            run(there, "operation", operation="configure", guests=[vmid], params={"name": name})
        run(there, "operation", operation="delete", guests=["web-green"], allow_destructive=True)
        truth = there.truth()
        assert 201 not in truth.guests
        assert truth.guests[202]["name"] == "web-blue"


def test_a_new_name_is_known_at_once() -> None:
    with cluster() as there:
        run(there, "clone", source=9000, name="young")
        report = run(there, "operation", operation="start", guests=["young"])
        assert [guest["outcome"] for guest in report.values["guests"]] == ["ok"]
        again = run(there, "clone", source=9000, name="young")
        assert not again.changed
        assert len(there.truth().named("young")) == 1
