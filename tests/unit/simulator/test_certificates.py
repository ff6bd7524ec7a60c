# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that clients can trust or pin."""

from __future__ import annotations

import hashlib
import socket
import ssl
from pathlib import Path
from typing import Any

from pvesim.certificates import Authority


def presented(simulator: Any, node: int, name: str) -> str:
    host, port = simulator.urls[node].removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=simulator.session.verify)
    with (
        socket.create_connection((host, int(port))) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        certificate = secure.getpeercert(binary_form=True)
    assert certificate is not None
    return hashlib.sha256(certificate).hexdigest().upper()


def test_a_node_presents_the_certificate_that_it_reports(cluster: Any) -> None:
    told = {
        entry["node"]: entry["ssl_fingerprint"].replace(":", "")
        for entry in cluster.request("GET", "/nodes").json()["data"]
    }
    seen = {f"pve{n + 1}": presented(cluster, n, "127.0.0.1") for n in range(3)}
    assert seen == told
    assert len(set(seen.values())) == 3
    pins = [pin.replace(":", "") for pin in cluster.server.fingerprints]
    assert pins == list(seen.values())


def test_names_and_loopback_addresses_are_covered(simulator: Any) -> None:
    for name in ("localhost", "127.0.0.1", "::1", "pve1"):
        assert presented(simulator, 0, name)


def test_the_file_to_trust_is_written(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "certificates")
    assert authority.file.read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_a_node_reports_the_certificate_that_it_presents(simulator: Any) -> None:
    root, own = simulator.request("GET", "/nodes/pve1/certificates/info").json()["data"]
    assert (root["filename"], own["filename"]) == ("pve-root-ca.pem", "pve-ssl.pem")
    assert own["fingerprint"].replace(":", "") == presented(simulator, 0, "127.0.0.1")
    assert own["notbefore"] < own["notafter"]
    assert root["pem"] == Path(simulator.session.verify).read_text()
