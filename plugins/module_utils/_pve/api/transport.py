# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One request over HTTPS: never retried, never redirected and never logged."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import typing as t

from .bodies import read_body
from .libraries import ProxmoxHttpSession
from .trust import CONNECT_TIMEOUT, PinningAdapter, verification

if t.TYPE_CHECKING:
    from .connection import Connection
    from .libraries import Response
    from .observer import Observer


class HttpSession(ProxmoxHttpSession):
    """A requests session that neither retries nor redirects, and always verifies the server."""

    def __init__(
        self, connection: Connection, observer: Observer, connections: int, *, keep: bool
    ) -> None:
        super().__init__()
        self.thread = threading.local()
        self._observer = observer
        self.headers["Connection"] = "keep-alive" if keep else "close"
        self.headers["Accept"] = "application/json"
        self.headers["Accept-Encoding"] = "identity"
        self.mount("https://", PinningAdapter(connection.fingerprints, connections))
        self._verify = verification(connection)

    def request(self, method: str, url: str, **options: t.Any) -> Response:
        self._observer.sending()
        response = super().request(
            method,
            url,
            auth=self.thread.auth,
            timeout=(CONNECT_TIMEOUT, self.thread.timeout),
            verify=self._verify,  # set per request, or REQUESTS_CA_BUNDLE would take precedence
            allow_redirects=False,
            stream=True,
            **options,
        )
        self._observer.answered(response.headers.get("Date"))
        try:
            read_body(response, time.monotonic() + self.thread.timeout)
        except BaseException:
            response.close()  # the rest of it must not be taken for the next response
            raise
        response.raw.read()  # nothing is left; let urllib3 know
        response.raw.release_conn()
        return t.cast("Response", response)


_quiet = threading.local()


class _Silencer(logging.Filter):
    """Keeps proxmoxer from logging what it sends, including passwords."""

    def filter(self, _record: logging.LogRecord) -> bool:
        return not getattr(_quiet, "on", False)


logging.getLogger("proxmoxer.core").addFilter(_Silencer())


@contextlib.contextmanager
def unlogged() -> t.Iterator[None]:
    """Nothing that is sent in the block is logged."""
    _quiet.on = True
    try:
        yield
    finally:
        _quiet.on = False
