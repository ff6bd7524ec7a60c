# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides on which node each new guest goes."""

from __future__ import annotations

import typing as t

from .errors import UsageError

if t.TYPE_CHECKING:
    from .guests import Cluster

GIVEN, ROUND_ROBIN, LEAST_MEMORY = "given", "round_robin", "least_memory"
PLACEMENTS = (GIVEN, ROUND_ROBIN, LEAST_MEMORY)


def place(
    wanted: t.Sequence[str | None],
    cluster: Cluster,
    placement: str,
    among: t.Sequence[str] | None,
    memory: t.Sequence[int],
) -> list[str | None]:
    """The node for each guest; a node that the user gave (in ``wanted``) stays.

    ``round_robin`` follows the place in the list, so the same list gives the same nodes again.
    ``least_memory`` takes the node with the smallest share of memory in use, counting ``memory``
    (bytes, one for each guest) of those already placed. ``given`` leaves the others open (None).
    """
    for name in wanted:
        if name is not None:
            cluster.node(name, "target_node")
    if placement == GIVEN:
        return list(wanted)
    candidates = _candidates(cluster, among)
    if placement == ROUND_ROBIN:
        return [name or candidates[index % len(candidates)] for index, name in enumerate(wanted)]
    return _by_memory(wanted, cluster, candidates, memory)


def _candidates(cluster: Cluster, among: t.Sequence[str] | None) -> list[str]:
    if among:
        return [cluster.node(name, "nodes").name for name in among]
    online = [node.name for node in cluster.nodes.values() if node.online]
    if not online:
        raise UsageError("placement: no node is online, or the user or token sees none")
    return online


def _by_memory(
    wanted: t.Sequence[str | None],
    cluster: Cluster,
    candidates: t.Sequence[str],
    memory: t.Sequence[int],
) -> list[str | None]:
    used = {name: cluster.nodes[name].memory_used for name in cluster.nodes}
    chosen: list[str | None] = []
    for given, size in zip(wanted, memory):
        name = given or min(
            candidates,
            key=lambda node: (used[node] + size) / max(1, cluster.nodes[node].memory),
        )
        used[name] += size
        chosen.append(name)
    return chosen
