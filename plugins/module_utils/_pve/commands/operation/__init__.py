# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""operation: run an operation of the catalogue on guests, nodes, a storage or the cluster."""

from __future__ import annotations

from .dispatch import run
from .listing import LIST, listed

__all__ = ("LIST", "listed", "run")
