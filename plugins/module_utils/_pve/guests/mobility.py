# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps a guest on its node: disks and devices that only this node has, nodes that lack some.

It is what ``GET /nodes/{node}/{type}/{vmid}/migrate`` reports, and the web interface reads.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..api.answers import read_mapping
from ..api.errors import ApiError

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .cluster import Guest

_NOT_IMPLEMENTED = 501


@dataclass(frozen=True)
class Mobility:
    """Where a guest may go.

    ``disks`` are the attached disks that only its node has (``scsi0``), ``media`` the CD images
    there, ``devices`` its passed-through devices. ``allowed`` are the nodes that have what it
    needs, None where Proxmox VE does not say, and ``lacking`` says what another one lacks.
    """

    disks: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    allowed: tuple[str, ...] | None = None
    lacking: t.Mapping[str, str] = field(default_factory=dict)

    def why_not(self, node: str) -> str:
        """Why it cannot go to a node, empty if it can."""
        if self.allowed is None or node in self.allowed:
            return ""
        return f"{node}: {self.lacking.get(node) or 'not allowed'}"


async def read_mobility(api: Api, guest: Guest) -> Mobility:
    """Where the guest may go; without an answer for containers, as of older releases, anywhere."""
    path = ("nodes", guest.node, guest.type, guest.vmid, "migrate")
    try:
        answer = await read_mapping(api, path)
    except ApiError as error:
        if error.status == _NOT_IMPLEMENTED:
            return Mobility()
        raise
    # The names have underscores for VMs and hyphens for containers.
    given = {name.replace("-", "_"): value for name, value in answer.items()}
    disks = [one for one in given.get("local_disks") or () if _is_set(one, "is_attached", 1)]
    media = [one for one in disks if _is_set(one, "cdrom") and not _is_set(one, "is_cloudinit")]
    allowed = given.get("allowed_nodes")
    return Mobility(
        tuple(str(one.get("drivename")) for one in disks if not _is_set(one, "cdrom")),
        tuple(str(one.get("drivename")) for one in media),
        tuple(map(str, given.get("local_resources") or ())),
        None if allowed is None else tuple(map(str, allowed)),
        {
            str(node): _in_words(reasons)
            for node, reasons in (given.get("not_allowed_nodes") or {}).items()
        },
    )


def _is_set(row: t.Mapping[str, t.Any], name: str, default: int = 0) -> bool:
    return str(row.get(name, default)) == "1"


def _in_words(reasons: t.Any) -> str:
    """``unavailable storages local-zfs``, of the lists that say what a node lacks."""
    if not isinstance(reasons, t.Mapping):
        return str(reasons or "")
    parts = []
    for name, values in sorted(reasons.items()):
        items = values if isinstance(values, (list, tuple)) else [values]
        texts = [
            str(one.get("sid", one)) if isinstance(one, t.Mapping) else str(one) for one in items
        ]
        if texts:
            parts.append(f"{name.replace('_', ' ').replace('-', ' ')} {', '.join(texts)}")
    return "; ".join(parts)
