# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""prometheus-pve-exporter scrapes a simulated cluster, with the rights of an auditor."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml
from ansible_collections.upid.proxmox.tests.clients.client import Cluster
from ansible_collections.upid.proxmox.tests.clients.environments import (
    EXPORTER,
    install,
    without_ansible,
)

pytestmark = pytest.mark.timeout(300)  # the first test may have to install it
PATIENCE = 30.0
SAMPLE = re.compile(r"^(?P<name>\w+)\{(?P<labels>.*)\} (?P<value>\S+)$", re.MULTILINE)
Samples = dict[tuple[str, str], float]


class Exporter:
    """The exporter, which serves what it scrapes from the cluster."""

    def __init__(self, cluster: Cluster, url: str) -> None:
        self._cluster = cluster
        self._url = url

    def scrape(self) -> Samples:
        """The samples of one scrape by name and by the label `id`."""
        target = self._cluster.simulator.hosts[0]
        answer = requests.get(
            f"{self._url}/pve",
            params={"target": target, "cluster": "1", "node": "1", "module": "default"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        samples = {}
        for match in SAMPLE.finditer(answer.text):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', match["labels"]))
            samples[match["name"], labels.get("id", "")] = float(match["value"])
        return samples


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until the exporter answers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


@pytest.fixture
def exporter(cluster: Cluster, tmp_path: Path) -> Iterator[Exporter]:
    """An exporter that logs in as auditor@pve."""
    folder = install(EXPORTER)
    if folder is None:
        pytest.skip(f"{EXPORTER.name} needs Python {' or '.join(EXPORTER.pythons)}")
    credentials = {"user": "auditor@pve", "password": "Sim-pass-1", "verify_ssl": True}
    config, log, port = tmp_path / "pve.yml", tmp_path / "log.txt", _free_port()
    config.write_text(yaml.safe_dump({"default": credentials}))
    command = [str(folder / "bin" / "pve_exporter"), "--config.file", str(config)]
    command += ["--web.listen-address", f"127.0.0.1:{port}"]
    trusted = {"REQUESTS_CA_BUNDLE": str(cluster.simulator.ca)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=without_ansible(os.environ) | trusted,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/", log)
        yield Exporter(cluster, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)


def test_a_scrape_returns_every_guest(exporter: Exporter) -> None:
    samples = exporter.scrape()
    up = {thing: value for (name, thing), value in samples.items() if name == "pve_up"}
    assert {thing: up[thing] for thing in ("node/pve1", "node/pve3", "qemu/100", "qemu/101")} == {
        "node/pve1": 1,
        "node/pve3": 1,
        "qemu/100": 0,
        "qemu/101": 1,
    }
    assert samples["pve_memory_size_bytes", "qemu/101"] == 8192 << 20
    assert samples["pve_disk_size_bytes", "storage/pve1/ceph"] == 4_000_000_000_000


def test_guests_that_no_job_saves_are_counted(exporter: Exporter, cluster: Cluster) -> None:
    before = exporter.scrape()
    assert before["pve_not_backed_up_total", "cluster/sim"] == 4
    assert before["pve_not_backed_up_info", "qemu/101"] == 1
    cluster.post("/cluster/backup", schedule="daily", storage="local", vmid="101")
    after = exporter.scrape()
    assert after["pve_not_backed_up_total", "cluster/sim"] == 3
    assert ("pve_not_backed_up_info", "qemu/101") not in after
