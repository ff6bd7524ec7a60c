# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operation requires of a guest, and what makes it unnecessary: the rules of the catalogue.

Rules are pure functions of what was just read of the guest.
"""

from __future__ import annotations

from .situation import NOTHING, Need, Reading, Rule, Situation, always, missing

__all__ = ("NOTHING", "Need", "Reading", "Rule", "Situation", "always", "missing")
