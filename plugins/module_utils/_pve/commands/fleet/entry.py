# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One guest of a fleet on its way from the options to the result."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .steps import Seen

if t.TYPE_CHECKING:
    from ...engine.chains import Chain
    from ...guests.cluster import Guest
    from .members import Member


@dataclass
class Entry:
    """One guest of the result: a member, or a guest that is no longer listed.

    ``verb`` says how a member is created. ``guest`` is the existing one. ``refusal`` says why
    nothing is done. ``chain`` has the steps to run; in check mode it is not run.
    """

    member: Member | None
    guest: Guest | None = None
    verb: str = ""
    refusal: str = ""
    chain: Chain | None = None
    target: Guest | None = None
    seen: Seen = field(default_factory=Seen)
