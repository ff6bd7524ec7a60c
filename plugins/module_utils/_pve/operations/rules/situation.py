# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rule decides by, and what it decides."""

from __future__ import annotations

import difflib
import typing as t
from dataclasses import dataclass, field

from ...api.errors import UsageError
from ...guests.config import Configuration
from ...guests.ties import Ties

if t.TYPE_CHECKING:
    from ...guests.cluster import Cluster, Guest
    from ...guests.snapshots import Snapshot
    from ...tasks.upid import Upid

Reading = t.Literal["configuration", "snapshots", "status", "tasks", "holders", "storages", "ties"]
"""What a rule can ask to be read before it decides."""


def missing(name: str, given: t.Iterable[str]) -> UsageError:
    """The error about a parameter that is missing; it may be misspelled among the ``given``."""
    close = difflib.get_close_matches(name, map(str, given), 1)
    return UsageError(f"params: {name} is missing" + (f"; {close[0]} was given" if close else ""))


@dataclass(frozen=True)
class Situation:
    """A guest at the time of the decision, and the request.

    ``params`` are in the format of the API, with the names of the catalogue. ``current`` is empty
    unless the operation compares or reads it, and so are ``snapshots``, the oldest first,
    ``status`` (of ``status/current``), the ``tasks`` that work on it (``holders`` reads them for a
    guest with a lock), ``storages``, the type of each, and ``ties``, what depends on it. ``exists``
    is false for a guest that is to be created. ``may_replace`` allows other volumes,
    ``keep_secrets`` keeps existing secrets, ``force_stop`` allows to stop a running guest first.
    """

    guest: Guest
    params: t.Mapping[str, t.Any]
    cluster: Cluster
    current: Configuration = field(default_factory=Configuration)
    snapshots: tuple[Snapshot, ...] = ()
    status: t.Mapping[str, t.Any] = field(default_factory=dict)
    tasks: tuple[Upid, ...] = ()
    storages: t.Mapping[str, str] = field(default_factory=dict)
    ties: Ties = field(default_factory=Ties)
    exists: bool = True
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
NOTHING = Need(None)


def always(there: Situation) -> Need:
    """It is always done."""
    return Need(there.params)
