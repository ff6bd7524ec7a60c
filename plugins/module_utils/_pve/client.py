# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API as the rest of the package sees it, and the one implementation over HTTPS."""

from __future__ import annotations

import asyncio
import queue
import threading
import typing as t

from . import clock
from .errors import NoAnswerError
from .session import Params, Segments, Session

if t.TYPE_CHECKING:
    from .connection import Connection
    from .transport import Answer

T = t.TypeVar("T")


class Api(t.Protocol):
    """What can be asked of a cluster.

    A path is a tuple of its parts below ``/api2/json``, unquoted. Every call raises ApiError for
    a clear no and NoAnswerError where no clear answer came. Reads are tried again, at most
    ``retries`` times; what changes something is sent once.
    """

    async def get(
        self, path: Segments, params: Params | None = None, *, retries: int | None = None
    ) -> Answer:
        """Read."""

    async def post(self, path: Segments, params: Params | None = None) -> Answer:
        """Start or create."""

    async def put(self, path: Segments, params: Params | None = None) -> Answer:
        """Change."""

    async def delete(self, path: Segments, params: Params | None = None) -> Answer:
        """Remove or stop."""

    def server_time(self) -> float:
        """The server's clock, seconds since the epoch."""

    @property
    def authid(self) -> str:
        """Who calls, as a UPID names him."""

    @property
    def usage(self) -> dict[str, t.Any]:
        """``requests`` sent so far and the ``host`` in use."""


class Client:
    """The Api of a cluster over HTTPS; requests run side by side in threads of its own."""

    def __init__(self, connection: Connection, parallel: int = 8) -> None:
        self._session = Session(connection, parallel)
        self._workers = _Workers(parallel)
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
        """Give up all connections."""
        self._session.close()

    async def _send(self, method: str, path: Segments, params: Params | None) -> Answer:
        return await self._workers.run(
            lambda: self._session.send(method, path, params or {}, self._timeout)
        )


class _Workers:
    """Runs blocking calls in at most ``size`` threads, made when they are needed.

    The threads are daemons: a request that still waits for a dead node does not keep the process
    from ending, which an executor of the standard library would.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._threads = 0
        self._idle = threading.Semaphore(0)
        self._calls: queue.SimpleQueue[t.Callable[[], None]] = queue.SimpleQueue()

    async def run(self, function: t.Callable[[], T]) -> T:
        """Call ``function`` in a thread and return what it returns or raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def call() -> None:
            try:
                result = function()
            except BaseException as exc:  # noqa: BLE001 - carried to the waiting caller, who knows it
                _hand_over(loop, future, error=exc)
            else:
                _hand_over(loop, future, result=result)

        if not self._idle.acquire(blocking=False) and self._threads < self._size:
            self._threads += 1
            threading.Thread(target=self._serve, daemon=True).start()
        self._calls.put(call)
        return await future

    def _serve(self) -> None:
        while True:
            self._calls.get()()
            self._idle.release()


def _hand_over(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[T],
    *,
    result: T | None = None,
    error: BaseException | None = None,
) -> None:
    def settle() -> None:
        if future.done():  # its caller was cancelled meanwhile
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(t.cast("T", result))

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop has ended: nobody waits for this answer any more
        return
