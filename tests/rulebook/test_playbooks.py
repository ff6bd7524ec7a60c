# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks that tell others about tasks, on a simulated cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .conftest import Cluster, Webhook, until

pytestmark = pytest.mark.timeout(280)  # on a machine that does much else


def play(cluster: Cluster, name: str, **variables: str) -> None:
    command = [str(Path(sys.prefix) / "bin/ansible-playbook"), f"upid.proxmox.{name}"]
    for variable, value in variables.items():
        command += ["-e", f"{variable}={value}"]
    environment = {
        **os.environ,
        **cluster.simulator.environment(),
        "ANSIBLE_COLLECTIONS_PATH": str(Path(sys.prefix) / "collections"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "LC_ALL": "C.UTF-8",
    }
    subprocess.run(command, env=environment, check=True)


def start(cluster: Cluster) -> str:
    """Start a VM; the UPID, as soon as that has ended."""
    upid: str = cluster.as_admin("POST", "/api2/json/nodes/pve1/qemu/100/status/start")
    path = f"/api2/json/nodes/pve1/tasks/{upid}/status"
    until(lambda: cluster.as_admin("GET", path)["status"] == "stopped", "the end of the task")
    return upid


def test_failures_are_posted_to_a_webhook_and_nothing_without_any(
    cluster: Cluster, webhook: Webhook
) -> None:
    play(cluster, "post_failures", post_failures_url=webhook.url)
    assert webhook.posts == []
    fault = {"action": "task", "type": "qmstart", "exitstatus": "no space left", "count": 1}
    cluster.as_admin("POST", "/_sim/faults", **fault)
    upid = start(cluster)
    play(cluster, "post_failures", post_failures_url=webhook.url)
    (post,) = webhook.posts
    assert post["text"] == "1 tasks failed since 1h; VM 100 - Start - pve1 - no space left"
    assert [task["upid"] for task in post["tasks"]] == [upid]


def test_the_figures_are_those_that_prometheus_reads(cluster: Cluster, tmp_path: Path) -> None:
    start(cluster)
    path = tmp_path / "tasks.prom"
    play(cluster, "task_metrics", task_metrics_path=str(path))
    families = {family.name: family for family in text_string_to_metric_families(path.read_text())}
    (started,) = (
        sample.value
        for sample in families["proxmox_tasks"].samples
        if sample.labels == {"node": "pve1", "type": "qmstart", "outcome": "ok"}
    )
    assert started == 1
