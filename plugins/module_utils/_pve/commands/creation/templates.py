# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks OS templates before a container is created from one."""

from __future__ import annotations

import asyncio
import typing as t

from ...api.answers import read_rows
from ...api.errors import ApiError, NoAnswerError

if t.TYPE_CHECKING:
    from ...api.client import Api
    from .plan import GuestRequest


async def missing_templates(api: Api, wanted: t.Sequence[GuestRequest]) -> list[str]:
    """For each container, an error if its template is missing on its node.

    Proxmox VE itself notices that only in the task, after it has allocated the disk.
    """
    needed = [(str(one.node), str(one.options["ostemplate"])) for one in wanted]
    volumes = sorted({(node, volume.split(":", 1)[0]) for node, volume in needed
                      if ":vztmpl/" in volume})  # fmt: skip
    found = await asyncio.gather(*(_content(api, node, storage) for node, storage in volumes))
    contents = dict(zip(volumes, found))
    return [_against(one, contents) for one in wanted]


def _against(one: GuestRequest, contents: t.Mapping[tuple[str, str], set[str] | str | None]) -> str:
    volume = str(one.options["ostemplate"])
    there = contents.get((str(one.node), volume.split(":", 1)[0]))
    if isinstance(there, str):
        return there
    if there is None or volume in there:
        return ""
    return (
        f"ostemplate: {volume!r} is not on node {one.node}; available:"
        f" {', '.join(sorted(there)) or 'none'}"
    )


async def _content(api: Api, node: str, storage: str) -> set[str] | str | None:
    """The OS templates of a storage on a node, None without the privilege, or an error."""
    path = ("nodes", node, "storage", storage, "content")
    try:
        rows = await read_rows(api, path, {"content": "vztmpl"})
    except ApiError as error:
        return None if error.status == 403 else f"ostemplate: {error}"
    except NoAnswerError as error:
        return f"ostemplate: {error}"
    return {str(row["volid"]) for row in rows}
