# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a job uses while it runs: Proxmox VE's own locks, and resources that the user limits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lane:
    """A resource that a job uses while it runs.

    ``name`` says which (``source lxc/100``, ``node pve1``, ``vmid 201``, ``storage ceph``).
    An ``exclusive`` lane is used by one job alone; a shared one by as many as its limit allows.
    """

    name: str
    exclusive: bool = False
