# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTPS to one cluster as one identity: login, fail-over, what an answer means.

Everything here blocks and may be called from several threads at once.
"""

from __future__ import annotations

import email.utils
import re
import threading
import time
import typing as t
from urllib.parse import quote

from .errors import ApiError, NoAnswerError, UsageError
from .refusals import read_refusal
from .transport import (
    MISSING,
    Answer,
    HttpSession,
    NoAuth,
    NotJsonError,
    Serializer,
    TicketAuth,
    presented_fingerprint,
    unlogged,
    was_sent,
)

if t.TYPE_CHECKING:
    from .connection import Connection, Host

if MISSING is None:
    from proxmoxer.backends.https import ProxmoxHTTPApiTokenAuth
    from proxmoxer.core import ProxmoxResource, ResourceException
    from requests.exceptions import ConnectTimeout, ReadTimeout, RequestException, SSLError
    from urllib3.exceptions import HTTPError, NewConnectionError

Segments = tuple[t.Union[str, int], ...]
Params = t.Mapping[str, t.Any]

TICKET_RENEWAL = 3600.0
# After a renewal that got no answer the next one waits, for it keeps every request waiting.
RENEWAL_PAUSE = 60.0


class Session:
    """Sends requests as one identity, to the first host that can be reached.

    ``connections`` is how many threads may ask at once. A ticket older than ``renewal`` seconds is
    renewed before it is used.
    """

    def __init__(
        self, connection: Connection, connections: int, *, renewal: float = TICKET_RENEWAL
    ) -> None:
        if MISSING is not None:
            raise MISSING
        self.connection = connection
        self._renewal = renewal
        self._login = threading.Lock()
        self._lock = threading.Lock()
        self._host = 0
        self._requests = 0
        self._server_time = (time.time(), time.monotonic())
        self._auth = (
            ProxmoxHTTPApiTokenAuth(connection.user, connection.token_name, connection.token_secret)
            if connection.token_name
            else TicketAuth()
        )
        # A kept connection that the server closes in this very moment would make a start
        # ambiguous, so what changes something always travels on a new one.
        self._reads = HttpSession(connection, self, connections, keep=True)
        self._writes = HttpSession(connection, self, connections, keep=False)

    @property
    def requests(self) -> int:
        """How many requests were sent, logins included."""
        return self._requests

    @property
    def host(self) -> Host:
        """The host in use."""
        return self.connection.hosts[self._host]

    def server_time(self) -> float:
        """The server's clock by its last answer, seconds since the epoch."""
        at, seen = self._server_time
        return at + time.monotonic() - seen

    def close(self) -> None:
        """Give up all connections."""
        self._reads.close()
        self._writes.close()

    def send(self, method: str, path: Segments, params: Params, timeout: float) -> Answer:
        """Send one request once and return its answer.

        Raises ApiError for a clear no and NoAnswerError for everything that is not an answer.
        A host in trouble is left for the next one. A read goes there at once; anything else only
        when nothing had been sent.
        """
        tried = f"{method} /{'/'.join(str(segment) for segment in path)}"
        for _unused in self.connection.hosts[1:]:
            host = self._host
            try:
                return self._send(method, path, params, timeout, tried)
            except _HostError as error:
                self._leave(host)
                if error.sent and method != "GET":
                    raise
        return self._send(method, path, params, timeout, tried)

    def _send(
        self, method: str, path: Segments, params: Params, timeout: float, tried: str
    ) -> Answer:
        ticket = self._log_in()
        try:
            return self._exchange(method, path, params, timeout, tried)
        except ApiError as error:
            if error.status != 401 or ticket is None:
                raise
        self._log_in(stale=ticket)
        return self._exchange(method, path, params, timeout, tried)

    def _exchange(
        self,
        method: str,
        path: Segments,
        params: Params,
        timeout: float,
        tried: str,
        auth: t.Any = None,
    ) -> Answer:
        http = self._reads if method == "GET" else self._writes
        http.thread.timeout, http.thread.auth = timeout, auth or self._auth
        resource = ProxmoxResource(
            base_url=f"https://{self.host}{self.connection.path_prefix}/api2/json",
            session=http,
            serializer=Serializer(),
        )(tuple(quote(str(segment), safe="") for segment in path))
        try:
            with unlogged():
                answer = getattr(resource, method.lower())(**_encoded(params))
        except ResourceException as exc:
            raise _refusal(tried, method, exc) from exc
        except NotJsonError as exc:
            raise NoAnswerError(tried, f"the answer is not the API's ({exc})", sent=True) from exc
        except SSLError as exc:
            raise self._untrusted(tried, exc) from exc
        except RequestException as exc:
            raise self._silence(tried, exc) from exc
        except (OSError, HTTPError, ValueError, RecursionError, MemoryError) as exc:
            # The text of some of them holds what was to be sent, secrets included.
            shown = "" if isinstance(exc, ValueError) else f": {exc}"
            raise _HostError(
                tried, f"{self.host}: {type(exc).__name__}{shown}", sent=True
            ) from None
        if answer is None:
            raise NoAnswerError(
                tried,
                f"{self.host} redirects elsewhere; give the address of the API",
                sent=method != "GET",
            )
        return t.cast("Answer", answer)

    def _silence(self, tried: str, exc: RequestException) -> NoAnswerError:
        what = f"{self.host}: {_root_cause(exc)}"
        if isinstance(exc, ConnectTimeout) or isinstance(
            getattr(exc.args[0] if exc.args else None, "reason", None), NewConnectionError
        ):
            return _HostError(tried, what, sent=False)
        if isinstance(exc, ReadTimeout):
            what = f"{self.host}: no answer in time"
        return _HostError(tried, what, sent=was_sent(exc))

    def _untrusted(self, tried: str, exc: Exception) -> UsageError | NoAnswerError:
        text = _root_cause(exc)
        if not any(word in text for word in ("certificate", "fingerprint", "hostname", "IP addr")):
            return _HostError(tried, f"{self.host}: {text}", sent=was_sent(exc))
        pin = presented_fingerprint(self.host)
        return UsageError(
            f"{tried}: the certificate of {self.host} is not trusted: {text}."
            " Set ca_path to a copy of the cluster's /etc/pve/pve-root-ca.pem, or api_fingerprint"
            f" to the SHA-256 fingerprint of the node's certificate"
            f" (the server presents {pin}; compare it on the node with: pvenode cert info)"
        )

    def _leave(self, host: int) -> None:
        with self._lock:
            if self._host == host:
                self._host = (host + 1) % len(self.connection.hosts)

    def answered(self, date: str | None) -> None:
        """Note that an answer came, and the server's clock with it."""
        seconds = _moment(date)
        if seconds is not None:
            self._server_time = (seconds, time.monotonic())

    def sending(self) -> None:
        """Note that a request is sent."""
        with self._lock:
            self._requests += 1

    def _log_in(self, stale: str | None = None) -> str | None:
        """Have a ticket that is not old and not ``stale``; None where tokens are used."""
        auth = self._auth
        if not isinstance(auth, TicketAuth):
            return None
        with self._login:
            if auth.ticket == stale:
                self._fetch_ticket(auth, str(self.connection.password))
            elif auth.age > self._renewal:
                self._renew(auth)
            return auth.ticket

    def _renew(self, auth: TicketAuth) -> None:
        """Have a new ticket for the old one, or for the password where the old one is too old."""
        try:
            self._fetch_ticket(auth, str(auth.ticket))
        except ApiError:
            self._fetch_ticket(auth, str(self.connection.password))
        except NoAnswerError:
            auth.postpone(RENEWAL_PAUSE)  # the old one is good for another hour

    def _fetch_ticket(self, auth: TicketAuth, password: str) -> None:
        granted = self._ask_ticket({"username": self.connection.user, "password": password})
        if granted.get("NeedTFA"):
            if not self.connection.otp:
                raise UsageError(
                    f"{self.connection.user} has a second factor: give api_otp, or use an API token"
                )
            granted = self._ask_ticket(
                {
                    "username": self.connection.user,
                    "password": f"totp:{self.connection.otp}",
                    "tfa-challenge": self._text_in(granted, "ticket"),
                }
            )
        auth.take(self._text_in(granted, "ticket"), self._text_in(granted, "CSRFPreventionToken"))

    def _ask_ticket(self, form: Params) -> dict[str, t.Any]:
        tried = f"login of {self.connection.user} at {self.host}"
        try:
            answer = self._exchange(
                "POST", ("access", "ticket"), form, self.connection.timeout, tried, NoAuth()
            )
        except NoAnswerError as error:  # whatever became of it, no call has been sent
            raise _HostError(tried, error.what, sent=False) from error
        if not isinstance(answer.data, dict):
            raise _HostError(tried, "the answer grants nothing", sent=False)
        return answer.data

    def _text_in(self, granted: t.Mapping[str, t.Any], key: str) -> str:
        """A part of what a login granted, if it can be sent along as it is meant to be."""
        value = granted.get(key)
        if not isinstance(value, str) or not value or not (value.isascii() and value.isprintable()):
            tried = f"login of {self.connection.user} at {self.host}"
            raise _HostError(tried, f"the answer grants no {key} that can be used", sent=False)
        return value


class _HostError(NoAnswerError):
    """The host itself is in trouble: no connection, or one that broke or fell silent."""


def _refusal(tried: str, method: str, exc: ResourceException) -> ApiError | NoAnswerError:
    """What a status of 400 or more means."""
    return read_refusal(tried, method, exc.status_code, str(exc.content or ""), exc.errors)


def _moment(date: str | None) -> float | None:
    """Epoch seconds of a Date header, None where it says nothing that can be meant."""
    try:
        stamp = email.utils.parsedate_tz(date) if date else None
        return None if stamp is None else float(email.utils.mktime_tz(stamp))
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _encoded(params: Params) -> dict[str, t.Any]:
    return {
        name: int(value) if isinstance(value, bool) else value
        for name, value in params.items()
        if value is not None
    }


def _root_cause(exc: BaseException) -> str:
    """The innermost text of requests' nested exceptions, where the reason is."""
    inner: t.Any = exc
    text = str(exc)
    while isinstance(inner, BaseException):
        text = str(inner)
        inner = getattr(inner, "reason", None) or (inner.args[0] if inner.args else None)
    return re.sub(r"^((HTTPSConnection|Pinned)(Pool)?\(.*?\)|<.*? object at 0x\w+>): ", "", text)
