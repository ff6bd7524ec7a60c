# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of the nodes, signed by a certificate authority made at the start."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

HOSTS = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Certificate:
    """What a node presents: the context of its listener and the fingerprint of the certificate."""

    context: ssl.SSLContext
    fingerprint: str


class Authority:
    """Signs certificates and says where clients find the one to trust."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._authority = trustme.CA(organization_name="Proxmox VE simulator")
        self.file = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    def certificate(self, node: str, host: str) -> Certificate:
        """A certificate for a node by name, the loopback addresses and the host it listens on."""
        names = dict.fromkeys((*HOSTS, node, host))
        issued = self._authority.issue_cert(*names, common_name=node)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        issued.configure_cert(context)
        return Certificate(context, fingerprint(issued.cert_chain_pems[0].bytes()))


def fingerprint(pem: bytes) -> str:
    """SHA-256 as Proxmox VE prints it: upper-case pairs with colons."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))
