# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.upid.proxmox.plugins.plugin_utils._names import unknown_names


def test_an_unknown_name_is_listed_with_the_nearest_known_one() -> None:
    known = ["provision_vms_count", "provision_vms_memory"]
    assert unknown_names(["provision_vms_cuont", "provision_vms_memory"], known) == [
        "provision_vms_cuont (did you mean provision_vms_count?)"
    ]


def test_a_name_that_is_like_no_other_stands_alone() -> None:
    assert unknown_names(["xyz"], ["provision_vms_count"]) == ["xyz"]
