# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes as Proxmox VE reads and writes them."""

from __future__ import annotations

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(text: str) -> int:
    """Bytes of a size such as `8G` or `512M`; a bare number is bytes."""
    unit = text[-1:] if text[-1:] in ("K", "M", "G", "T") else ""
    return int(float(text.removesuffix(unit)) * UNITS[unit])


def format_size(size: int) -> str:
    """A size as configs hold it: the largest unit that divides it."""
    for unit in ("T", "G", "M", "K"):
        if size and size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]}{unit}"
    return str(size)


def human_size(size: float) -> str:
    """A size as logs print it: `21.9 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            break
        size /= 1024
    return f"{size:.1f} {unit}"
