# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is requested: the options, the name of a new snapshot, and which old ones are surplus."""

from __future__ import annotations

import re
import time
import typing as t
from dataclasses import dataclass

from ...api.errors import UsageError

if t.TYPE_CHECKING:
    from ...guests.snapshots import Snapshot

PRESENT, ABSENT, ROLLED_BACK = "present", "absent", "rolled_back"
# As pve-configid, of at most 40 characters (PVE::JSONSchema, pve-snapshot-name).
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]+\Z")
_LONGEST = 40
_TIME = "%Y%m%d-%H%M"
_TIMED = r"-\d{8}-\d{4}\Z"
_LENGTH_OF_TIME = 14


@dataclass(frozen=True)
class SnapshotRequest:
    """What is to become of the snapshots of each guest.

    ``snapname`` is the snapshot to take, remove or go back to, None where only those of ``prefix``
    are thinned out. ``keep`` is how many of these stay, the newest ones, None for all of them.
    ``params`` are those of the call, ``vmstate`` goes to VMs alone.
    """

    state: str
    snapname: str | None
    prefix: str | None
    keep: int | None
    vmstate: bool
    together: bool
    params: t.Mapping[str, t.Any]

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any], now: float) -> SnapshotRequest:
        """Read the options of the module; UsageError for what does not go together."""
        state, prefix, keep = params["state"], params["prefix"], params["keep"]
        _check(params)
        snapname = params["snapname"]
        if state == PRESENT and prefix is not None:
            snapname = f"{prefix}-{time.strftime(_TIME, time.gmtime(now))}"
        if state == ABSENT and prefix is not None and keep is None:
            keep = 0
        call: dict[str, t.Any] = {} if snapname is None else {"snapname": snapname}
        if state == PRESENT and params["description"] is not None:
            call["description"] = params["description"]
        if state == ROLLED_BACK and params["start"]:
            call["start"] = 1
        together = params["all_or_nothing"]
        return cls(state, snapname, prefix, keep, params["vmstate"], together, call)

    @property
    def thins(self) -> bool:
        """Whether old snapshots are removed."""
        return self.keep is not None

    def params_for(self, kind: str) -> dict[str, t.Any]:
        """The parameters for a guest of this type; the memory of a container cannot be saved."""
        vmstate = {"vmstate": 1} if self.vmstate and kind == "qemu" else {}
        return {**self.params, **vmstate}

    def surplus(self, snapshots: t.Sequence[Snapshot], *more: str) -> list[str]:
        """The names of the snapshots that are too many, the oldest first.

        Only names of the prefix and a time count, so that ``auto-before-upgrade`` stays. ``more``
        are names of snapshots that will be newer than all of them.
        """
        if self.keep is None or self.prefix is None:
            return []
        pattern = re.compile(re.escape(self.prefix) + _TIMED)
        mine = [one for one in snapshots if pattern.match(one.name) and one.name not in more]
        names = [one.name for one in sorted(mine, key=lambda one: (one.time, one.name))]
        return [*names, *more][: max(0, len(names) + len(more) - self.keep)]


def _check(params: t.Mapping[str, t.Any]) -> None:
    """UsageError for options that do not go together, or that are not allowed."""
    state, prefix, keep = params["state"], params["prefix"], params["keep"]
    if (params["snapname"] is None) == (prefix is None):
        raise UsageError("snapname: give either snapname, or prefix for a name with the time")
    _check_name("snapname", params["snapname"], _LONGEST)
    _check_name("prefix", prefix, _LONGEST - _LENGTH_OF_TIME)
    wrong = (
        (state == ROLLED_BACK and prefix is not None, "prefix: give the snapname to roll back to"),
        (keep is not None and prefix is None, "keep: it counts the snapshots of a prefix"),
        (keep is not None and keep < (state == PRESENT), f"keep: {keep} is too few"),
        *(
            (params[option] and state != only, f"{option}: it is for state {only}")
            for option, only in _ONLY.items()
        ),
        (
            not params["wait"] and (keep is not None or params["all_or_nothing"]),
            "wait: keep and all_or_nothing need the outcome of the snapshots",
        ),
    )
    for holds, message in wrong:
        if holds:
            raise UsageError(message)
    _check_allowed(params)


_ONLY = {
    "vmstate": PRESENT,
    "all_or_nothing": PRESENT,
    "description": PRESENT,
    "start": ROLLED_BACK,
}
_LOSES = {
    PRESENT: "keep: older snapshots would be removed",
    ABSENT: "state: snapshots would be removed",
    ROLLED_BACK: "state: what the guests have written since the snapshot would be lost",
}


def _check_name(option: str, value: str | None, most: int) -> None:
    if value is not None and not (_NAME.match(value) and len(value) <= most):
        raise UsageError(
            f"{option}: {value!r} is not two to {most} letters, digits, hyphens and underscores,"
            " the first a letter"
        )


def _check_allowed(params: t.Mapping[str, t.Any]) -> None:
    state = params["state"]
    loses = state != PRESENT or params["keep"] is not None
    if loses and not params["allow_destructive"]:
        raise UsageError(
            f"{_LOSES[state]}; set allow_destructive to true to allow that. Nothing was done"
        )
