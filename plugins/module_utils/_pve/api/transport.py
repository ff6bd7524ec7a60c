# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts that requests and proxmoxer are given: trust, identity, the reading of bodies."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import socket
import ssl
import threading
import time
import traceback
import typing as t
from dataclasses import dataclass
from urllib.parse import quote

from .errors import MissingLibraryError

if t.TYPE_CHECKING:
    import requests

    from .connection import Connection, Host

# proxmoxer ends the process when requests is missing, so requests comes first.
try:
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPSConnectionPool
except ImportError:
    MISSING: MissingLibraryError | None = MissingLibraryError("requests", traceback.format_exc())
    # Something to derive from, so that the module can be imported and say what is missing.
    HTTPAdapter = HTTPSConnection = HTTPSConnectionPool = object  # type: ignore[misc, assignment]
else:
    MISSING = None
try:
    if MISSING is not None:
        raise ImportError("requests")
    from proxmoxer.backends.https import (
        JsonSerializer,
        ProxmoxHTTPAuthBase,
        ProxmoxHttpSession,
    )
except ImportError:
    MISSING = MISSING or MissingLibraryError("proxmoxer", traceback.format_exc())
    JsonSerializer = ProxmoxHTTPAuthBase = ProxmoxHttpSession = object

CONNECT_TIMEOUT = 5.0
# No list of the API is nearly as large, and all of it is kept in memory.
MOST_BYTES = 64 << 20
_PIECE = 1 << 16


@dataclass(frozen=True)
class Answer:
    """``data`` of an answer; ``total`` of lists and logs (0 where the server leaves it out)."""

    data: t.Any
    total: int = 0


class NotJsonError(ValueError):
    """An answer has another body than the API gives."""


class SlowError(OSError):
    """An answer goes on and on."""


class Observer(t.Protocol):
    """Who counts requests and reads the server's clock."""

    def sending(self) -> None:
        """A request goes out."""

    def answered(self, date: str | None) -> None:
        """An answer came, with this ``Date`` header."""


class HttpSession(ProxmoxHttpSession):
    """A requests session that never retries, never follows and always checks whom it talks to."""

    def __init__(
        self, connection: Connection, observer: Observer, connections: int, *, keep: bool
    ) -> None:
        super().__init__()
        self.thread = threading.local()
        self._observer = observer
        self.headers["Connection"] = "keep-alive" if keep else "close"
        self.headers["Accept"] = "application/json"
        self.headers["Accept-Encoding"] = "identity"
        self.mount("https://", _PinningAdapter(connection.fingerprints, connections))
        self._verify: bool | str = connection.validate_certs
        if connection.fingerprints:
            self._verify = False
        elif connection.validate_certs and connection.ca_path:
            self._verify = connection.ca_path

    def request(self, method: str, url: str, **options: t.Any) -> requests.Response:
        self._observer.sending()
        response = super().request(
            method,
            url,
            auth=self.thread.auth,
            timeout=(CONNECT_TIMEOUT, self.thread.timeout),
            verify=self._verify,  # given with the request, or REQUESTS_CA_BUNDLE would win
            allow_redirects=False,
            stream=True,
            **options,
        )
        self._observer.answered(response.headers.get("Date"))
        try:
            _read_body(response, time.monotonic() + self.thread.timeout)
        except BaseException:
            response.close()  # what is left of it must not be taken for the next answer
            raise
        response.raw.read()  # nothing is left; urllib3 is to know that
        response.raw.release_conn()
        return t.cast("requests.Response", response)


def _read_body(response: requests.Response, deadline: float) -> None:
    """Read the whole body, in the time and of the size that an answer may take.

    The timeout of a socket is for one piece, so a server that sends a byte a second would never
    meet it.
    """
    pieces: list[bytes] = []
    size = 0
    for piece in _pieces(response):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise NotJsonError(f"more than {MOST_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            raise SlowError("the answer was not complete in time")
    expected = response.headers.get("Content-Length", "")
    if expected.isdigit() and int(expected) != size and response.request.method != "HEAD":
        raise NotJsonError(f"{size} of {expected} bytes came")
    response._content = b"".join(pieces)  # noqa: SLF001 - requests has no other way to give it
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001


def _pieces(response: requests.Response) -> t.Iterator[bytes]:
    """What comes of the body, as it comes; compressed only if somebody insists on that."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise NotJsonError(f"encoded as {response.headers['Content-Encoding'][:20]!r}, unasked")
    # urllib3 itself waits until a whole piece is there, however long that takes.
    source = t.cast("t.Any", response.raw)._fp  # noqa: SLF001
    while True:
        piece = source.read1(_PIECE)
        if not piece:
            return
        yield piece


class _PinningAdapter(HTTPAdapter):
    """Lets a connection through only to a certificate with one of the given fingerprints."""

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
    """A connection that notes whether it came about; without ``pins`` any trusted one will do."""

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
    """Whether a request that failed may have been sent: not if no connection came about."""
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


_quiet = threading.local()


class _Silencer(logging.Filter):
    """Keeps proxmoxer from logging what it sends, passwords included."""

    def filter(self, _record: logging.LogRecord) -> bool:
        return not getattr(_quiet, "on", False)


logging.getLogger("proxmoxer.core").addFilter(_Silencer())


@contextlib.contextmanager
def unlogged() -> t.Iterator[None]:
    """Nothing of what is sent in the block is logged."""
    _quiet.on = True
    try:
        yield
    finally:
        _quiet.on = False


class NoAuth(ProxmoxHTTPAuthBase):
    """For the login itself."""


class TicketAuth(ProxmoxHTTPAuthBase):
    """Adds the ticket, and for all but GET the CSRF token, to a request."""

    ticket: str | None = None
    _csrf = ""
    _taken = 0.0
    _not_before = 0.0

    @property
    def age(self) -> float:
        now = time.monotonic()
        return 0.0 if now < self._not_before else now - self._taken

    def postpone(self, seconds: float) -> None:
        self._not_before = time.monotonic() + seconds

    def take(self, ticket: str, csrf: str) -> None:
        self.ticket, self._csrf, self._taken = ticket, csrf, time.monotonic()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # Not through the session's cookie jar: a load balancer's cookie would replace it there.
        others = request.headers.get("Cookie")
        cookie = f"PVEAuthCookie={quote(self.ticket or '', safe='')}"
        request.headers["Cookie"] = f"{others}; {cookie}" if others else cookie
        if request.method != "GET":
            request.headers["CSRFPreventionToken"] = self._csrf
        return request


class Serializer(JsonSerializer):
    """Keeps ``total`` of an answer and ``message`` of an error."""

    def loads(self, response: requests.Response) -> Answer:
        body = body_of(response)
        if body is False or "data" not in body or response.status_code != 200:
            raise NotJsonError(f"{response.status_code} {response.reason}, {_start(response)}")
        return Answer(body["data"], _whole(body.get("total")))

    def loads_errors(self, response: requests.Response) -> t.Any:
        """The JSON object; None where there is no body, False where there is another one."""
        return body_of(response) if response.content else None


def _whole(value: t.Any) -> int:
    """A count of the server, 0 where it gives none."""
    try:
        return int(value or 0)
    except (TypeError, ValueError, OverflowError):
        raise NotJsonError(f"the total is {str(value)[:40]!r}") from None


def body_of(response: requests.Response) -> dict[str, t.Any] | t.Literal[False]:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return False
    return body if isinstance(body, dict) else False


def _start(response: requests.Response) -> str:
    text = response.content[:60].decode("utf-8", "replace")
    return f"begins with {text!r}" if text else "empty body"


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
