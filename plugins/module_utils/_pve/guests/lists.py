# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lists of the nodes: their guests with their current names and states."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import replace

from ..api import clock
from ..api.answers import read_rows
from ..api.errors import ApiError, NoAnswerError
from .cluster import CREATION_LOCKS, Guest, split_tags

if t.TYPE_CHECKING:
    from ..api.client import Api

# How long a node may refuse or fail to list its guests until they count as unknown, in seconds.
_PATIENCE = 30.0


async def read_states(api: Api, guests: t.Sequence[Guest]) -> dict[int, Guest]:
    """The guests with their current name and state by VMID, in one request per node and type.

    Those that their nodes do not list now are left out.
    """
    places = sorted({(guest.node, guest.type) for guest in guests})
    lists = await asyncio.gather(*(read_list(api, node, guest_type) for node, guest_type in places))
    rows = {vmid: row for listed in lists for vmid, row in (listed or {}).items()}
    return {
        guest.vmid: completed(guest, rows[guest.vmid]) for guest in guests if guest.vmid in rows
    }


async def read_list(
    api: Api, node: str, guest_type: str
) -> dict[int, t.Mapping[str, t.Any]] | None:
    """The guests of a node by VMID, None if it cannot be read.

    It is retried while a daemon restarts or is blocked by locks, and because a node returns 500 now
    and then while its containers start or stop. A silent node is tried once.
    """
    until, attempt = clock.now() + _PATIENCE, 0
    while True:
        attempt += 1
        try:
            rows = await read_rows(api, ("nodes", node, guest_type), retries=0)
            return {_readable(row): row for row in rows}
        except NoAnswerError:
            pass
        except (ApiError, KeyError, TypeError, ValueError) as error:
            if not isinstance(error, ApiError) or error.status != 500:
                return None
        if clock.now() >= until:
            return None
        await clock.sleep(clock.backoff(attempt, most=4.0))


def _readable(row: t.Mapping[str, t.Any]) -> int:
    """The VMID of a row; raises KeyError, TypeError or ValueError for one that is malformed."""
    int(row.get("template") or 0)
    int(row.get("maxmem") or 0)
    return int(row["vmid"])


def _name(row: t.Mapping[str, t.Any]) -> str | None:
    """The name in the list of a node, None if there is none.

    Proxmox VE invents one for a guest whose configuration has none, as that of a running clone:
    ``VM 201``, ``CT201`` (``PVE::QemuServer::vmstatus``, ``PVE::LXC::vmstatus``). The latter is a
    possible host name, and that of a complete container.
    """
    name, vmid = str(row.get("name") or ""), row["vmid"]
    if name in ("", f"VM {vmid}", f"CT {vmid}"):
        return None
    return None if name == f"CT{vmid}" and row.get("lock") in CREATION_LOCKS else name


def listed_guest(node: str, guest_type: str, row: t.Mapping[str, t.Any]) -> Guest:
    """The guest of a row in the list of a node."""
    return completed(Guest(int(row["vmid"]), guest_type, node, None), row)


def completed(guest: Guest, row: t.Mapping[str, t.Any]) -> Guest:
    """The guest with its current data from its node's list."""
    return replace(
        guest,
        name=_name(row),
        status=str(row.get("status") or guest.status),
        template=bool(int(row.get("template") or 0)),
        lock=row.get("lock"),
        tags=split_tags(row.get("tags")) or guest.tags,
        memory=int(row.get("maxmem") or 0),
    )
