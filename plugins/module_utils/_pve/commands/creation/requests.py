# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests the options of ``clone`` and ``container`` ask for, and where a guest is to live."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ...guests.placement import place
from .plan import GuestRequest

if t.TYPE_CHECKING:
    from ...guests.cluster import Cluster

Values = t.Mapping[str, t.Any]


def read_requests(
    params: Values,
    name_option: str,
    shared: t.Sequence[str],
    api_options: t.Callable[[dict[str, t.Any]], Values],
) -> list[GuestRequest]:
    """One request for each entry of ``guests``, or the one that the top level describes.

    An entry takes the ``shared`` options that it does not give from the top level; its ``params``
    are added to those there. ``api_options`` makes the API's parameters of them.
    """
    alone = params["guests"] is None
    requests = []
    for one in [params] if alone else params["guests"]:
        given = {name: value for name, value in one.items() if value is not None}
        merged = {**{name: params[name] for name in (*shared, "target_node")}, **given}
        if params.get("params") and given.get("params"):
            merged["params"] = {**params["params"], **given["params"]}
        options = api_options({name: merged[name] for name in shared})
        requests.append(
            GuestRequest(
                merged.get("vmid"), merged.get(name_option), merged["target_node"], options
            )
        )
    return requests


def placed(
    wanted: t.Sequence[GuestRequest], cluster: Cluster, params: Values, memory: t.Sequence[int]
) -> list[GuestRequest]:
    """The guests with their nodes, each with why it cannot live there; ``memory`` is in bytes."""
    nodes = [one.node for one in wanted]
    places = place(nodes, cluster, params["placement"], params["nodes"], memory)
    only = next(iter(cluster.nodes)) if len(cluster.nodes) == 1 else None
    return [
        replace(one, node=where.node or only, why=where.why) for one, where in zip(wanted, places)
    ]
