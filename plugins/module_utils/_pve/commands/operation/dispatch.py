# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a call of operation is about: guests, places, or a call of the API by its path."""

from __future__ import annotations

import typing as t

from ...api.errors import UsageError
from ...operations.catalog import OPERATIONS
from . import flow, places, raw

if t.TYPE_CHECKING:
    from ..context import Context, Report


async def run(context: Context) -> Report:
    """Do what the options request."""
    params = context.params
    by_path = params["method"] is not None or params["path"] is not None
    if by_path == (params["operation"] is not None):
        raise UsageError("operation: give either operation, or method and path")
    if by_path:
        return await raw.run(context)
    operation = OPERATIONS[params["operation"]]
    if operation.scope == "guest":
        return await flow.run(context, operation)
    return await places.run(context, operation)
