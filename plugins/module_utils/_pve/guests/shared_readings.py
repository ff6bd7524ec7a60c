# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readings of the cluster that simultaneous callers share."""

from __future__ import annotations

import asyncio
import typing as t

from .reading import read_cluster

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .cluster import Cluster


class SharedReadings:
    """Readings of the cluster without names, shared by all callers until the reading begins.

    No caller gets a reading that began before its call. Callers during a reading share the next
    one.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._running: asyncio.Future[Cluster] | None = None
        self._next: asyncio.Future[Cluster] | None = None

    async def read(self) -> Cluster:
        """The cluster as it was at some moment after the call; raises what the request raises."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._after(self._running))
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Future[Cluster] | None) -> Cluster:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        return await read_cluster(self._api)
