# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trust in the server of a connection: by its CA, or by the fingerprint of its certificate."""

from __future__ import annotations

import hashlib
import socket
import ssl
import typing as t

from .libraries import HTTPAdapter, HTTPSConnection, HTTPSConnectionPool

if t.TYPE_CHECKING:
    from .connection import Connection
    from .option_texts import Host

CONNECT_TIMEOUT = 5.0


def verification(connection: Connection) -> bool | str:
    """What requests verifies a certificate with; the adapter checks fingerprints."""
    if connection.fingerprints or not connection.validate_certs:
        return False
    return connection.ca_path or True


class PinningAdapter(HTTPAdapter):
    """Only allows connections to a certificate with one of the given fingerprints."""

    def __init__(self, fingerprints: tuple[str, ...], connections: int) -> None:
        self._pool_class = type(
            "PinnedPool",
            (HTTPSConnectionPool,),
            {"ConnectionCls": type("Pinned", (_PinnedConnection,), {"pins": fingerprints})},
        )
        super().__init__(max_retries=0, pool_maxsize=connections)

    def init_poolmanager(self, *args: t.Any, **options: t.Any) -> None:
        super().init_poolmanager(*args, **options)
        self._pin(self.poolmanager)

    def proxy_manager_for(self, *args: t.Any, **options: t.Any) -> t.Any:
        manager = super().proxy_manager_for(*args, **options)
        self._pin(manager)
        return manager

    def _pin(self, manager: t.Any) -> None:
        manager.pool_classes_by_scheme = {
            **manager.pool_classes_by_scheme,
            "https": self._pool_class,
        }


class _PinnedConnection(HTTPSConnection):
    """A connection that records whether it was established; without ``pins`` any trusted one."""

    pins: tuple[str, ...] = ()

    def connect(self) -> None:
        if "%25" in self.host:  # the zone of an address, which a URL has to quote
            self.host = self.host.replace("%25", "%", 1)
        try:
            super().connect()
            if self.pins:
                self._check_pin()
        except Exception as exc:
            exc.unsent = True  # type: ignore[attr-defined]
            raise

    def _check_pin(self) -> None:
        certificate = t.cast("ssl.SSLSocket", self.sock).getpeercert(binary_form=True)
        digest = hashlib.sha256(certificate or b"").hexdigest()
        if digest not in self.pins:
            self.close()
            raise ssl.SSLError(f"the fingerprint {_colons(digest)} is not one of api_fingerprint")
        self.is_verified = True


def was_sent(exc: BaseException) -> bool:
    """Whether a failed request may have been sent: not if no connection was established."""
    inner: t.Any = exc
    seen: set[int] = set()
    while isinstance(inner, BaseException) and id(inner) not in seen:
        seen.add(id(inner))
        if getattr(inner, "unsent", False):
            return False
        reason = getattr(inner, "reason", None)
        inner = (
            (reason if isinstance(reason, BaseException) else None)
            or next((one for one in inner.args if isinstance(one, BaseException)), None)
            or inner.__cause__
            or inner.__context__
        )
    return True


def presented_fingerprint(host: Host) -> str:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        plain = socket.create_connection((host.name, host.port), CONNECT_TIMEOUT)
        with plain, context.wrap_socket(plain, server_hostname=host.name) as tls:
            certificate = tls.getpeercert(binary_form=True) or b""
    except OSError as exc:
        return f"none now ({exc})"
    return _colons(hashlib.sha256(certificate).hexdigest())


def _colons(digest: str) -> str:
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2)).upper()
