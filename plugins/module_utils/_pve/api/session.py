# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of one cluster, used with one identity: if a host fails, the next one is used.

Everything here blocks and is thread-safe.
"""

from __future__ import annotations

import threading
import typing as t
from urllib.parse import quote

from .bodies import Serializer
from .errors import ApiError, HostError, NoAnswerError
from .failures import explained
from .libraries import MISSING, ProxmoxHTTPApiTokenAuth, ProxmoxResource
from .observer import Observer
from .tickets import TICKET_RENEWAL, NoAuth, Tickets
from .transport import HttpSession, unlogged

if t.TYPE_CHECKING:
    from .calls import Answer, Params, Segments
    from .connection import Connection
    from .option_texts import Host


class Session:
    """Sends requests with one identity, to the first host that can be reached.

    ``connections`` is how many threads may send requests at once. A ticket older than ``renewal``
    seconds is renewed before it is used.
    """

    def __init__(
        self, connection: Connection, connections: int, *, renewal: float = TICKET_RENEWAL
    ) -> None:
        if MISSING is not None:
            raise MISSING
        self.connection = connection
        self._lock = threading.Lock()
        self._host = 0
        self._observer = Observer()
        self._tickets: Tickets | None = None
        if connection.token_name:
            self._auth = ProxmoxHTTPApiTokenAuth(
                connection.user, connection.token_name, connection.token_secret
            )
        else:
            self._tickets = Tickets(connection, renewal, self._ask_ticket, lambda: self.host)
            self._auth = self._tickets.auth
        # A persistent connection that the server closes at this very moment would make a start
        # ambiguous, so requests that change something always use a new one.
        self._reads = HttpSession(connection, self._observer, connections, keep=True)
        self._writes = HttpSession(connection, self._observer, connections, keep=False)

    @property
    def requests(self) -> int:
        """How many requests were sent, logins included."""
        return self._observer.requests

    @property
    def host(self) -> Host:
        """The host in use."""
        return self.connection.hosts[self._host]

    def server_time(self) -> float:
        """The server's clock by its last response, seconds since the epoch."""
        return self._observer.server_time()

    def close(self) -> None:
        """Give up all connections."""
        self._reads.close()
        self._writes.close()

    def send(self, method: str, path: Segments, params: Params, timeout: float) -> Answer:
        """Send one request once and return its response.

        Raises ApiError for a definite refusal and NoAnswerError for anything that is not a response
        of the API. If a host fails, the next one is used from then on: at once for a read, and for
        anything else only if nothing was sent.
        """
        tried = f"{method} /{'/'.join(str(segment) for segment in path)}"
        for _unused in self.connection.hosts[1:]:
            host = self._host
            try:
                return self._send(method, path, params, timeout, tried)
            except HostError as error:
                self._leave(host)
                if error.sent and method != "GET":
                    raise
        return self._send(method, path, params, timeout, tried)

    def _send(
        self, method: str, path: Segments, params: Params, timeout: float, tried: str
    ) -> Answer:
        ticket = self._tickets.ticket() if self._tickets else None
        try:
            return self._exchange(method, path, params, timeout, tried)
        except ApiError as error:
            if error.status != 401 or self._tickets is None:
                raise
        self._tickets.ticket(stale=ticket)
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
        host = self.host
        resource = ProxmoxResource(
            base_url=f"https://{host}{self.connection.path_prefix}/api2/json",
            session=http,
            serializer=Serializer(),
        )(tuple(quote(str(segment), safe="") for segment in path))
        with explained(tried, method, host), unlogged():
            answer = getattr(resource, method.lower())(**_encoded(params))
        if answer is None:
            raise NoAnswerError(
                tried,
                f"{host} redirects elsewhere; set the address of the API",
                sent=method != "GET",
            )
        return t.cast("Answer", answer)

    def _leave(self, host: int) -> None:
        with self._lock:
            if self._host == host:
                self._host = (host + 1) % len(self.connection.hosts)

    def _ask_ticket(self, form: Params, tried: str) -> Answer:
        timeout = self.connection.timeout
        return self._exchange("POST", ("access", "ticket"), form, timeout, tried, NoAuth())


def _encoded(params: Params) -> dict[str, t.Any]:
    return {
        name: int(value) if isinstance(value, bool) else value
        for name, value in params.items()
        if value is not None
    }
