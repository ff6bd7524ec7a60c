# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""verify_backups: restore the newest backup of each guest, start it, and remove it again."""

from __future__ import annotations

from .flow import run

__all__ = ("run",)
