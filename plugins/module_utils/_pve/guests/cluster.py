# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests, nodes and the cluster, as one reading showed them."""

from __future__ import annotations

import functools
import re
import typing as t
from dataclasses import dataclass, field

from ..api.errors import UsageError
from .labels import label_of

GUEST_TYPES = ("qemu", "lxc")
# The locks of a guest that is being created (PVE::API2::Qemu clone; PVE::API2::LXC create, clone).
CREATION_LOCKS = ("clone", "create")
_DIGITS = re.compile(r"[0-9]{1,18}\Z")
_SEPARATORS = re.compile(r"[;, ]+")


@dataclass(frozen=True)
class Guest:
    """A VM (``type`` qemu) or a container (lxc), as a reading showed it or as it is to become.

    ``name`` is None if it has none or if it was not read. ``status`` is ``running``, ``stopped``,
    or ``unknown`` if the node has not reported yet. ``memory`` is in bytes. ``hint`` is the name
    that was reported some seconds ago: a place to look first, never proof. ``ha`` is the state of
    HA for it, None if HA does not manage it.
    """

    vmid: int
    type: str
    node: str
    name: str | None
    status: str = "unknown"
    template: bool = False
    lock: str | None = None
    pool: str | None = None
    tags: tuple[str, ...] = ()
    memory: int = 0
    hint: str | None = field(default=None, compare=False)
    ha: str | None = None

    @property
    def running(self) -> bool:
        """Whether the guest runs."""
        return self.status == "running"

    @property
    def label(self) -> str:
        """``VM 201 (web1)``."""
        return label_of(self.type, self.vmid, self.name)

    @property
    def title(self) -> str:
        """``VM 201 (web1) on pve1``."""
        return f"{self.label} on {self.node}"


@dataclass(frozen=True)
class Node:
    """A node; ``memory_used`` and ``memory`` are in bytes, 0 while it is offline."""

    name: str
    online: bool
    memory: int = 0
    memory_used: int = 0


@dataclass(frozen=True)
class Cluster:
    """What one reading of the cluster showed.

    ``unread`` are the pairs of node and type whose guests' names were not read: the node is
    offline, it did not answer, or names of that type were not asked for. The guests there have no
    name here.
    """

    nodes: t.Mapping[str, Node] = field(default_factory=dict)
    guests: t.Mapping[int, Guest] = field(default_factory=dict)
    unread: t.Collection[tuple[str, str]] = ()

    def named(self, name: str) -> list[Guest]:
        """Every guest of this name; Proxmox VE does not keep names unique."""
        return list(self._by_name.get(name, ()))

    @functools.cached_property
    def _by_name(self) -> dict[str | None, list[Guest]]:
        """The guests by name: thousands of names may be looked up in one reading."""
        found: dict[str | None, list[Guest]] = {}
        for guest in self.guests.values():
            found.setdefault(guest.name, []).append(guest)
        return found

    def find(self, reference: object, option: str) -> Guest | None:
        """The guest with this VMID or name, None if there certainly is none.

        UsageError, with the name of ``option``, if several guests have the name, or if it was not
        found and the names of some node could not be read.
        """
        vmid = as_vmid(reference)
        return self.guests.get(vmid) if vmid is not None else self.find_named(reference, option)

    def find_named(self, name: object, option: str) -> Guest | None:
        """Like ``find``, for a name even if it looks like a VMID."""
        text = str(name).strip()
        found = self.named(text)
        # A name that was reported some seconds ago proves nothing, but it is a reason to doubt.
        doubtful = self._unread_by_hint.get(text, []) if found else []
        if len(found) + len(doubtful) > 1:
            raise UsageError(
                f"{option}: the name {text!r} is ambiguous, use a VMID:"
                f" {', '.join(guest.title for guest in (*found, *doubtful))}"
            )
        if not found:
            self.check_absent(text, option)
        return found[0] if found else None

    def check_absent(self, name: str, option: str, guest_type: str | None = None) -> None:
        """Raise UsageError if a guest of this name that was not found may be on an unread node."""
        silent = sorted({node for node, unread in self.unread if guest_type in (None, unread)})
        if not silent:
            return
        states = [
            f"{node} ({'did not answer' if self._is_online(node) else 'offline'})"
            for node in silent
        ]
        raise UsageError(
            f"{option}: cannot determine whether guest {name!r} exists: these nodes could not"
            f" be read for the names of their guests: {', '.join(states)}."
            " Use a VMID, or retry when they answer"
        )

    @functools.cached_property
    def _unread_by_hint(self) -> dict[str | None, list[Guest]]:
        """The guests whose names were not read, by the names that were last reported."""
        unread = set(self.unread)
        found: dict[str | None, list[Guest]] = {}
        for guest in self.guests.values():
            if (guest.node, guest.type) in unread:
                found.setdefault(guest.hint, []).append(guest)
        return found

    def _is_online(self, node: str) -> bool:
        return node in self.nodes and self.nodes[node].online

    def get(self, reference: object, option: str) -> Guest:
        """Like ``find``, but raises UsageError for a missing guest."""
        guest = self.find(reference, option)
        if guest is None:
            raise UsageError(
                f"{option}: there is no guest {str(reference)!r} in the cluster,"
                " or the user or token lacks VM.Audit on it"
            )
        return guest

    def node(self, name: str, option: str) -> Node:
        """The node with this name; UsageError if there is none or it is offline."""
        node = self.nodes.get(name)
        if node is None:
            raise UsageError(
                f"{option}: there is no node {name!r}; the cluster has {', '.join(self.nodes)}"
            )
        if not node.online:
            raise UsageError(f"{option}: node {name!r} is offline")
        return node


def as_vmid(reference: object) -> int | None:
    """The VMID of a reference, None if it is a name."""
    text = str(reference).strip()
    return int(text) if _DIGITS.match(text) else None


def split_tags(tags: object) -> tuple[str, ...]:
    """The tags as Proxmox VE stores them: in lower case, sorted, each once.

    It separates them by ``;``, users also by ``,``.
    """
    if tags is None:
        return ()
    texts = tags if isinstance(tags, (list, tuple)) else [tags]
    parts = [part.strip().lower() for text in texts for part in _SEPARATORS.split(str(text))]
    return tuple(sorted(set(filter(None, parts))))
