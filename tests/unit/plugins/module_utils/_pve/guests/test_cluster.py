# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import (
    GUEST_TYPES,
    Cluster,
    Guest,
    as_vmid,
    split_tags,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.lists import read_states
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.reading import read_cluster
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import GIB
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

SILENT = NoAnswerError("GET", "595 No route to host", sent=False)


def a_cluster(*guests: Guest) -> Cluster:
    return Cluster(guests={guest.vmid: guest for guest in guests})


def a_guest(vmid: int, name: str | None, node: str = "pve1") -> Guest:
    return Guest(vmid, "qemu", node, name, "stopped")


# What one reading shows.


@in_virtual_time
async def test_vmids_alone_take_one_request_and_give_no_names() -> None:
    api = FakeApi()
    api.cluster.add(100, name="app1", tags="web;prod", memory="2048").pool = "apps"
    api.cluster.add(200, "lxc", "pve2", hostname="ct1", status="running", template=1)
    cluster = await read_cluster(api)
    assert len(api.calls) == 1
    assert cluster.guests[100] == Guest(
        100, "qemu", "pve1", None, "stopped",
        pool="apps", tags=("prod", "web"), memory=2 * GIB,
    )  # fmt: skip
    ct = cluster.guests[200]
    assert (ct.title, ct.running, ct.template) == ("CT 200 on pve2", True, True)
    assert (cluster.nodes["pve3"].memory, cluster.nodes["pve3"].memory_used) == (64 * GIB, 8 * GIB)


@in_virtual_time
async def test_names_cost_one_request_a_node_and_type() -> None:
    api = FakeApi()
    api.cluster.add(100, name="app1").pool = "apps"
    api.cluster.add(200, "lxc", "pve2", hostname="ct1")
    cluster = await read_cluster(api, ["qemu"])
    lists = [f"/nodes/pve{number}/qemu" for number in (1, 2, 3)]
    assert [call.path for call in api.calls] == ["/cluster/resources", *lists]
    assert (cluster.guests[100].name, cluster.guests[100].pool) == ("app1", "apps")
    assert cluster.guests[200].name is None
    assert len((await read_cluster(api, GUEST_TYPES)).named("ct1")) == 1


@in_virtual_time
async def test_a_vmid_that_is_used_again_has_the_name_of_its_new_guest() -> None:
    api = FakeApi()
    api.cluster.add(731, name="victim")
    await read_cluster(api)
    api.cluster.remove(731)
    api.cluster.add(731, name="innocent")
    [_pve1, _pve2, _pve3, row] = (await api.get(("cluster", "resources"))).data
    assert row["name"] == "victim", "the cluster's list is stale"
    cluster = await read_cluster(api, GUEST_TYPES)
    assert cluster.find("victim", "guests") is None
    assert cluster.get("innocent", "guests").vmid == 731


@in_virtual_time
async def test_names_that_were_just_swapped_are_distinguished() -> None:
    api = FakeApi()
    blue, green = api.cluster.add(201, name="blue"), api.cluster.add(202, name="green")
    await read_cluster(api)
    blue.config["name"], green.config["name"] = "green", "blue"
    cluster = await read_cluster(api, GUEST_TYPES)
    assert cluster.get("green", "guests").vmid == 201


@in_virtual_time
async def test_a_state_of_this_moment_comes_with_the_name() -> None:
    api = FakeApi()
    guest = api.cluster.add(100, name="app1", status="running")
    await read_cluster(api)
    guest.status = "stopped"
    assert (await read_cluster(api)).guests[100].running
    assert not (await read_cluster(api, GUEST_TYPES)).guests[100].running


@in_virtual_time
async def test_a_guest_that_moves_while_it_is_read_has_its_name() -> None:
    """A clone moves to its node at its end, and has no name until then."""
    api = FakeApi()
    guest = api.cluster.add(130, lock="clone")
    before = await api.get(("cluster", "resources"))
    guest.node, guest.config = "pve2", {"name": "web1"}
    api.disturb("resources", before)
    cluster = await read_cluster(api, GUEST_TYPES)
    assert cluster.guests[130].title == "VM 130 (web1) on pve2"
    assert cluster.guests[130].lock is None


