# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""clone: clone one or many guests from one source."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..guests.reading import read_cluster
from .creation.flow import create
from .creation.plan import check_requests
from .creation.recipe import by_cloning
from .creation.requests import placed, read_requests
from .creation.sources import check_format, find_source

if t.TYPE_CHECKING:
    from .context import Context, Report

_OPTIONS = ("full", "storage", "format", "pool", "description", "snapname", "bwlimit")


async def run(context: Context) -> Report:
    """Find the source, place the guests, create the missing ones."""
    params = context.params
    wanted = read_requests(params, "name", _OPTIONS, _given)
    check_requests(wanted, "name")
    cluster, source = await find_source(
        context.api, await read_cluster(context.api), params["source"]
    )
    for one in wanted:
        check_format(source, one.options)
    wanted = [
        replace(one, why=one.why or source.why)
        for one in placed(wanted, cluster, params, [source.guest.memory] * len(wanted))
    ]
    return await create(context, wanted, cluster, by_cloning(source, params["wait_timeout"]))


def _given(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name, value in options.items() if value is not None}
