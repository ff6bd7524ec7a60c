# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of the nodes, signed by a certificate authority made at the start."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

HOSTS = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Certificate:
    """What a node presents: the context of its listener and the fingerprint of the certificate."""

    context: ssl.SSLContext
    pem: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate."""
        return fingerprint(self.pem)


class Authority:
    """Signs certificates and knows where clients find the one to trust."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._authority = trustme.CA(organization_name="Proxmox VE simulator")
        self.file = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.file))
        self.pem = self._authority.cert_pem.bytes().decode()

    def certificate(self, node: str, host: str) -> Certificate:
        """A certificate for a node by name, the loopback addresses and the host it listens on."""
        names = dict.fromkeys((*HOSTS, node, host))
        issued = self._authority.issue_cert(*names, common_name=node)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        issued.configure_cert(context)
        return Certificate(context, issued.cert_chain_pems[0].bytes().decode())


def fingerprint(pem: str) -> str:
    """SHA-256 as Proxmox VE prints it: upper-case pairs with colons."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def described(pem: str) -> dict[str, Any]:
    """The contents of a certificate, in the fields of `/certificates/info`."""
    read = x509.load_pem_x509_certificate(pem.encode())
    key = read.public_key()
    rsa = isinstance(key, RSAPublicKey)
    entry: dict[str, Any] = {"pem": pem, "fingerprint": fingerprint(pem)}
    entry |= {
        "notbefore": int(read.not_valid_before_utc.timestamp()),
        "notafter": int(read.not_valid_after_utc.timestamp()),
        "public-key-type": "rsaEncryption" if rsa else "id-ecPublicKey",
        "public-key-bits": getattr(key, "key_size", 0),
    }
    return entry
