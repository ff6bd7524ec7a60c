# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ext4 file systems of containers, laid out as mke2fs does by default."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
SMALL = 512 * MIB
"""A file system below this size has blocks of 1 KiB instead of 4 (mke2fs.conf)."""
COPIES = sorted({1} | {base**power for base in (3, 5, 7) for power in range(1, 12)})
"""The groups of blocks that keep a copy of the superblock (sparse_super), beside the first."""
JOURNALS = ((1 << 15, 1024), (1 << 18, 4096), (1 << 19, 8192), (1 << 22, 16384), (1 << 23, 32768),
            (1 << 24, 65536), (1 << 25, 131072))  # fmt: skip
"""Below how many blocks the journal has how many."""
LARGEST_JOURNAL = 262144
INODE, DESCRIPTOR = 256, 64
"""Bytes of an inode and of what describes a group."""
GROWTH = 1024
"""How many times as large the file system may become later."""


@dataclass(frozen=True)
class Ext4:
    """A new file system of a size in bytes."""

    size: int

    @property
    def block(self) -> int:
        """Bytes of a block."""
        return 1024 if self.size < SMALL else 4096

    @property
    def blocks(self) -> int:
        """How many there are."""
        return self.size // self.block

    @property
    def inodes(self) -> int:
        """How many files there may be."""
        return self._groups * self._inodes_of_group

    @property
    def superblocks(self) -> list[int]:
        """The blocks with copies of the superblock."""
        first = 1 if self.block == 1024 else 0
        copies = (group * self._group + first for group in COPIES)
        return [block for block in copies if block < self.blocks]

    @property
    def usable(self) -> int:
        """Bytes that `df` reports: without tables, bitmaps, superblocks and journal."""
        groups = self._groups
        described = -(-groups * DESCRIPTOR // self.block)
        grown = -(-GROWTH * self.blocks // self._group) * DESCRIPTOR // self.block
        reserved = min(grown - described, self.block // 4)
        tables = self._inodes_of_group * INODE // self.block
        journal = next((n for limit, n in JOURNALS if self.blocks < limit), LARGEST_JOURNAL)
        first = 1 if self.block == 1024 else 0
        copies = (1 + len(self.superblocks)) * (1 + described + reserved)
        overhead = first + copies + groups * (2 + tables) + journal
        return (self.blocks - overhead) * self.block

    @property
    def _groups(self) -> int:
        return -(-self.blocks // self._group)

    @property
    def _inodes_of_group(self) -> int:
        wanted = self.size // (4096 if self.size < SMALL else 16384)
        return wanted // self._groups // 8 * 8

    @property
    def _group(self) -> int:
        """Blocks of a group."""
        return self.block * 8
