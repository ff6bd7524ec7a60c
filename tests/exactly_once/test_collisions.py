# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays that use the same range of VMIDs, while another user creates guests."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import ApiError
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    Cluster,
    Truth,
    cluster,
)
from ansible_collections.upid.proxmox.tests.exactly_once.module_process import ModuleProcess

TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
OTHER_TOKEN = {
    "api_token_id": "ansible@pve!ci",
    "api_token_secret": "00000000-0000-4000-8000-000000000002",
}
RANGE = "700-760"


def named(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{number:02}" for number in range(1, count + 1)]


def plays(there: Cluster) -> dict[str, ModuleProcess]:
    """Two plays of the same user, one of another, all with the same range."""
    vms: Mapping[str, Any] = {"source": 9000, "vmid_range": RANGE, "full": True}
    mine = [{"name": name} for name in named("mine", 10)]
    theirs = [{"name": name} for name in named("theirs", 10)]
    containers = [{"hostname": name} for name in named("ct", 10)]
    create = {"ostemplate": TEMPLATE, "storage": "ceph", "vmid_range": RANGE}
    return {
        "mine": ModuleProcess(there, "clone", {**vms, "guests": mine}),
        "theirs": ModuleProcess(there, "clone", {**vms, "guests": theirs, **OTHER_TOKEN}),
        "ct": ModuleProcess(
            there, "container", {**create, "guests": containers, "placement": "round_robin"}
        ),
    }


async def create_by_hand(there: Cluster, seed: int) -> list[int]:
    """Another user, who creates VMs with random VMIDs of the same range."""
    chance = random.Random(seed)
    created = []
    async with there.client() as api:
        for vmid in chance.sample(range(700, 740), 12):
            try:
                await api.post(
                    ("nodes", f"pve{1 + vmid % 3}", "qemu"), {"vmid": vmid, "name": f"hand-{vmid}"}
                )
                created.append(vmid)
            except ApiError:
                continue
            await asyncio.sleep(chance.uniform(0.05, 0.3))
    return created


@pytest.mark.seeds(10, 2)
def test_everybody_s_guests_are_there_once_with_their_names(seed: int) -> None:
    with cluster(seed=seed, speed=30) as there:
        running = plays(there)
        by_hand = asyncio.run(create_by_hand(there, seed))
        results = {name: one.result() for name, one in running.items()}
        truth = there.until(lambda truth: not truth.running())
        for name, result in results.items():
            assert not result.get("failed"), result["msg"]
            _check(result, named(name, 10), truth)
        # A VM of the other user exists, untouched, unless its task lost the VMID to a clone.
        for vmid in by_hand:
            made = [t for t in truth.of_type("qmcreate") if t["id"] == str(vmid)]
            if [task["exitstatus"] for task in made] == ["OK"]:
                assert truth.guests[vmid]["name"] == f"hand-{vmid}"
        assert not truth.of_type("qmdestroy", "vzdestroy")
        assert not [guest for guest in truth.guests.values() if guest["lock"]]


def _check(result: Mapping[str, Any], wanted: list[str], truth: Truth) -> None:
    made = truth.named(*wanted)
    assert sorted(guest["name"] for guest in made) == wanted
    assert all(700 <= guest["vmid"] <= 760 for guest in made)
    assert {guest["vmid"]: guest["name"] for guest in result["guests"]} == {
        guest["vmid"]: guest["name"] for guest in made
    }


def test_the_same_play_twice_at_once_creates_each_guest_once() -> None:
    """With explicit VMIDs, Proxmox VE itself decides which of the two creates a guest."""
    guests = [{"name": name, "vmid": 800 + n} for n, name in enumerate(named("vm", 10))]
    with cluster(speed=30) as there:
        options = {"source": 9000, "guests": guests, "full": True}
        both = [ModuleProcess(there, "clone", options) for _unused in range(2)]
        results = [one.result() for one in both]
        truth = there.truth()
        assert sorted(guest["name"] for guest in truth.named(*named("vm", 10))) == named("vm", 10)
        assert len(truth.guests) == 14
        for guest in guests:
            good = [
                one
                for result in results
                for one in result["guests"]
                if one["vmid"] == guest["vmid"] and one["outcome"] in ("ok", "unchanged")
            ]
            assert good, f"nobody tells of {guest}"
