# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""community.proxmox makes users, pools, storages, permissions and backup jobs: once.

The second run of the same play says that nothing was to be done, and the cluster tells the state.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.clients.client import Client

pytestmark = pytest.mark.timeout(300)  # the first test of each release may have to install it
JOB = {"id": "nightly", "schedule": "daily", "storage": "local", "vmid": "101"}


MEMBERS = {
    "ansible-12": ({"member": "100"}, {"member": "ceph", "type": "storage"}),
    "ansible-14": ({"members": [{"storage": "ceph"}]},),
}
"""What belongs into the pool, as each release is told.

Release 14 compares the VMIDs of the cluster with texts: it adds a guest again and never removes it.
"""


def changed(results: dict[str, Any]) -> dict[str, bool]:
    """Which tasks of a play changed something."""
    return {name: bool(result.get("changed")) for name, result in results.items()}


def test_objects_are_created_once_and_removed_once(client: Client) -> None:
    cluster = client.cluster
    cluster.post("/cluster/backup", **JOB)
    members = MEMBERS[client.release.name]

    made = changed(client.play("access.yml", members=members))
    assert [name for name, done in made.items() if not done] == []

    user = cluster.get("/access/users/web@pve")
    assert (user["comment"], user["email"], user["groups"]) == (
        "runs the web servers",
        "web@example.com",
        ["web"],
    )
    assert cluster.get("/access/groups/web")["members"] == ["web@pve"]
    (pool,) = cluster.get("/pools", poolid="web")
    assert pool["comment"] == "web servers"
    guests = ["qemu/100"] if client.release.name == "ansible-12" else []
    assert [member["id"] for member in pool["members"]] == [*guests, "storage/pve1/ceph"]
    storage = cluster.get("/storage/nas")
    assert (storage["server"], storage["export"]) == ("192.0.2.9", "/srv/nas")
    assert set(storage["content"].split(",")) == {"images", "backup"}
    line = {"path": "/pool/web", "type": "user", "ugid": "web@pve", "roleid": "PVEVMUser"}
    assert {**line, "propagate": 1} in cluster.get("/access/acl")
    assert set(cluster.get("/cluster/backup/nightly")["vmid"].split(",")) == {"100", "101"}

    again = changed(client.play("access.yml", members=members))
    assert [name for name, done in again.items() if done] == []
    assert cluster.get("/pools", poolid="web") == [pool]

    gone = changed(client.play("no_access.yml", members=members))
    assert [name for name, done in gone.items() if not done] == []
    assert cluster.get("/pools") == []
    assert {entry["storage"] for entry in cluster.get("/storage")} == {"local", "local-lvm", "ceph"}
    assert "web@pve" not in {entry["userid"] for entry in cluster.get("/access/users")}
    assert cluster.get("/cluster/backup/nightly")["vmid"] == "101"

    again = changed(client.play("no_access.yml", members=[]))
    assert [name for name, done in again.items() if done] == []
