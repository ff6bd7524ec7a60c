# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wanted guest, and the decision: it is there, it is on its way, or it is to be created."""

from __future__ import annotations

import enum
import re
import typing as t
from collections import Counter
from dataclasses import dataclass, field, replace

from ...api.errors import UsageError
from ...guests.cluster import CREATION_LOCKS
from ...guests.vmids import check_vmid

if t.TYPE_CHECKING:
    from ...guests.cluster import Cluster, Guest
    from ...operations.job import Job
    from ...tasks.upid import Upid

_DNS_NAME = re.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?)*\Z"
)


class Action(enum.Enum):
    """What to do about a requested guest."""

    KEEP = "keep"
    ADOPT = "adopt"
    CREATE = "create"
    GIVE_UP = "give up"


@dataclass(frozen=True)
class GuestRequest:
    """A guest that is wanted, and what was decided about it.

    None is "no matter" of ``vmid``, ``name`` and ``node``, where it is to live. ``why`` says why it
    cannot be created as it is wanted, should it not exist.

    ``action`` is None before it is decided. ``guest`` is what is there already. ``upid`` is the
    running task to ADOPT, or the dead one that left what is given up. ``refusal`` explains GIVE_UP.
    ``job`` is that of a guest to CREATE or ADOPT, once there is one.
    """

    vmid: int | None
    name: str | None
    node: str | None = None
    options: t.Mapping[str, t.Any] = field(default_factory=dict)
    why: str = ""
    action: Action | None = None
    guest: Guest | None = None
    upid: Upid | None = None
    refusal: str = ""
    job: Job | None = None

    @property
    def title(self) -> str:
        """The name, or the VMID if there is none."""
        return self.name or str(self.vmid)

    @property
    def lives_on(self) -> str | None:
        """The node where it is or will be."""
        return self.guest.node if self.guest else self.node

    def missing(self) -> GuestRequest:
        """The guest, which is not there: to be created, if it can be."""
        one = replace(self, action=Action.CREATE, guest=None, upid=None, refusal="")
        return one.given_up(self.why) if self.why else one

    def given_up(self, refusal: str) -> GuestRequest:
        """The guest, for which nothing is done."""
        return replace(self, action=Action.GIVE_UP, refusal=refusal)


def check_requests(wanted: t.Sequence[GuestRequest], name_option: str) -> None:
    """Refuse an invalid list: missing identities, duplicates, invalid names and VMIDs."""
    for one in wanted:
        if one.vmid is None and not one.name:
            raise UsageError(
                f"guests: set {name_option} or vmid of each guest, so that a later run finds it"
            )
        if one.vmid is not None:
            check_vmid(one.vmid, "vmid")
        if one.name is not None and not _DNS_NAME.match(one.name):
            raise UsageError(
                f"{name_option}: {one.name!r} is not a valid DNS name"
                " (letters, digits, inner hyphens, dots)"
            )
    for option, values in (
        ("vmid", [one.vmid for one in wanted]),
        (name_option, [one.name for one in wanted]),
    ):
        doubles = [value for value, n in Counter(values).items() if n > 1 and value is not None]
        if doubles:
            raise UsageError(f"guests: {option} {doubles[0]!r} is listed more than once")


def decide(
    wanted: t.Sequence[GuestRequest],
    cluster: Cluster,
    guest_type: str,
    avoid: t.Collection[int] = (),
) -> list[GuestRequest]:
    """Each wanted guest with what is to be done about it, from what the cluster shows.

    A guest is known by its VMID, else by its name among the guests of its type. ``avoid`` are
    VMIDs that can never be meant (the source itself). What is locked because it is being created is
    a candidate for ADOPT; whether a task still works on it is not known here. What stands against
    one guest is its own GIVE_UP.
    """
    return [_decide(one, cluster, guest_type, avoid) for one in wanted]


def _decide(
    one: GuestRequest, cluster: Cluster, guest_type: str, avoid: t.Collection[int]
) -> GuestRequest:
    try:
        guest = _existing(one, cluster, guest_type)
    except UsageError as error:
        return one.given_up(str(error))
    if guest is None:
        return replace(one, action=Action.CREATE)
    one = replace(one, guest=guest)
    refusal = _against(one, guest, cluster, guest_type, avoid)
    if refusal:
        return one.given_up(refusal)
    return replace(one, action=Action.ADOPT if guest.lock in CREATION_LOCKS else Action.KEEP)


def _against(
    one: GuestRequest, guest: Guest, cluster: Cluster, guest_type: str, avoid: t.Collection[int]
) -> str:
    """Why this guest is not the requested one, empty if it is or may become it."""
    if guest.vmid in avoid:
        return f"guests: {one.title} is the source itself, {guest.title}"
    if guest.type != guest_type:
        return f"vmid: {guest.vmid} is taken by {guest.title}"
    if one.name is None or guest.name == one.name or guest.lock in CREATION_LOCKS:
        return ""
    if (guest.node, guest.type) in cluster.unread:
        return (
            f"cannot determine whether {guest.title} is named {one.name!r}: its node is offline"
            " or did not answer"
        )
    return (
        f"vmid: expected {guest.vmid} to be named {one.name!r}, but it is taken by {guest.title};"
        " it is not changed"
    )


def _existing(one: GuestRequest, cluster: Cluster, guest_type: str) -> Guest | None:
    if one.vmid is not None:
        return cluster.guests.get(one.vmid)
    found = [guest for guest in cluster.named(t.cast("str", one.name)) if guest.type == guest_type]
    if len(found) > 1:
        raise UsageError(
            f"the name {one.name!r} is ambiguous, set a vmid:"
            f" {', '.join(guest.title for guest in found)}"
        )
    if found:
        return found[0]
    cluster.check_absent(t.cast("str", one.name), "guests", guest_type)
    return None