@in_virtual_time
async def test_a_guest_that_no_list_shows_is_not_searched_for_forever() -> None:
    api = FakeApi()
    guest = api.cluster.add(130, lock="clone")
    before = await api.get(("cluster", "resources"))
    api.cluster.remove(guest.vmid)
    api.disturb("resources", before, count=None)
    assert (await read_cluster(api, GUEST_TYPES)).guests[130].name is None
    assert len(api.calls) < 40


@pytest.mark.parametrize("guest_type", GUEST_TYPES)
@pytest.mark.parametrize("age", [0, 3600])
def test_a_name_that_proxmox_ve_invented_for_an_unfinished_guest_does_not_count(
    guest_type: str, age: int
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.cluster.add(
            130, guest_type, lock="clone" if guest_type == "qemu" else "create"
        ).born = -age
        guest = (await read_cluster(api, GUEST_TYPES)).guests[130]
        assert (guest.name, guest.lock) == (None, "clone" if guest_type == "qemu" else "create")

    scenario()


@in_virtual_time
async def test_a_container_may_be_called_like_one_without_a_name() -> None:
    api = FakeApi()
    api.cluster.add(200, "lxc", hostname="CT200", lock="backup")
    assert (await read_cluster(api, GUEST_TYPES)).named("CT200")


@in_virtual_time
async def test_a_node_that_returns_500_while_its_containers_start_is_retried() -> None:
    api = FakeApi()
    api.cluster.add(200, "lxc", hostname="ct1")
    text = "failed to read from command socket: Connection reset by peer"
    api.disturb("GET /nodes/pve1/lxc", ApiError("GET", 500, text))
    cluster = await read_cluster(api, GUEST_TYPES)
    assert cluster.get("ct1", "guests").vmid == 200
    assert not cluster.unread


@in_virtual_time
async def test_nodes_that_could_not_be_read_are_named_and_read_only_when_online() -> None:
    api = FakeApi()
    api.cluster.add(100, node="pve1", name="app1")
    api.cluster.add(101, node="pve2", name="app2")
    api.cluster.add(102, node="pve3", name="app3")
    api.cluster.down.add("pve2")
    api.disturb("GET /nodes/pve3/qemu", SILENT, count=None)
    cluster = await read_cluster(api, GUEST_TYPES)
    assert list(cluster.unread) == [("pve2", "lxc"), ("pve2", "qemu"), ("pve3", "qemu")]
    assert not cluster.nodes["pve2"].online
    assert not api.made("/nodes/pve2")
    assert cluster.get("app1", "guests").vmid == 100, "what was found is certain"
    assert cluster.get(101, "guests").name is None


@pytest.mark.parametrize("look", [Cluster.find, Cluster.find_named, Cluster.get])
def test_a_name_that_could_not_be_looked_up_on_every_node_is_unknown_not_absent(look: Any) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.cluster.add(101, node="pve2", name="app2")
        api.cluster.down.add("pve2")
        api.disturb("GET /nodes/pve3/qemu", SILENT, count=None)
        cluster = await read_cluster(api, GUEST_TYPES)
        with pytest.raises(
            UsageError,
            match=r"guests: cannot determine whether .*'app2'.*pve2 \(offline\), pve3 \(did not",
        ):
            look(cluster, "app2", "guests")

    scenario()


@in_virtual_time
async def test_a_name_that_a_guest_of_an_offline_node_had_as_well_is_ambiguous() -> None:
    api = FakeApi()
    api.cluster.add(111, node="pve1", name="app")
    api.cluster.add(112, node="pve2", name="app")
    api.cluster.down.add("pve2")
    cluster = await read_cluster(api, GUEST_TYPES)
    with pytest.raises(UsageError, match=r"'app' is ambiguous.*VM 111 \(app\).*VM 112 on pve2"):
        cluster.find("app", "guests")


@pytest.mark.parametrize(
    "odd", [{"maxmem": "x"}, {"template": ["x"]}, {"vmid": None}, {"maxmem": {"a": 1}}], ids=str
)
def test_a_node_whose_list_is_malformed_counts_as_unreachable(
    odd: dict[str, Any],
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        api = FakeApi()
        api.cluster.add(101, node="pve2", name="app2")
        answer = Answer([{"vmid": 101, "name": "app2", **odd}])
        api.disturb("GET /nodes/pve2/qemu", answer, count=None)
        cluster = await read_cluster(api, GUEST_TYPES)
        assert list(cluster.unread) == [("pve2", "qemu")]
        assert await read_states(api, [cluster.guests[101]]) == {}

    scenario()


@in_virtual_time
async def test_a_fresh_reading_reads_each_node_once() -> None:
    api = FakeApi()
    for vmid in range(100, 120):
        api.cluster.add(vmid, node=f"pve{1 + vmid % 2}", name=f"app{vmid}")
    guests = list((await read_cluster(api, ["qemu"])).guests.values())
    api.cluster.guests[100].status = "running"
    del api.cluster.guests[101]
    fresh = await read_states(api, guests)
    assert len(api.calls) == 6
    assert list(fresh) == [100, *range(102, 120)], "what is gone is left out"
    assert fresh[100].running
    assert await read_states(api, []) == {}


# Finding one.


def test_a_guest_is_found_by_vmid_or_name() -> None:
    cluster = a_cluster(a_guest(100, "app1"), a_guest(101, "app2"))
    for reference in (100, "100", " 100 ", "app1"):
        assert cluster.get(reference, "source").vmid == 100
    assert cluster.find("nosuch", "source") is None


def test_an_explicit_name_is_never_a_vmid() -> None:
    cluster = a_cluster(a_guest(100, "app1"), a_guest(101, "100"))
    assert cluster.get("100", "guests").vmid == 100
    found = cluster.find_named("100", "guests")
    assert found is not None
    assert found.vmid == 101


@pytest.mark.parametrize(
    ("reference", "vmid"),
    [
        (100, 100),
        ("100", 100),
        (" 100 ", 100),
        ("app1", None),
        ("²", None),
        ("1e3", None),
        ("", None),
    ],
)
def test_only_digits_are_a_vmid(reference: object, vmid: int | None) -> None:
    assert as_vmid(reference) == vmid


def test_a_name_that_two_have_is_refused_with_both() -> None:
    cluster = a_cluster(a_guest(100, "app"), a_guest(101, "app", "pve2"))
    with pytest.raises(UsageError, match=r"source: .*'app' is ambiguous.*100.*pve1.*101.*pve2"):
        cluster.find("app", "source")


def test_a_missing_object_is_refused_with_option_and_value() -> None:
    with pytest.raises(UsageError, match=r"source: there is no guest '555'.*VM\.Audit"):
        a_cluster().get(555, "source")


@in_virtual_time
async def test_a_node_that_is_not_there_or_offline_is_refused() -> None:
    api = FakeApi()
    api.cluster.down.add("pve2")
    cluster = await read_cluster(api)
    assert cluster.node("pve1", "target_node").name == "pve1"
    with pytest.raises(UsageError, match=r"target_node: there is no node 'x'; .*pve1, pve2, pve3"):
        cluster.node("x", "target_node")
    with pytest.raises(UsageError, match="target_node: node 'pve2' is offline"):
        cluster.node("pve2", "target_node")


@pytest.mark.parametrize(
    ("given_tags", "tags"),
    [(None, ()), ("", ()), ("b;a", ("a", "b")), ("a, b a", ("a", "b")), ([" b ", "a"], ("a", "b"))],
)
def test_tags_are_a_set_however_they_are_written(given_tags: object, tags: tuple[str, ...]) -> None:
    assert split_tags(given_tags) == tags


def test_thousands_of_names_are_looked_up_in_one_pass_over_the_guests() -> None:
    class Counted(dict[int, Guest]):
        passes = 0

        def values(self) -> Any:
            self.passes += 1
            return super().values()

    guests = Counted({vmid: a_guest(vmid, f"app{vmid}") for vmid in range(100, 2100)})
    cluster = Cluster(guests=guests)
    for vmid in range(100, 2100):
        found = cluster.find_named(f"app{vmid}", "guests")
        assert found is not None
        assert found.vmid == vmid
    assert guests.passes == 2, "the names once, and the nodes that could not be asked once"
