# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A job: a task that should run, whether or not it has a UPID yet."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ..api.errors import PveError
from ..guests.cluster import Guest
from ..guests.config import Configuration
from .lane import Lane

if t.TYPE_CHECKING:
    from ..api.calls import Params, Segments
    from ..api.client import Api
    from ..tasks.task import Outcome, Task
    from ..tasks.upid import Upid


class Unneeded(PveError):
    """The guest turned out to be as requested right before the call; ``str()`` says how."""


@dataclass(frozen=True)
class Place(Guest):
    """What a job is about that is about no guest: it stands in the place of one.

    ``type`` is ``node``, ``storage`` (of this ``name``) or ``cluster``, and ``vmid`` is 0.
    """

    @property
    def label(self) -> str:
        """``storage local``, ``node``, ``the cluster``: with `` on pve1`` a title."""
        return f"storage {self.name}" if self.type == "storage" else self.type

    @property
    def title(self) -> str:
        """``storage local on pve1``, ``node pve1``, ``the cluster``."""
        if self.type == "cluster":
            return "the cluster"
        return f"node {self.node}" if self.type == "node" else f"{self.label} on {self.node}"


class Verdict(t.NamedTuple):
    """What a task that ended well really did: ``outcome`` in place of its own, and why.

    Both are None where that is what was asked for. ``details`` are added to those of the task.
    """

    outcome: Outcome | None
    why: str | None
    details: t.Mapping[str, t.Any] = {}


Check = t.Callable[["Api", "Job", "Task"], t.Awaitable[t.Optional[Verdict]]]
"""Reads what a task that ended well has done; None where that is what was asked for."""

Details = t.Callable[["Api", "Job", "Task"], t.Awaitable[t.Mapping[str, t.Any]]]
"""Reads further facts about a task that ended, failed or not: values of the result."""


@dataclass(frozen=True)
class Job:
    """One call that starts a task, and what is needed to start it exactly once.

    ``target`` is the guest that it creates or changes, on the node where it lives in the end, or a
    Place. ``node`` runs the task, which has the type ``task_type`` and the id ``task_id``, None
    where that cannot be known before. ``returns`` is what the call returns, as in the catalogue.
    ``repeatable`` says that it creates a guest: Proxmox VE itself refuses a second one, so that a
    call whose outcome is unknown may be sent again. ``upid`` is set for a task that already runs.
    ``needs`` names the privileges, for errors that do not. ``readdress`` makes the same job for
    another VMID, if the VMID was chosen by us. ``recheck`` reads again what the job relies on,
    right before its call is sent, and raises PveError if that no longer holds, or Unneeded if the
    guest is already as requested; then nothing is sent. ``done`` reads whether the guest shows the
    effect of the call, for a call whose response got lost; where it does not, an ``idempotent``
    call may be sent once more. ``once`` says that only its response shows what it did, so that it
    is never sent again. ``details`` reads further facts about a task that ended, and then
    ``check`` what one that ended well has really done. ``before`` is the configuration that was
    read before the call, empty if none was.
    """

    title: str
    target: Guest
    node: str
    method: str
    path: Segments
    params: Params
    task_type: str
    task_id: str | None
    timeout: float
    lanes: tuple[Lane, ...] = ()
    returns: str = "upid"
    repeatable: bool = False
    idempotent: bool = False
    once: bool = False
    upid: Upid | None = None
    storage: str | None = None
    needs: str = ""
    readdress: t.Callable[[int], Job] | None = field(default=None, compare=False)
    recheck: t.Callable[[Api], t.Awaitable[None]] | None = field(default=None, compare=False)
    done: t.Callable[[Api], t.Awaitable[bool]] | None = field(default=None, compare=False)
    details: Details | None = field(default=None, compare=False)
    check: Check | None = field(default=None, compare=False)
    before: Configuration = field(default_factory=Configuration, compare=False)

    @property
    def on_guest(self) -> bool:
        """Whether it is about a VM or a container."""
        return not isinstance(self.target, Place)

    def adopting(self, upid: Upid) -> Job:
        """The same job, for a task that already runs."""
        return replace(self, upid=upid)

    def may_have_started(self, upid: Upid) -> bool:
        """Whether, by its UPID, a task can be the one that this job's call starts.

        If HA manages the guest, a task of another type requests it. What is done to the cluster is
        done by the node that answered.
        """
        return (
            (upid.node == self.node or self.target.type == "cluster")
            and self.has_id(upid)
            and (upid.type == self.task_type or upid.type.startswith("ha"))
        )

    def has_id(self, upid: Upid) -> bool:
        """Whether the task has the id of the one that this job's call starts."""
        return self.task_id in (None, upid.id)


def readdressing(make: t.Callable[[Guest], Job], target: Guest) -> t.Callable[[int], Job]:
    """A function that makes the same job for another VMID."""
    return lambda vmid: make(replace(target, vmid=vmid))


def common_lanes(node: str, storage: str | None) -> tuple[Lane, ...]:
    """The lanes that every job has: all jobs, the node that runs it, the storage it fills."""
    lanes = (Lane("all"), Lane(f"node {node}"))
    return (*lanes, Lane(f"storage {storage}")) if storage else lanes
