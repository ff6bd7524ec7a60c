# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the caller sees every guest: the lists of the API leave out those without VM.Audit."""

from __future__ import annotations

import typing as t

from ..api.answers import read_mapping

if t.TYPE_CHECKING:
    from ..api.client import Api

ALL_GUESTS = "/vms"
"""The path of all guests in the access control, whether they exist or not."""


async def sees_all_guests(api: Api) -> bool:
    """Whether VM.Audit on all guests is granted, and passed on to each (the value is 1 then)."""
    rights = await read_mapping(api, ("access", "permissions"), {"path": ALL_GUESTS})
    granted = rights.get(ALL_GUESTS)
    return isinstance(granted, dict) and str(granted.get("VM.Audit") or 0) == "1"
