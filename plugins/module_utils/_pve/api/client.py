# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API as the rest of the package sees it, and its only implementation, over HTTPS."""

from __future__ import annotations

import asyncio
import typing as t

from . import clock
from .errors import NoAnswerError, PveError
from .session import Session
from .workers import Shares, Workers

if t.TYPE_CHECKING:
    from .calls import Answer, Params, Segments
    from .connection import Connection

# A silent node can keep this many reads waiting at most. Requests that concern no particular node
# have a share of their own.
_PER_NODE = 6
# What a request may take in addition, in seconds: for connecting, and for a slow header.
_BESIDES = 10.0
# Threads for reads, besides those that starts may occupy: enough for silent nodes and the others.
_READERS = 120


class Api(t.Protocol):
    """The requests that a cluster accepts: the port that everything above this package uses.

    ``path`` is a tuple of the parts below ``/api2/json``, unquoted, such as
    ``("nodes", "pve1", "qemu", 201, "config")``. ``params`` are the fields of the query or the
    form, None for none. A field that is None is not sent; True and False are sent as 1 and 0.

    The ``data`` of an answer is what the call returns, None if nothing, and its ``total`` is the
    number of all rows of a paged call, 0 if the call does not count them. Whether ``data`` has the
    type that the call returns is not checked here, but in ``answers``.

    Every request raises ApiError for a definite refusal by Proxmox VE (nothing was done),
    NoAnswerError if there was no definite response in time (nothing was done only if its ``sent``
    is False), and UsageError if the options do not allow it to log in or to trust the certificate.
    It raises nothing else. A caller that is cancelled does not cancel its request.

    Requests that change something are sent once. They are sent again only if they certainly were
    not carried out: the host could not be reached, or the ticket had expired.
    """

    async def get(
        self, path: Segments, params: Params | None = None, *, retries: int | None = None
    ) -> Answer:
        """Read.

        Without a response it is retried with growing delays, at most ``retries`` times; None means
        the number in the connection options. Each attempt tries the hosts until one of them
        responds. A refusal is final.
        """

    async def post(self, path: Segments, params: Params | None = None) -> Answer:
        """Start or create; ``data`` is the UPID of the task, or what was created at once.

        A few calls start a task but return None.
        """

    async def put(self, path: Segments, params: Params | None = None) -> Answer:
        """Change; ``data`` is the UPID of the task, None if all is done at once."""

    async def delete(self, path: Segments, params: Params | None = None) -> Answer:
        """Remove or stop; ``data`` is the UPID of the task, None if all is done at once.

        ``params`` go into the query: Proxmox VE reads no body of a DELETE.
        """

    def server_time(self) -> float:
        """The clock of the host that answered last, seconds since the epoch.

        Before the first response, or if a response has no date, it is this machine's clock.
        """

    @property
    def authid(self) -> str:
        """The caller, as in a UPID: ``root@pam``, or ``ansible@pve!ci`` for an API token."""

    @property
    def usage(self) -> dict[str, t.Any]:
        """``requests`` sent so far, logins and retries included, and the ``host`` in use.

        The host is a text such as ``pve1:8006``.
        """


class Client:
    """The Api of a cluster over HTTPS; requests run side by side in threads of its own."""

    def __init__(self, connection: Connection, parallel: int = 8) -> None:
        self._session = Session(connection, parallel + _READERS)
        self._workers = Workers(parallel + _READERS)
        self._shares = Shares(_PER_NODE)
        # Each host may be tried, and may need a login first.
        self._deadline = (connection.timeout + _BESIDES) * (len(connection.hosts) + 2)
        self._timeout = connection.timeout
        self._retries = connection.retries

    async def get(
        self, path: Segments, params: Params | None = None, *, retries: int | None = None
    ) -> Answer:
        """Read; see :class:`Api`."""
        most = self._retries if retries is None else retries
        for attempt in range(1, most + 1):
            try:
                return await self._send("GET", path, params)
            except NoAnswerError:
                await clock.sleep(clock.backoff(attempt))
        return await self._send("GET", path, params)

    async def post(self, path: Segments, params: Params | None = None) -> Answer:
        """Start or create; see :class:`Api`."""
        return await self._send("POST", path, params)

    async def put(self, path: Segments, params: Params | None = None) -> Answer:
        """Change; see :class:`Api`."""
        return await self._send("PUT", path, params)

    async def delete(self, path: Segments, params: Params | None = None) -> Answer:
        """Remove or stop; see :class:`Api`."""
        return await self._send("DELETE", path, params)

    def server_time(self) -> float:
        """The server's clock by its last response, seconds since the epoch."""
        return self._session.server_time()

    @property
    def authid(self) -> str:
        """The caller, as in a UPID."""
        return self._session.connection.authid

    @property
    def usage(self) -> dict[str, t.Any]:
        """``requests`` sent so far, logins included, and the ``host`` in use."""
        return {"requests": self._session.requests, "host": str(self._session.host)}

    def close(self) -> None:
        """Give up all connections and threads."""
        self._workers.close()
        self._session.close()

    async def _send(self, method: str, path: Segments, params: Params | None) -> Answer:
        if method != "GET":  # lanes bound these
            return await self._run(method, path, params)
        node = str(path[1]) if path[0] == "nodes" and len(path) > 1 else ""
        async with self._shares.of(node):
            return await self._run(method, path, params)

    async def _run(self, method: str, path: Segments, params: Params | None) -> Answer:
        tried = f"{method} /{'/'.join(map(str, path))}"
        try:
            work = self._workers.run(
                lambda: self._session.send(method, path, params or {}, self._timeout)
            )
            return await asyncio.wait_for(work, self._deadline)
        except PveError:
            raise
        except asyncio.TimeoutError as exc:
            what = f"no answer within {self._deadline:.0f} s; the response was incomplete"
            raise NoAnswerError(tried, what, sent=True) from exc
        except Exception as exc:
            # Unexpected, so it is unknown how far the request came.
            raise NoAnswerError(tried, f"{type(exc).__name__}: {exc}", sent=True) from exc
