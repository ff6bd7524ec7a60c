# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the effect of an operation is there: read for a call whose response got lost."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ..job import Job

Done = t.Callable[["Api"], t.Awaitable[bool]]
DoneCheck = t.Callable[["Job"], t.Optional[Done]]
"""Makes the check for a job; None if nothing shows its effect."""
