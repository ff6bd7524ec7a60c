# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backups that a storage has, as its content lists them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..api.answers import count_of, read_rows
from .volumes import type_in_backup

if t.TYPE_CHECKING:
    from ..api.client import Api


@dataclass(frozen=True)
class Backup:
    """A backup: the volume ``volid`` on ``storage``, seen on ``node``.

    ``vmid`` and ``type`` (``qemu`` or ``lxc``) are the guest's, ``created`` is in epoch seconds.
    ``corrupt`` says that a Proxmox Backup Server has verified it and found it damaged.
    """

    volid: str
    storage: str
    node: str
    vmid: int
    type: str
    created: int
    size: int | None = None
    protected: bool = False
    notes: str = ""
    corrupt: bool = False

    @property
    def archive(self) -> str:
        """What follows the storage's ``backup/``: the name of a file, or of a snapshot."""
        return self.volid.split(":backup/", 1)[-1]


async def read_backups(api: Api, node: str, storage: str, vmid: int | None = None) -> list[Backup]:
    """The backups on a storage, seen from a node; those of a guest, or of all of them.

    What the caller may not read is left out by Proxmox VE.
    """
    path = ("nodes", node, "storage", storage, "content")
    rows = await read_rows(api, path, {"content": "backup", "vmid": vmid})
    found = [_read(row, node, storage) for row in rows]
    return [one for one in found if one is not None and vmid in (None, one.vmid)]


async def storages_for_backups(api: Api, node: str) -> list[tuple[str, bool]]:
    """The storages of a node that hold backups and work, each with whether it is shared."""
    rows = await read_rows(api, ("nodes", node, "storage"), {"content": "backup", "enabled": 1})
    return [
        (str(row["storage"]), bool(int(row.get("shared") or 0)))
        for row in rows
        if "backup" in str(row.get("content") or "").split(",") and int(row.get("active") or 0)
    ]


def _read(row: t.Mapping[str, t.Any], node: str, storage: str) -> Backup | None:
    """A row of the content; None for an archive that does not say of which guest it is."""
    volid = str(row.get("volid") or "")
    vmid, kind = count_of(row.get("vmid")), type_in_backup(volid)
    if kind is None or vmid is None:
        return None
    return Backup(
        volid,
        storage,
        node,
        vmid,
        kind,
        count_of(row.get("ctime")) or 0,
        count_of(row.get("size")),
        bool(int(row.get("protected") or 0)),
        str(row.get("notes") or ""),
        _is_corrupt(row.get("verification")),
    )


def _is_corrupt(verification: object) -> bool:
    return isinstance(verification, dict) and verification.get("state") == "failed"
