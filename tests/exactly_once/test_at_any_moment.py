# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any response may get lost, in any way and at any moment of a bulk run."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import cluster

TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
VMS = [f"vm-{number:02}" for number in range(1, 21)]
CONTAINERS = [f"ct-{number:02}" for number in range(1, 11)]
LOSSES: list[dict[str, Any]] = [
    {"action": "drop", "when": "before"},
    {"action": "drop", "when": "after"},
    {"action": "reset", "when": "before"},
    {"action": "reset", "when": "after"},
    {"action": "status", "status": 595, "when": "before"},
    {"action": "status", "status": 596, "when": "after"},
    {"action": "status", "status": 599, "when": "after"},
    {"action": "html", "when": "after"},
    {"action": "truncate"},
]


@pytest.mark.seeds(10, 2)
def test_one_response_of_five_gets_lost_and_all_guests_are_created_once(seed: int) -> None:
    with cluster(seed=seed) as there:
        for loss in LOSSES:
            there.fault(**loss, path="/nodes/*", probability=0.025, count=None)
        vms = [{"name": name, "vmid": 501 + n} for n, name in enumerate(VMS)]
        containers = [{"hostname": name, "vmid": 601 + n} for n, name in enumerate(CONTAINERS)]
        reports = there.run_all(
            {
                "clone": there.run("clone", source=9000, guests=vms, full=True, retries=9),
                "container": there.run(
                    "container",
                    ostemplate=TEMPLATE,
                    storage="ceph",
                    guests=containers,
                    placement="round_robin",
                    retries=9,
                ),
            }
        )
        truth = there.truth()
        assert not [report.problem for report in reports.values() if report.problem]
        wanted = [*CONTAINERS, *VMS]
        assert sorted(guest["name"] for guest in truth.named(*wanted)) == wanted
        assert not [guest for guest in truth.guests.values() if guest["lock"]]
        told = [task["upid"] for report in reports.values() for task in report.values["tasks"]]
        assert sorted(told) == sorted(task["upid"] for task in truth.of_type("qmclone", "vzcreate"))
        assert len(told) == len(wanted)
