# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.upid.proxmox.plugins.plugin_utils._account import Account, Failed, Progress
from ansible_collections.upid.proxmox.plugins.plugin_utils._plan import Planned
from ansible_collections.upid.proxmox.plugins.plugin_utils._table import problems, table

CLONE = "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:"
WEB = Progress(Planned("web-0001"), 201, "pve1", "192.0.2.11", ("cloned", "started"))
OLD = Progress(Planned("old"), 100, "pve2")
NEW = Progress(Planned("new"))


def test_the_table_has_a_line_for_each_guest_and_the_failed_ones_last() -> None:
    account = Account((WEB, OLD), (Failed(NEW, "clone", "no space left"),))
    assert table(account, "VMs", check_mode=False) == [
        "2 of 3 VMs are ready",
        "name      VMID       node      address          this run",
        "web-0001  201        pve1      192.0.2.11       cloned, started",
        "old       100        pve2      -                unchanged",
        "new       -          -         -                FAILED to clone",
    ]


def test_in_check_mode_the_table_says_what_would_be() -> None:
    assert table(Account((WEB, OLD), ()), "VMs", check_mode=True)[::2] == [
        "2 of 2 VMs would be ready",
        "web-0001  201        pve1      192.0.2.11       would be cloned, started",
    ]


def test_the_table_of_no_guests_is_its_titles() -> None:
    assert table(Account((), ()), "containers", check_mode=False) == [
        "0 of 0 containers are ready",
        "name  VMID       node      address          this run",
    ]


def test_all_well_is_no_problem() -> None:
    assert problems(Account((WEB,), ()), "VMs") == []


def test_a_problem_names_guest_step_reason_and_task() -> None:
    failed = (Failed(NEW, "clone", "no answer"), Failed(OLD, "start", "start failed", CLONE))
    assert problems(Account((WEB,), failed), "VMs") == [
        "2 of 3 VMs failed",
        "new (VMID not chosen) failed to clone: no answer",
        f"old (VMID 100) failed to start: start failed [{CLONE}]",
    ]
