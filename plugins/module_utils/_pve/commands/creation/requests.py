# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests that the options of ``clone`` and ``container`` request, and their nodes."""

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

    An entry takes ``shared`` options that it does not set from the top level; its ``params`` are
    added to those there. ``api_options`` converts options to parameters of the API.
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
    """The guests with their nodes, and why they cannot be placed there; ``memory`` is in bytes."""
    nodes = [one.node for one in wanted]
    places = place(nodes, cluster, params["placement"], params["nodes"], memory)
    only = next(iter(cluster.nodes)) if len(cluster.nodes) == 1 else None
    return [
        replace(one, node=where.node or only, why=where.why) for one, where in zip(wanted, places)
    ]
