# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guest a task works on: the UPID of a clone names its source, only its log the new guest."""

from __future__ import annotations

import re
import typing as t

from ..api.answers import rows_of
from .log import is_empty

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .upid import Upid

CLONES = ("qmclone", "vzclone")
# The line that names the guest comes after the waits for the locks of source and storage.
_FIRST_LINES = 50
_FIRST = re.compile(r"creating a clone of (?:VM|CT|container) (?P<source>\d+) with ID (?P<id>\d+)$")
# Releases before 9 do not write that line; the names of new volumes contain the VMID of their
# owner.
_VOLUME = re.compile(r"(?<![\w-])(?:vm|subvol|base)-(?P<id>\d+)-(?:disk|cloudinit|state)(?![a-z])")


async def read_targets(api: Api, upid: Upid) -> frozenset[int]:
    """The VMIDs that a task may create or change; empty if unknown so far.

    Old logs may leave several candidates. Raises what the log call of a clone raises.
    """
    if upid.type in CLONES:
        return targets_in(await first_lines(api, upid), upid.vmid)
    return frozenset() if upid.vmid is None else frozenset([upid.vmid])


async def first_lines(api: Api, upid: Upid) -> list[str]:
    """The beginning of a task's log; empty if nothing has been written yet."""
    path = ("nodes", upid.node, "tasks", str(upid), "log")
    answer = await api.get(path, {"limit": _FIRST_LINES}, retries=1)
    rows = rows_of(answer, f"log of {upid}")
    lines = [str(row.get("t")) for row in rows if isinstance(row, dict)]
    return [] if is_empty(lines) else lines


def targets_in(lines: t.Sequence[str], source: int | None) -> frozenset[int]:
    """The VMIDs that a clone of ``source`` may create, by the beginning of its log."""
    for line in lines:
        match = _FIRST.match(line.strip())
        if match:
            named = int(match.group("source")) == source
            return frozenset([int(match.group("id"))] if named else [])
    owners = {int(match.group("id")) for line in lines for match in _VOLUME.finditer(line)}
    return frozenset(owners - {source})
