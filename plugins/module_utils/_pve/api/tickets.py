# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ticket of a user with a password: obtained by a login, renewed in time, added to requests."""

from __future__ import annotations

import threading
import time
import typing as t
from urllib.parse import quote

from .errors import ApiError, HostError, NoAnswerError, UsageError
from .libraries import ProxmoxHTTPAuthBase

if t.TYPE_CHECKING:
    from .calls import Answer, Params
    from .connection import Connection
    from .libraries import PreparedRequest
    from .option_texts import Host

# A ticket is valid for two hours.
TICKET_RENEWAL = 3600.0
# After a renewal without a response, the next one is delayed, because it blocks every request.
RENEWAL_PAUSE = 60.0


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

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        # Not in the session's cookie jar, where a load balancer's cookie would replace it.
        others = request.headers.get("Cookie")
        cookie = f"PVEAuthCookie={quote(self.ticket or '', safe='')}"
        request.headers["Cookie"] = f"{others}; {cookie}" if others else cookie
        if request.method != "GET":
            request.headers["CSRFPreventionToken"] = self._csrf
        return request


class Tickets:
    """Provides a ticket; thread-safe, with one thread logging in.

    ``ask`` sends a form to ``/access/ticket`` and returns the response; its second parameter
    describes the attempt for errors. ``host`` names the host in use. A ticket older than
    ``renewal`` seconds is renewed before it is used.
    """

    def __init__(
        self,
        connection: Connection,
        renewal: float,
        ask: t.Callable[[Params, str], Answer],
        host: t.Callable[[], Host],
    ) -> None:
        self.auth = TicketAuth()
        self._connection = connection
        self._renewal = renewal
        self._ask = ask
        self._host = host
        self._lock = threading.Lock()

    def ticket(self, stale: str | None = None) -> str | None:
        """A ticket that is neither old nor ``stale``."""
        with self._lock:
            if self.auth.ticket == stale:
                self._fetch(str(self._connection.password))
            elif self.auth.age > self._renewal:
                self._renew()
            return self.auth.ticket

    def _renew(self) -> None:
        """Get a new ticket for the old one, or for the password if the old one is too old."""
        try:
            self._fetch(str(self.auth.ticket))
        except ApiError:
            self._fetch(str(self._connection.password))
        except NoAnswerError:
            self.auth.postpone(RENEWAL_PAUSE)  # the old one is valid for another hour

    def _fetch(self, password: str) -> None:
        user = self._connection.user
        granted = self._granted({"username": user, "password": password})
        if granted.get("NeedTFA"):
            if not self._connection.otp:
                raise UsageError(f"{user} has a second factor: set api_otp, or use an API token")
            granted = self._granted(
                {
                    "username": user,
                    "password": f"totp:{self._connection.otp}",
                    "tfa-challenge": self._text_in(granted, "ticket"),
                }
            )
        ticket = self._text_in(granted, "ticket")
        self.auth.take(ticket, self._text_in(granted, "CSRFPreventionToken"))

    def _granted(self, form: Params) -> dict[str, t.Any]:
        tried = self._tried()
        try:
            answer = self._ask(form, tried)
        except NoAnswerError as error:  # in any case, no call has been sent
            raise HostError(tried, error.what, sent=False) from error
        if not isinstance(answer.data, dict):
            raise HostError(tried, "the response has no ticket", sent=False)
        return answer.data

    def _text_in(self, granted: t.Mapping[str, t.Any], key: str) -> str:
        """A field of a login's response, if it is usable in a request."""
        value = granted.get(key)
        if not isinstance(value, str) or not value or not (value.isascii() and value.isprintable()):
            what = f"the response has no usable {key}"
            raise HostError(self._tried(), what, sent=False)
        return value

    def _tried(self) -> str:
        return f"login of {self._connection.user} at {self._host()}"
