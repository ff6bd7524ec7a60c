# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Cluster, Node
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.placement import (
    EXPLICIT,
    LEAST_MEMORY,
    ROUND_ROBIN,
    Place,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.placement import (
    place as placed,
)
from hypothesis import given
from hypothesis import strategies as st

GIB = 1 << 30
CLUSTER = Cluster(
    {
        "pve1": Node("pve1", online=True, memory=64 * GIB, memory_used=32 * GIB),
        "pve2": Node("pve2", online=True, memory=64 * GIB, memory_used=8 * GIB),
        "pve3": Node("pve3", online=True, memory=32 * GIB, memory_used=8 * GIB),
        "pve4": Node("pve4", online=False),
    }
)


def place(*args: Any) -> list[str | None]:
    """The nodes, where nothing stands against any of them."""
    places = placed(*args)
    assert not [where.why for where in places if where.why]
    return [where.node for where in places]


def test_explicit_leaves_the_others_open() -> None:
    assert place([None, "pve2"], CLUSTER, EXPLICIT, None, [0, 0]) == [None, "pve2"]


def test_round_robin_follows_the_place_in_the_list() -> None:
    wanted = [None, "pve3", None, None]
    expected = ["pve1", "pve3", "pve3", "pve1"]
    assert place(wanted, CLUSTER, ROUND_ROBIN, None, [0] * 4) == expected
    assert place([None] * 3, CLUSTER, ROUND_ROBIN, ["pve3", "pve1"], [0] * 3) == [
        "pve3",
        "pve1",
        "pve3",
    ]


def test_least_memory_counts_those_already_placed() -> None:
    expected = ["pve2", "pve2", "pve2", "pve3"]
    assert place([None] * 4, CLUSTER, LEAST_MEMORY, None, [8 * GIB] * 4) == expected


def test_least_memory_counts_those_that_the_user_placed() -> None:
    wanted = ["pve2", None]
    assert place(wanted, CLUSTER, LEAST_MEMORY, None, [48 * GIB, GIB]) == ["pve2", "pve3"]


@pytest.mark.parametrize("placement", [EXPLICIT, ROUND_ROBIN, LEAST_MEMORY])
@pytest.mark.parametrize(("name", "why"), [("nosuch", "no node 'nosuch'"), ("pve4", "offline")])
def test_a_node_that_cannot_be_used_is_the_problem_of_its_own_guest(
    placement: str, name: str, why: str
) -> None:
    bad, good = placed([name, "pve1"], CLUSTER, placement, None, [0, 0])
    assert bad.node == name
    assert bad.why.startswith("target_node: ")
    assert why in bad.why
    assert good == Place("pve1")


def test_an_offline_candidate_keeps_its_turn_so_that_the_others_stay_where_they_are() -> None:
    first, second, third = placed([None] * 3, CLUSTER, ROUND_ROBIN, ["pve1", "pve4"], [0] * 3)
    assert (first, third) == (Place("pve1"), Place("pve1"))
    assert second == Place("pve4", "nodes: node 'pve4' is offline")


def test_least_memory_passes_over_an_offline_candidate() -> None:
    assert place([None], CLUSTER, LEAST_MEMORY, ["pve1", "pve4"], [0]) == ["pve1"]


@pytest.mark.parametrize("placement", [ROUND_ROBIN, LEAST_MEMORY])
def test_a_candidate_that_does_not_exist_is_refused(placement: str) -> None:
    with pytest.raises(UsageError, match="nodes: there is no node 'pve9'"):
        placed([None], CLUSTER, placement, ["pve1", "pve9"], [0])


@pytest.mark.parametrize("placement", [ROUND_ROBIN, LEAST_MEMORY])
def test_a_cluster_without_nodes_to_see_is_refused(placement: str) -> None:
    with pytest.raises(UsageError, match="no node is online"):
        place([None], Cluster(), placement, None, [0])


@given(
    st.lists(st.sampled_from([None, "pve1", "pve2", "pve3"]), max_size=12),
    st.sampled_from([ROUND_ROBIN, LEAST_MEMORY]),
)
def test_every_guest_gets_an_online_node_and_keeps_an_explicit_one(
    wanted: list[str | None], placement: str
) -> None:
    nodes = place(wanted, CLUSTER, placement, None, [GIB] * len(wanted))
    assert len(nodes) == len(wanted)
    for name, node in zip(wanted, nodes, strict=True):
        assert node == name if name else node in ("pve1", "pve2", "pve3")
