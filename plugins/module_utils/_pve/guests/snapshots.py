# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The snapshots of a guest, as one reading showed them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..api.answers import malformed, read_rows

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .cluster import Guest

# The entry for the state of this moment, which is no snapshot.
_NOW = "current"
RESERVED = (_NOW, "pending")
"""Names that no snapshot can have (``PVE::AbstractConfig``)."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot; ``time`` is in epoch seconds."""

    name: str
    time: int


async def read_snapshots(api: Api, guest: Guest) -> tuple[Snapshot, ...]:
    """The snapshots of a guest, the oldest first."""
    path = ("nodes", guest.node, guest.type, guest.vmid, "snapshot")
    rows = [row for row in await read_rows(api, path) if row.get("name") != _NOW]
    try:
        found = [Snapshot(str(row["name"]), int(row.get("snaptime") or 0)) for row in rows]
    except (KeyError, TypeError, ValueError) as exc:
        raise malformed("snapshots", f"{type(exc).__name__}: {exc}") from exc
    return tuple(sorted(found, key=lambda one: one.time))
