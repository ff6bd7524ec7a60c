# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.upid.proxmox.plugins.filter.unknown_names import FilterModule


def test_a_misspelled_name_comes_with_the_known_one() -> None:
    unknown_names = FilterModule().filters()["unknown_names"]
    assert unknown_names(["web_prot", "web_port"], ["web_port"]) == [
        "web_prot (did you mean web_port?)"
    ]
