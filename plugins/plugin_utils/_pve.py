# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API for plugins on the controller, by the options of the plugin."""

from __future__ import annotations

import asyncio
import sys
import typing as t

from ansible.errors import AnsibleError

from ..module_utils._pve.api.client import Api, Client
from ..module_utils._pve.api.connection import Connection
from ..module_utils._pve.api.errors import MissingLibraryError, PveError
from ..module_utils._pve.edge.printable import printable

T = t.TypeVar("T")
_VARIABLES = "upid_proxmox_"


def ask(options: t.Mapping[str, t.Any], question: t.Callable[[Api], t.Awaitable[T]]) -> T:
    """What ``question`` returns for the API of the plugin's connection options.

    ``options`` are those of the fragment ``connection``, as ``get_options()`` of a plugin returns
    them. All errors are AnsibleErrors.
    """
    try:
        return asyncio.run(_ask(Connection.from_options(options), question))
    except MissingLibraryError as exc:
        raise AnsibleError(f"{exc}: install {exc.library} for {sys.executable}") from exc
    except PveError as exc:
        # Without its cause, which Ansible would print with everything that the server sent.
        raise AnsibleError(printable(str(exc))) from None


def filled_in(templar: t.Any, variables: t.Mapping[str, t.Any] | None) -> t.Any:
    """The variables for ``set_options``, which does not template those of the connection.

    A secret is usually a template, such as ``{{ vault_secret }}``.
    """
    if templar is None or variables is None:
        return variables
    named = {name: value for name, value in variables.items() if name.startswith(_VARIABLES)}
    return {**variables, **{name: templar.template(value) for name, value in named.items()}}


async def _ask(connection: Connection, question: t.Callable[[Api], t.Awaitable[T]]) -> T:
    client = Client(connection)
    try:
        return await question(client)
    finally:
        client.close()
