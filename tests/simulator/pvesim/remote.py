# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another cluster as a guest sees it that moves there: its API, over HTTPS on this machine.

Only simulators on loopback addresses are reached.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any

from .calls import CallError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PATIENCE = 30.0


@dataclass(frozen=True)
class Endpoint:
    """Where the other cluster is (`proxmox-remote`): address, token and fingerprint."""

    host: str
    port: int
    token: str
    fingerprint: str

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """The endpoint of a property string."""
        given = dict(part.partition("=")[::2] for part in text.split(","))
        token = given.get("apitoken", "")
        return cls(
            given.get("host", ""),
            int(given.get("port", 8006)),
            token if token.startswith("PVEAPIToken") else f"PVEAPIToken={token}",
            given.get("fingerprint", "").upper(),
        )

    async def ask(self, method: str, path: str, document: Any = None) -> Any:
        """What a path of the other cluster answers; raises CallError."""
        if self.host not in LOOPBACK:
            raise self._unreached("No route to host")
        return await asyncio.to_thread(self._ask, method, path, document)

    def _unreached(self, reason: object) -> CallError:
        return CallError(500, f"Can't connect to {self.host}:{self.port} ({reason})")

    def _ask(self, method: str, path: str, document: Any) -> Any:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = http.client.HTTPSConnection(
            self.host, self.port, timeout=PATIENCE, context=context
        )
        try:
            client.connect()
            self._check_certificate(client)
            body = json.dumps(document) if document is not None else None
            headers = {"Authorization": self.token, "Content-Type": "application/json"}
            client.request(method, path, body, headers)
            answer = client.getresponse()
            text = answer.read().decode()
        except OSError as error:
            raise self._unreached(error.strerror or error) from error
        finally:
            client.close()
        document = json.loads(text) if text else {}
        if answer.status != http.client.OK:
            reason = document.get("error") or f"{answer.status} {answer.reason}"
            raise CallError(500, str(reason))
        return document

    def _check_certificate(self, client: http.client.HTTPSConnection) -> None:
        """Only the certificate is trusted whose fingerprint was given."""
        digest = hashlib.sha256(client.sock.getpeercert(binary_form=True) or b"").hexdigest()
        shown = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)).upper()
        if shown != self.fingerprint:
            raise self._unreached("certificate verify failed")
