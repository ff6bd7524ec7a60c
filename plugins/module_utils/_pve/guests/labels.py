# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Titles of guests for users, and commands for the shell of their nodes."""

from __future__ import annotations

_LABELS = {"qemu": "VM", "lxc": "CT"}
_TOOLS = {"qemu": "qm", "lxc": "pct"}


def label_of(guest_type: str, vmid: int, name: str | None = None) -> str:
    """``VM 201 (web1)``, or ``CT 201`` without a name; ``guest_type`` is qemu or lxc."""
    return f"{_LABELS[guest_type]} {vmid} ({name})" if name else f"{_LABELS[guest_type]} {vmid}"


def shell_command(guest_type: str, verb: str, vmid: int) -> str:
    """``qm unlock 201`` or ``pct unlock 201``."""
    return f"{_TOOLS[guest_type]} {verb} {vmid}"
