# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.upid.proxmox.plugins.filter.account_guests import FilterModule

account_guests = FilterModule().filters()["account_guests"]

CLONE = "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"
PLANNED: list[dict[str, Any]] = [
    {"name": "a", "vmid": None, "settings": {"groups": ["web"], "ci_password": "secret"}},
    {"name": "b", "vmid": 202, "settings": {"groups": ["web"]}},
]
CLONED = {
    "guests": [
        {"name": "a", "vmid": 201, "node": "pve1", "outcome": "ok", "changed": True},
        {
            "name": "b",
            "vmid": 202,
            "node": "pve2",
            "outcome": "failed",
            "changed": False,
            "message": "no space left",
            "upid": CLONE,
        },
    ]
}


def step(result: dict[str, Any]) -> dict[str, Any]:
    return {"name": "clone", "done": "cloned", "result": result}


def test_guests_that_go_on_keep_their_plan() -> None:
    assert account_guests(PLANNED, [step(CLONED)])["going"] == [
        {**PLANNED[0], "vmid": 201, "reference": 201, "done": ["cloned"]}
    ]


def test_a_guest_without_a_vmid_is_referred_to_by_its_name() -> None:
    going = account_guests(PLANNED, [step({})])["going"]
    assert [one["reference"] for one in going] == ["a", 202]


def test_guests_that_are_ready_show_only_the_settings_that_they_shall() -> None:
    assert account_guests(PLANNED, [step(CLONED)], show=["groups", "ci_user"])["ready"] == [
        {
            "vmid": 201,
            "name": "a",
            "node": "pve1",
            "address": None,
            "groups": ["web"],
            "ci_user": None,
            "done": ["cloned"],
        }
    ]


def test_guests_that_failed_say_where_and_why() -> None:
    assert account_guests(PLANNED, [step(CLONED)])["failed"] == [
        {
            "vmid": 202,
            "name": "b",
            "node": "pve2",
            "step": "clone",
            "reason": "no space left",
            "upid": CLONE,
        }
    ]


def test_the_account_is_told_in_words() -> None:
    account = account_guests(PLANNED, [step(CLONED)], called="VMs")
    assert account["table"][0] == "1 of 2 VMs are ready"
    assert account["problems"] == [
        "1 of 2 VMs failed",
        f"b (VMID 202) failed to clone: no space left [{CLONE}]",
    ]


def test_the_rules_are_those_that_are_given() -> None:
    queued = {"guests": [{"name": "a", "vmid": None, "outcome": "queued", "changed": True}]}
    account = account_guests(PLANNED[:1], [step(queued)], check_mode=True)
    assert account["table"][2].endswith("would be cloned")
    warned = {"guests": [{"name": "a", "vmid": 201, "outcome": "warnings", "changed": True}]}
    assert len(account_guests(PLANNED[:1], [step(warned)], warnings="fail")["failed"]) == 1
    seen = {"guests": [{"name": "a", "vmid": 201, "addresses": []}]}
    [failed] = account_guests(PLANNED[:1], [step(seen)], address_timeout="5")["failed"]
    assert failed["reason"] == "none within 5 seconds"


def test_what_cannot_be_accounted_for_is_an_error_that_says_so() -> None:
    with pytest.raises(
        AnsibleFilterError, match=r"account_guests: a guest has no name, but settings"
    ):
        account_guests([{"settings": {}}], [])
    with pytest.raises(
        AnsibleFilterError, match="account_guests: a step has no done, but name, result"
    ):
        account_guests([], [{"name": "clone", "result": {}}])
    with pytest.raises(AnsibleFilterError, match="warnings: 'ignore' is neither accept nor fail"):
        account_guests([], [], warnings="ignore")
    with pytest.raises(AnsibleFilterError, match="account_guests: address_timeout: 'long'"):
        account_guests([], [], address_timeout="long")
