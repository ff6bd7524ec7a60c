# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.creation.plan import (
    Action,
    GuestRequest,
    check_requests,
    decide,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Cluster, Guest

WEB1 = Guest(201, "qemu", "pve1", "web1", "running")


def plan(
    wanted: GuestRequest, *guests: Guest, unread: Any = (), avoid: tuple[int, ...] = ()
) -> tuple[Action | None, int | None]:
    """What is to be done, and about which guest."""
    step = step_for(wanted, *guests, unread=unread, avoid=avoid)
    return step.action, step.guest.vmid if step.guest else None


def step_for(
    wanted: GuestRequest, *guests: Guest, unread: Any = (), avoid: tuple[int, ...] = ()
) -> GuestRequest:
    cluster = Cluster(guests={guest.vmid: guest for guest in guests}, unread=unread)
    [step] = decide([wanted], cluster, "qemu", avoid)
    return step


def refused(wanted: GuestRequest, *guests: Guest, **more: Any) -> str:
    """Why nothing is done about the guest."""
    step = step_for(wanted, *guests, **more)
    assert step.action is Action.GIVE_UP
    return step.refusal


@pytest.mark.parametrize(
    "wanted", [GuestRequest(201, "web1"), GuestRequest(201, None), GuestRequest(None, "web1")]
)
def test_existing_guests_are_kept_whether_identified_by_vmid_or_name(wanted: GuestRequest) -> None:
    assert plan(wanted, WEB1) == (Action.KEEP, 201)


@pytest.mark.parametrize(
    "wanted", [GuestRequest(202, "web1"), GuestRequest(202, None), GuestRequest(None, "web2")]
)
def test_missing_guests_are_created(wanted: GuestRequest) -> None:
    assert plan(wanted, WEB1) == (Action.CREATE, None)


@pytest.mark.parametrize("lock", ["clone", "create"])
@pytest.mark.parametrize("name", ["web1", "other", None])
def test_a_guest_that_is_being_created_is_a_candidate_for_adoption(
    lock: str, name: str | None
) -> None:
    assert plan(GuestRequest(201, "web1"), replace(WEB1, name=name, lock=lock)) == (
        Action.ADOPT,
        201,
    )


@pytest.mark.parametrize("lock", ["backup", "migrate", "snapshot", "disk"])
def test_another_lock_does_not_matter_to_an_existing_guest(lock: str) -> None:
    assert plan(GuestRequest(201, "web1"), replace(WEB1, lock=lock)) == (Action.KEEP, 201)


def test_a_vmid_of_a_guest_with_another_name_is_refused_with_both_names() -> None:
    why = refused(GuestRequest(201, "db1"), WEB1)
    assert "expected 201 to be named 'db1', but it is taken by VM 201 (web1)" in why
    assert "201" in refused(GuestRequest(201, "db1"), replace(WEB1, name=None)), (
        "it has no name at all"
    )


def test_a_vmid_of_another_type_of_guest_is_refused() -> None:
    assert "vmid: 201 is taken by CT 201" in refused(
        GuestRequest(201, "x"), replace(WEB1, type="lxc")
    )


def test_a_name_of_another_type_of_guest_is_no_matter() -> None:
    assert plan(GuestRequest(None, "web1"), replace(WEB1, type="lxc")) == (Action.CREATE, None)


def test_the_source_itself_is_never_a_target() -> None:
    assert "is the source itself" in refused(GuestRequest(None, "web1"), WEB1, avoid=(201,))


def test_a_duplicate_name_is_ambiguous_but_a_vmid_is_not() -> None:
    both = (WEB1, replace(WEB1, vmid=202))
    assert "'web1' is ambiguous" in refused(GuestRequest(None, "web1"), *both)
    assert plan(GuestRequest(202, "web1"), *both) == (Action.KEEP, 202)


def test_a_guest_whose_name_cannot_be_read_is_known_by_its_vmid_alone() -> None:
    nameless, unread = replace(WEB1, name=None), [("pve1", "qemu")]
    assert plan(GuestRequest(201, None), nameless, unread=unread) == (Action.KEEP, 201)
    assert "cannot determine whether VM 201 on pve1 is named 'web1'" in refused(
        GuestRequest(201, "web1"), nameless, unread=unread
    )


def test_where_names_cannot_be_read_no_second_guest_with_a_name_is_created() -> None:
    nameless = replace(WEB1, name=None, node="pve2")
    unread = [("pve2", "qemu")]
    why = refused(GuestRequest(None, "web1"), nameless, unread=unread)
    assert "cannot determine whether guest 'web1' exists" in why
    assert "pve2" in why
    assert plan(GuestRequest(202, "web1"), nameless, unread=unread) == (Action.CREATE, None)
    assert plan(GuestRequest(None, "web1"), unread=[("pve2", "lxc")]) == (Action.CREATE, None)
    assert plan(GuestRequest(None, "web1"), WEB1, unread=unread) == (Action.KEEP, 201)


def test_one_wrong_guest_is_not_the_end_of_the_others() -> None:
    cluster = Cluster(guests={201: WEB1})
    wanted = [GuestRequest(201, "db1"), GuestRequest(None, "web1"), GuestRequest(None, "web2")]
    actions = [step.action for step in decide(wanted, cluster, "qemu")]
    assert actions == [Action.GIVE_UP, Action.KEEP, Action.CREATE]


def test_the_node_is_the_current_or_the_future_one() -> None:
    cluster = Cluster(guests={201: WEB1})
    kept, made = decide(
        [GuestRequest(201, None, "pve3"), GuestRequest(202, None, "pve3")], cluster, "qemu"
    )
    assert (kept.lives_on, made.lives_on) == ("pve1", "pve3")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([GuestRequest(None, None)], "set name or vmid of each guest"),
        ([GuestRequest(None, "")], "set name or vmid of each guest"),
        ([GuestRequest(99, "web1")], "vmid: VMID 99 is outside"),
        ([GuestRequest(None, "web_1")], "name: 'web_1' is not a valid DNS name"),
        ([GuestRequest(None, "web 1")], "name: 'web 1'"),
        ([GuestRequest(None, "-web1")], "name: '-web1'"),
        ([GuestRequest(None, "web1.")], "name: 'web1.'"),
        ([GuestRequest(201, "a"), GuestRequest(201, "b")], "vmid 201 is listed more than once"),
        ([GuestRequest(201, "a"), GuestRequest(202, "a")], "name 'a' is listed more than once"),
    ],
)
def test_an_invalid_list_is_refused(wanted: list[GuestRequest], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_requests(wanted, "name")


def test_a_list_of_different_vmids_and_names_is_accepted() -> None:
    check_requests(
        [GuestRequest(201, None), GuestRequest(202, None), GuestRequest(None, "web1.example.com")],
        "name",
    )
