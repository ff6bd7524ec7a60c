# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides on which node each new guest goes."""

from __future__ import annotations

import typing as t

from ..api.errors import UsageError

if t.TYPE_CHECKING:
    from .cluster import Cluster

EXPLICIT, ROUND_ROBIN, LEAST_MEMORY = "explicit", "round_robin", "least_memory"


class Place(t.NamedTuple):
    """The node of a new guest, None if undecided; ``why`` says why it cannot be placed there."""

    node: str | None
    why: str = ""


def place(
    wanted: t.Sequence[str | None],
    cluster: Cluster,
    placement: str,
    among: t.Sequence[str] | None,
    memory: t.Sequence[int],
) -> list[Place]:
    """The node for each guest; nodes that the user set (in ``wanted``) are kept.

    ``round_robin`` follows the place in the list, so the same list gives the same nodes again.
    ``least_memory`` takes the node with the smallest share of memory in use, counting ``memory``
    (bytes, one for each guest) of those already placed. ``explicit`` leaves the others undecided
    (None). An unknown or offline node is a problem only of its own guests.
    """
    chosen = list(wanted)
    if placement != EXPLICIT:
        candidates = _candidates(cluster, among, placement)
        if placement == ROUND_ROBIN:
            chosen = [one or candidates[n % len(candidates)] for n, one in enumerate(wanted)]
        else:
            chosen = _by_memory(wanted, cluster, candidates, memory)
    return [
        Place(
            node,
            "" if node is None else _against(node, cluster, "target_node" if given else "nodes"),
        )
        for given, node in zip(wanted, chosen)
    ]


def _against(name: str, cluster: Cluster, option: str) -> str:
    """Why no guest can be created on this node, empty if one can."""
    try:
        cluster.node(name, option)
    except UsageError as error:
        return str(error)
    return ""


def _candidates(cluster: Cluster, among: t.Sequence[str] | None, placement: str) -> list[str]:
    """The nodes to choose from; one that is offline keeps its turn in a given list."""
    for name in among or ():
        if name not in cluster.nodes:
            cluster.node(name, "nodes")
    online = [node.name for node in cluster.nodes.values() if node.online]
    if among:
        chosen = [name for name in among if name in online]
        return list(among) if placement == ROUND_ROBIN or not chosen else chosen
    if not online:
        raise UsageError("placement: no node is online, or the user or token can see none")
    return online


def _by_memory(
    wanted: t.Sequence[str | None],
    cluster: Cluster,
    candidates: t.Sequence[str],
    memory: t.Sequence[int],
) -> list[str | None]:
    used = {name: node.memory_used for name, node in cluster.nodes.items()}
    chosen: list[str | None] = []
    for given, size in zip(wanted, memory):
        name = given or min(
            candidates,
            key=lambda node: (used[node] + size) / max(1, cluster.nodes[node].memory),
        )
        used[name] = used.get(name, 0) + size
        chosen.append(name)
    return chosen


class Room:
    """The memory of the nodes, with the guests that are still to come there (bytes)."""

    def __init__(self, cluster: Cluster) -> None:
        self._nodes = cluster.nodes
        self._used = {name: node.memory_used for name, node in cluster.nodes.items()}
        self._resting = dict.fromkeys(self._used, 0)

    def free(self, node: str) -> int:
        """What is left there for guests that run."""
        return self._nodes[node].memory - self._used[node]

    def emptiest(self, candidates: t.Iterable[str], size: int) -> str | None:
        """The node of which the smallest share is taken when this comes, None without a node."""
        return min(
            candidates,
            key=lambda name: (
                (self._used[name] + self._resting[name] + size) / max(1, self._nodes[name].memory),
                name,
            ),
            default=None,
        )

    def take(self, node: str, size: int, *, runs: bool) -> None:
        """A guest comes; one that does not run takes no memory yet, but will when it is started."""
        (self._used if runs else self._resting)[node] += size
