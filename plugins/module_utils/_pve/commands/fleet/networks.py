# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the fixed addresses of members before anything is started."""

from __future__ import annotations

import re
import typing as t

from ...api.errors import UsageError
from ...guests.fixed_addresses import address_problems
from ..context import failures
from .settings import requested_config

if t.TYPE_CHECKING:
    from .members import Member

# The options with addresses: ipconfigN of a VM, netN of a container.
_NETWORK = re.compile(r"(?:ipconfig|net)\d+")


def check_addresses(members: t.Sequence[Member]) -> None:
    """Raise UsageError for addresses that are invalid, outside their network, or listed twice."""
    problems = address_problems(
        (member.title, value) for member in members for value in _networks(member)
    )
    if problems:
        raise UsageError(failures("Invalid addresses:", problems))


def _networks(member: Member) -> t.Iterator[t.Any]:
    """The network interfaces of a member."""
    options = {**requested_config(member, member.type or "qemu"), **(member.get("params") or {})}
    for name, value in options.items():
        if value and _NETWORK.fullmatch(name):
            yield value
