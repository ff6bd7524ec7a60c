# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.labels import (
    label_of,
    shell_command,
)


def test_a_label_has_the_name_if_there_is_one() -> None:
    assert label_of("qemu", 201, "web1") == "VM 201 (web1)"
    assert label_of("lxc", 201) == "CT 201"


def test_each_type_of_guest_has_its_tool() -> None:
    assert shell_command("qemu", "unlock", 201) == "qm unlock 201"
    assert shell_command("lxc", "destroy", 201) == "pct destroy 201"
