# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operation requires of a guest, and what makes it unnecessary: the rules of the catalogue.

Rules are pure functions of what was just read of the guest.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..api.errors import UsageError
from ..guests.config import Configuration, Rules, difference
from ..guests.volumes import size_in_bytes

if t.TYPE_CHECKING:
    from ..guests.cluster import Cluster, Guest

Reading = t.Literal["configuration", "snapshots", "status", "tasks", "storages"]
"""What a rule can have read of its guest before it decides."""


@dataclass(frozen=True)
class Situation:
    """A guest at the time of the decision, and the request.

    ``params`` are in the format of the API. ``current`` is empty unless the operation compares.
    ``may_replace`` allows other volumes, ``keep_secrets`` keeps existing secrets, ``force_stop``
    allows to stop a running guest first.
    """

    guest: Guest
    params: t.Mapping[str, t.Any]
    cluster: Cluster
    current: Configuration = field(default_factory=Configuration)
    may_replace: bool = False
    keep_secrets: bool = False
    force_stop: bool = False


@dataclass(frozen=True)
class Need:
    """What to do: ``params`` to act with, None for nothing.

    ``awaited`` are options that will be as requested after a restart. ``stop_first`` says that the
    guest has to be stopped first.
    """

    params: t.Mapping[str, t.Any] | None
    awaited: tuple[str, ...] = ()
    stop_first: bool = False


Rule = t.Callable[[Situation], Need]
"""A decision; UsageError if the operation is not possible on the guest."""


def always(there: Situation) -> Need:
    """It is always done."""
    return Need(there.params)


def unless_in_state(state: str) -> Rule:
    """It is done if the guest has another state."""

    def rule(there: Situation) -> Need:
        return Need(None if there.guest.status == state else there.params)

    return rule


def unless_configured(there: Situation) -> Need:
    """Only differences are configured."""
    rules = Rules(there.guest.type, may_replace=there.may_replace, keep_secrets=there.keep_secrets)
    change = difference(there.current, there.params, rules)
    return Need(change.params or None, change.awaited)


def unless_as_large(there: Situation) -> Need:
    """A disk grows and never shrinks."""
    params, current = there.params, there.current
    disk, size = str(params.get("disk") or ""), str(params.get("size") or "")
    if not disk or not size:
        raise UsageError("params: resize needs disk and size, such as scsi0 and 32G or +8G")
    if disk not in current.values:
        raise UsageError(f"params: {there.guest.title} has no disk {disk!r}")
    wanted, have = size_in_bytes(size.lstrip("+")), current.disk_size(disk)
    if wanted is None:
        raise UsageError(f"params: size {size!r} is not a number with K, M, G or T")
    if size.startswith("+"):
        return Need(params)
    if have is not None and wanted < have:
        raise UsageError(
            f"params: disk {disk} of {there.guest.title} is larger than {size}; it cannot be shrunk"
        )
    return Need(None if wanted == have else params)


def unless_template(there: Situation) -> Need:
    """A template is not converted again."""
    return Need(None if there.guest.template else there.params)


def unless_on_target(there: Situation) -> Need:
    """A guest moves to a node that exists and is online."""
    target = there.cluster.node(str(there.params.get("target") or ""), "params: target")
    return Need(None if there.guest.node == target.name else there.params)


def if_stopped(there: Situation) -> Need:
    """A running guest is stopped first if that is allowed, and refused otherwise."""
    guest = there.guest
    stop_first = guest.running and there.force_stop
    if guest.running and not stop_first and not there.params.get("force"):
        raise UsageError(f"{guest.title} is running; stop it first, or set force_stop")
    return Need(there.params, stop_first=stop_first)
