# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example rulebooks, run by ansible-rulebook on a simulated cluster."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import Cluster, Run, Webhook, until

pytestmark = pytest.mark.timeout(280)  # on a machine that does much else
BACKUP = "/api2/json/nodes/pve1/vzdump"


def fail_backups(cluster: Cluster, count: int) -> None:
    values = {"action": "task", "type": "vzdump", "exitstatus": "job errors", "count": count}
    cluster.as_admin("POST", "/_sim/faults", **values)


def backups(cluster: Cluster) -> list[dict[str, Any]]:
    path = "/api2/json/nodes/pve1/tasks?typefilter=vzdump&source=all"
    rows: list[dict[str, Any]] = cluster.as_admin("GET", path)
    return rows


def test_a_failed_backup_is_run_again_once_and_reported_also_after_a_crash(
    cluster: Cluster, run: Run, webhook: Webhook, tmp_path: Path
) -> None:
    variables = {
        "retry_backup_cursor": str(tmp_path / "cursor.json"),
        "retry_backup_interval": 0.2,
        "retry_backup_storage": "local",
        "retry_backup_webhook": webhook.url,
    }
    with run("retry_backup", **variables):
        fail_backups(cluster, 1)
        cluster.as_person(BACKUP, vmid="100", storage="local")
        first = webhook.wait_for(1)
        assert first["text"] == "1 of 1 guests whose backup failed are backed up now"
        assert [guest["vmid"] for guest in first["saved"]] == [100]
        fail_backups(cluster, 2)
        cluster.as_person(BACKUP, vmid="100", storage="local")
        assert (
            "0 of 1 guests whose backup failed are backed up now; 100 failed again:"
            in webhook.wait_for(2)["text"]
        )
        time.sleep(2)
    assert len(backups(cluster)) == 4, "what was run again and failed is not run again"
    # The rulebook was killed. What fails while it is away is run again as soon as it is back.
    cluster.as_person(BACKUP, vmid="100", storage="nosuch")
    until(lambda: backups(cluster)[0].get("status", "RUNNING") != "RUNNING", "its end")
    with run("retry_backup", **variables):
        assert len(webhook.wait_for(3)["saved"]) == 1
        time.sleep(1)
    assert len(webhook.posts) == 3


def test_a_finished_clone_is_put_through_a_playbook(
    cluster: Cluster, run: Run, tmp_path: Path
) -> None:
    variables = {
        "finish_clone_cursor": str(tmp_path / "cursor.json"),
        "finish_clone_interval": 0.2,
        "finish_clone_start": True,
    }
    guest = "/api2/json/nodes/pve1/qemu/301"
    with run("finish_clone", **variables):
        cluster.as_person("/api2/json/nodes/pve1/qemu/9000/clone", newid=301, name="new1")
        until(
            lambda: "9000 by root@pam" in _config(cluster, guest).get("description", ""),
            "the description",
        )
        until(
            lambda: cluster.as_admin("GET", f"{guest}/status/current")["status"] == "running",
            "the start",
        )


def _config(cluster: Cluster, guest: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = cluster.as_admin("GET", "/api2/json/nodes/pve1/qemu")
    if not any(str(row["vmid"]) in guest for row in rows):
        return {}
    config: dict[str, Any] = cluster.as_admin("GET", f"{guest}/config")
    return config
