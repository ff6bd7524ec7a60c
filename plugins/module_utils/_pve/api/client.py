# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API as the rest of the package sees it, and the one implementation over HTTPS."""

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

# A silent node keeps so many reads waiting and no more, whatever is asked of it; what is asked of
# no node in particular has a share of its own.
_PER_NODE = 6
# What a request takes beside its answer, in seconds: the connection, and a header that trickles.
_BESIDES = 10.0
# Threads for reads beside those that starts may keep: enough for silent nodes and the others.
_READERS = 120


class Api(t.Protocol):
    """What can be asked of a cluster: the port that everything above this package uses.

    ``path`` is a tuple of the parts below ``/api2/json``, unquoted, such as
    ``("nodes", "pve1", "qemu", 201, "config")``. ``params`` are the fields of the query or the
    form, None for none. A field that is None is not sent; True and False are sent as 1 and 0.

    An answer's ``data`` is what the call returns, None where it returns nothing, and its ``total``
    the number of rows that a paged call has in all, 0 where it does not count them.

    Every request raises ApiError for a definite refusal by Proxmox VE (nothing was done),
    NoAnswerError where no definite answer came (nothing was done only if its ``sent`` is False),
    and UsageError where the options do not let it log in or trust the certificate.

    What changes something is sent once. A second time is only for what certainly was not carried
    out: a host that could not be reached, or a ticket that had expired.
    """

    async def get(
        self, path: Segments, params: Params | None = None, *, retries: int | None = None
    ) -> Answer:
        """Read.

        Without an answer it is tried again, with growing pauses, at most ``retries`` times: 0 is
        once, None is the number of the connection's options. A refusal is final.
        """

    async def post(self, path: Segments, params: Params | None = None) -> Answer:
        """Start or create; ``data`` is the UPID of the task, or what is created at once.

        A few calls start a task and return None all the same.
        """

    async def put(self, path: Segments, params: Params | None = None) -> Answer:
        """Change; ``data`` is the UPID of the task, None where all is done at once."""

    async def delete(self, path: Segments, params: Params | None = None) -> Answer:
        """Remove or stop; ``data`` is the UPID of the task, None where all is done at once.

        ``params`` go into the query: Proxmox VE reads no body of a DELETE.
        """

    def server_time(self) -> float:
        """The clock of the host that answered last, seconds since the epoch.

        Before the first answer, and where an answer names no time, it is this machine's clock.
        """

    @property
    def authid(self) -> str:
        """Who calls, as a UPID names it: ``root@pam``, or ``ansible@pve!ci`` for an API token."""

    @property
    def usage(self) -> dict[str, t.Any]:
        """``requests`` sent so far, logins and retries included, and the ``host`` in use."""


class Client:
    """The Api of a cluster over HTTPS; requests run side by side in threads of its own."""

    def __init__(self, connection: Connection, parallel: int = 8) -> None:
        self._session = Session(connection, parallel + _READERS)
        self._workers = Workers(parallel + _READERS)
        self._shares = Shares(_PER_NODE)
        # Each host may be tried, and a login may come before that.
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
        """The server's clock by its last answer, seconds since the epoch."""
        return self._session.server_time()

    @property
    def authid(self) -> str:
        """Who calls, as a UPID names him."""
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
            # Nobody foresaw it, so nobody knows how far the request came.
            raise NoAnswerError(tried, f"{type(exc).__name__}: {exc}", sent=True) from exc
