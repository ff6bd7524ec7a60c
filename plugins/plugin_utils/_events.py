# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source: options in, events into the queue of ansible-rulebook."""

from __future__ import annotations

import asyncio
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._pve.api import clock
from ..module_utils._pve.api.client import Client
from ..module_utils._pve.api.connection import Connection
from ..module_utils._pve.api.errors import UsageError
from ..module_utils._pve.edge.arguments import CONNECTION_SPEC, TASK_FILTERS_SPEC
from ..module_utils._pve.edge.printable import printable
from ..module_utils._pve.tasks.events.cursor import CursorFile
from ..module_utils._pve.tasks.events.event import KINDS
from ..module_utils._pve.tasks.events.follow import follow
from ..module_utils._pve.tasks.events.query import EventQuery

SPEC: dict[str, dict[str, t.Any]] = {
    **CONNECTION_SPEC,
    **{name: TASK_FILTERS_SPEC[name] for name in ("type", "vmid", "user", "status", "since")},
    "events": {"type": "list", "elements": "str", "choices": list(KINDS)},
    "nodes": {"type": "list", "elements": "str", "aliases": ["node"]},
    "interval": {"type": "float", "default": 5.0},
    "cursor": {"type": "path"},
    "log_lines": {"type": "int", "default": 20},
}
# What ansible-rulebook adds to the arguments of a source on its own account.
_FOREIGN = ("feedback", "eda_feedback_queue")
_MOMENT = 0.02


async def put_events(queue: asyncio.Queue[t.Any], args: t.Mapping[str, t.Any]) -> None:
    """Put the events of a cluster into the queue, until cancelled.

    ``queue`` takes one at a time, so it holds the polls up if the rules are slow. Its loop is the
    one that everything here runs in; requests and their responses are in threads.
    """
    options = read_options(args)
    query, connection = EventQuery.from_options(options), Connection.from_options(options)
    cursor = CursorFile(options["cursor"]) if options["cursor"] else None
    client = Client(connection)

    async def settled() -> None:
        # Who takes an event out of the queue gives it to the rules before anything else runs.
        inner = getattr(queue, "queue", queue)  # ansible-rulebook wraps it
        while not inner.empty():
            await clock.sleep(_MOMENT)

    async def hand_over(event: dict[str, t.Any]) -> None:
        await queue.put(printable(event))

    try:
        await follow(client, query, hand_over, settled, cursor)
    finally:
        client.close()
        if cursor:
            cursor.close()


def read_options(args: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The arguments of the source, with defaults and environment; UsageError for invalid ones."""
    given = {name: value for name, value in args.items() if name not in _FOREIGN}
    result = ArgumentSpecValidator(SPEC).validate(given)
    if result.error_messages:
        raise UsageError(f"upid.proxmox.tasks: {'; '.join(result.error_messages)}")
    options: dict[str, t.Any] = result.validated_parameters
    return options
