# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads for blocking calls, and limits on their use."""

from __future__ import annotations

import asyncio
import queue
import threading
import typing as t

T = t.TypeVar("T")


class Workers:
    """Runs blocking calls in at most ``size`` threads, created on demand.

    They are daemon threads: a request that still waits for a dead node does not keep the process
    from exiting, as it would with an executor of the standard library.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._threads = 0
        self._idle = threading.Semaphore(0)
        self._calls: queue.SimpleQueue[t.Callable[[], None] | None] = queue.SimpleQueue()

    def run(self, function: t.Callable[[], T]) -> asyncio.Future[T]:
        """Call ``function`` in a thread; a future of what it returns or raises.

        A future rather than a coroutine, because to wait for it with a limit then needs no task
        of its own. RuntimeError if no thread can be created and there is none yet.
        """
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
            self._start()
        self._calls.put(call)
        return future

    def close(self) -> None:
        """Let every thread end as soon as it is idle."""
        for _unused in range(self._threads):
            self._calls.put(None)

    def _start(self) -> None:
        thread = threading.Thread(target=self._serve, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system allows no more of them: the existing ones have to do
            if not self._threads:
                raise
            self._size = self._threads
        else:
            self._threads += 1

    def _serve(self) -> None:
        while True:
            call = self._calls.get()
            if call is None:
                return
            call()
            self._idle.release()


class Shares:
    """Limits how many calls to one destination may run at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._semaphores: dict[str, asyncio.Semaphore] = {}

    def of(self, name: str) -> asyncio.Semaphore:
        """The semaphore that a call to this destination has to hold."""
        return self._semaphores.setdefault(name, asyncio.Semaphore(self._most))


def _hand_over(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[T],
    *,
    result: T | None = None,
    error: BaseException | None = None,
) -> None:
    def settle() -> None:
        if future.done():  # its caller was cancelled in the meantime
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(t.cast("T", result))

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop has ended: this result is no longer needed
        return
