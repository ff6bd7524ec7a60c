# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API for plugins that run on the controller, from the options of a plugin."""

from __future__ import annotations

import asyncio
import sys
import typing as t

from ansible.errors import AnsibleError

from ..module_utils._pve.client import Api, Client
from ..module_utils._pve.connection import Connection
from ..module_utils._pve.errors import MissingLibraryError, PveError

T = t.TypeVar("T")


def ask(options: t.Mapping[str, t.Any], question: t.Callable[[Api], t.Awaitable[T]]) -> T:
    """What ``question`` returns, asked of the API that the connection options of a plugin name.

    ``options`` are those of the fragment ``connection``, as ``get_options()`` of a plugin returns
    them. Everything that goes wrong is an AnsibleError.
    """
    try:
        return asyncio.run(_ask(Connection.from_options(options), question))
    except MissingLibraryError as exc:
        raise AnsibleError(f"{exc}: install {exc.library} for {sys.executable}") from exc
    except PveError as exc:
        raise AnsibleError(str(exc)) from exc


async def _ask(connection: Connection, question: t.Callable[[Api], t.Awaitable[T]]) -> T:
    client = Client(connection)
    try:
        return await question(client)
    finally:
        client.close()
