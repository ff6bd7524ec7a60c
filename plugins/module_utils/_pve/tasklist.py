# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Task lists of nodes: one page by page reader, and the entries it gives."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .upid import Upid, UpidError

if t.TYPE_CHECKING:
    from .client import Api

PAGE = 500
_RUNNING = "RUNNING"


@dataclass(frozen=True)
class Entry:
    """One line of ``GET /nodes/{node}/tasks``.

    ``status`` is the exit status, None while the task runs; ``endtime`` is when Proxmox VE
    noticed the end, in epoch seconds.
    """

    upid: Upid
    status: str | None
    endtime: int | None


async def list_tasks(
    api: Api,
    node: str,
    filters: t.Mapping[str, t.Any],
    *,
    most: int | None = None,
    retries: int | None = 0,
) -> list[Entry]:
    """The tasks of a node that match, at most ``most`` of them, in the server's order.

    ``filters`` are the call's own parameters (``source``, ``since``, ``typefilter``, ...). The
    limit is always given, because the server's default of 50 would hide the rest.
    """
    entries: list[Entry] = []
    seen = 0
    while True:
        limit = PAGE if most is None else min(PAGE, most - seen)
        page = {**filters, "start": seen or None, "limit": limit}
        answer = await api.get(("nodes", node, "tasks"), page, retries=retries)
        rows = answer.data or []
        entries += [entry for entry in map(_entry, rows) if entry is not None]
        seen += len(rows)
        if not rows or seen >= answer.total or (most is not None and seen >= most):
            return entries


def _entry(row: t.Mapping[str, t.Any]) -> Entry | None:
    try:
        upid = Upid.parse(row.get("upid"))
    except UpidError:  # nothing that we could have started or could be asked about
        return None
    status, endtime = row.get("status"), row.get("endtime")
    if status == _RUNNING:
        status = None
    return Entry(upid, status, None if endtime is None else int(endtime))
