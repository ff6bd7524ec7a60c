# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes that mke2fs 1.47 gave, and those that a real Proxmox VE told of running containers."""

from __future__ import annotations

import pytest
from pvesim.filesystem import MIB, Ext4


@pytest.mark.parametrize(
    ("mib", "usable", "inodes"),
    [
        (64, 57381888, 16384),
        (102, 94465024, 26104),
        (511, 491472896, 130560),
        (512, 510873600, 32768),
        (1024, 1020702720, 65536),
        (8192, 8350298112, 524288),
        (102400, 105089261568, 6553600),
    ],
)
def test_a_file_system_has_less_space_for_files_than_its_size(
    mib: int, usable: int, inodes: int
) -> None:
    made = Ext4(mib * MIB)
    assert (made.usable, made.inodes) == (usable, inodes)
