# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that come to a storage: their names, and what is in an image of a disk."""

from __future__ import annotations

import re

QCOW2 = b"QFI\xfb"
SIZE_AT = slice(24, 32)
"""Where the header of a qcow2 image has the size of the disk in it."""


def safe_name(name: str) -> str:
    """A file name as it is stored.

    What stands before the last slash is cut off, and what is no plain character replaced.
    """
    return re.sub(r"[^A-Za-z0-9_.+=-]", "_", re.sub(r".*[/\\]", "", name))


def disk_size(form: str, head: bytes, size: int) -> int:
    """How large the disk in an image is, of which the first bytes and the length are known."""
    if form == "qcow2" and head[:4] == QCOW2 and len(head) >= SIZE_AT.stop:
        return int.from_bytes(head[SIZE_AT], "big")
    return size


def problem(form: str, head: bytes, path: str) -> str | None:
    """The error of qemu-img about an image of another format than its name."""
    if form == "qcow2" and head[:4] != QCOW2:
        return f"qemu-img: Could not open '{path}': Image is not in qcow2 format"
    return None


def example(name: str) -> bytes:
    """A qcow2 image without data, of a disk of 2 GiB; each name has other bytes."""
    size = (2 << 30).to_bytes(8, "big")
    header = QCOW2 + (3).to_bytes(4, "big") + bytes(SIZE_AT.start - 8) + size
    return header.ljust(512, b"\0") + name.encode()
