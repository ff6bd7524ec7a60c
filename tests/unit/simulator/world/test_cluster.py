# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of the whole cluster, storages, VMIDs, and the world file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pvesim.clock import Clock
from pvesim.world import Pool, World
from pvesim.worldfile import WorldFileError


async def guest(cell: Any, vmid: int) -> dict[str, Any]:
    entries = await cell.call("GET", "/cluster/resources", {"type": "vm"})
    return next(entry for entry in entries if entry["vmid"] == vmid)


async def test_a_new_guest_has_no_name_in_the_cluster_list_but_has_one_on_its_node(
    cell: Any,
) -> None:
    await guest(cell, 100)
    upid = await cell.call("POST", "qemu/9000/clone", {"newid": 200, "name": "web"})
    await cell.settle()
    assert await guest(cell, 200) == {
        "id": "qemu/200",
        "vmid": 200,
        "node": "pve1",
        "type": "qemu",
        "status": "unknown",
        "lock": "clone",
    }
    await cell.end(upid)
    assert await guest(cell, 200) == {
        "id": "qemu/200",
        "vmid": 200,
        "node": "pve1",
        "type": "qemu",
        "status": "unknown",
    }
    names = {entry["vmid"]: entry["name"] for entry in await cell.call("GET", "qemu")}
    assert names[200] == "web"
    await cell.settle(10)
    entry = await guest(cell, 200)
    assert (entry["name"], entry["status"], entry["template"]) == ("web", "stopped", 0)


async def test_the_state_in_the_cluster_list_lags_at_any_speed(cell: Any) -> None:
    cell.clock.speed = 100
    await guest(cell, 100)
    await cell.done("POST", "qemu/100/status/start")
    assert (await guest(cell, 100))["status"] == "stopped"
    await cell.settle(10)
    assert (await guest(cell, 100))["status"] == "running"


async def test_a_reused_vmid_shows_the_name_of_the_previous_guest_for_a_while(cell: Any) -> None:
    for name in ("victim", "innocent"):
        await cell.done("POST", "qemu/9000/clone", {"newid": 731, "name": name})
        if name == "victim":
            await cell.settle(10)
            assert (await guest(cell, 731))["name"] == "victim"
            await cell.done("DELETE", "qemu/731")
    assert (await guest(cell, 731))["name"] == "victim"
    assert (await cell.call("GET", "qemu/731/config"))["name"] == "innocent"
    await cell.settle(10)
    assert (await guest(cell, 731))["name"] == "innocent"


async def test_an_old_name_is_shown_until_the_next_broadcast(cell: Any) -> None:
    await guest(cell, 100)
    await cell.call("PUT", "qemu/100/config", {"name": "renamed", "tags": "new"})
    entry = await guest(cell, 100)
    assert (entry["name"], entry["tags"]) == ("app1", "new")
    assert (await cell.call("GET", "qemu/100/status/current"))["name"] == "renamed"
    await cell.settle(10)
    assert (await guest(cell, 100))["name"] == "renamed"


async def test_the_nodes_broadcast_at_different_moments(cell: Any) -> None:
    await guest(cell, 100)
    began = cell.clock.now()
    seen: dict[int, float] = {}
    for vmid, node in ((100, "pve1"), (101, "pve2")):
        await cell.call("PUT", f"qemu/{vmid}/config", {"name": f"new-{vmid}"}, node=node)
    while len(seen) < 2:
        await cell.settle(0.1)
        for vmid in (100, 101):
            if (await guest(cell, vmid))["name"] == f"new-{vmid}":
                seen.setdefault(vmid, cell.clock.now() - began)
    assert abs(seen[100] - seen[101]) > 0.2
    assert max(seen.values()) <= 10.1


async def test_a_new_template_is_known_at_once(cell: Any) -> None:
    await guest(cell, 100)
    await cell.done("POST", "qemu/100/template")
    assert (await guest(cell, 100))["template"] == 1


async def test_a_node_that_died_is_seen_offline_after_seconds(cell: Any) -> None:
    cell.world.node_down("pve2")
    nodes = {n["node"]: n["status"] for n in await cell.call("GET", "/nodes")}
    assert nodes == {"pve1": "online", "pve2": "online", "pve3": "online"}
    await cell.settle(7)
    nodes = {n["node"]: n["status"] for n in await cell.call("GET", "/nodes")}
    assert nodes == {"pve1": "online", "pve2": "offline", "pve3": "online"}


async def test_guests_of_an_offline_node_keep_their_last_values_for_five_minutes(cell: Any) -> None:
    cell.world.node_down("pve2")
    await cell.settle(20)
    entry = await guest(cell, 101)
    assert (entry["name"], entry["status"]) == ("db1", "running")
    entries = await cell.call("GET", "/cluster/resources", {"type": "storage"})
    assert {e["status"] for e in entries if e["node"] == "pve2"} == {"available"}
    await cell.settle(300)
    assert await guest(cell, 101) == {
        "id": "qemu/101",
        "vmid": 101,
        "node": "pve2",
        "type": "qemu",
        "status": "unknown",
    }
    entries = await cell.call("GET", "/cluster/resources", {"type": "storage"})
    assert {e["status"] for e in entries if e["node"] == "pve2"} == {"unknown"}


async def test_lists_hide_entries_that_the_user_may_not_see(cell: Any) -> None:
    def may(path: str, _privilege: str) -> bool:
        return path == "/vms/100"

    entries = await cell.call("GET", "/cluster/resources", {}, may=may)
    assert [e["id"] for e in entries if e["type"] != "node"] == ["qemu/100"]
    assert [e["vmid"] for e in await cell.call("GET", "qemu", {}, may=may)] == [100]
    assert all("mem" not in node for node in await cell.call("GET", "/nodes", {}, may=may))


async def test_the_next_id_is_a_string_and_the_lowest_free(cell: Any) -> None:
    assert await cell.call("GET", "/cluster/nextid") == "102"
    assert await cell.call("GET", "/cluster/nextid", {"vmid": 555}) == "555"
    refusal = await cell.refusal("GET", "/cluster/nextid", {"vmid": 9100})
    assert refusal.errors == {"vmid": "VM 9100 already exists"}
    cell.world.options["next-id"] = "lower=9000,upper=9001"
    assert (await cell.refusal("GET", "/cluster/nextid")).status == 500


async def test_a_storage_shows_the_volumes_of_its_node(cell: Any) -> None:
    content = "storage/local/content"
    (template,) = await cell.call("GET", content, {"content": "vztmpl"}, node="pve3")
    assert template["volid"] == "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
    assert template["format"] == "tzst"
    assert await cell.call("GET", "storage/local-lvm/content") == []
    volids = [v["volid"] for v in await cell.call("GET", "storage/local-lvm/content", node="pve2")]
    assert volids == ["local-lvm:vm-101-disk-0"]
    refusal = await cell.refusal("GET", "storage/nosuch/content")
    assert refusal.message == "storage 'nosuch' does not exist"


async def test_storages_are_filtered_by_content(cell: Any) -> None:
    found = await cell.call("GET", "storage", {"content": "images"})
    assert [entry["storage"] for entry in found] == ["local-lvm", "ceph"]
    assert found[1]["shared"] == 1
    assert found[1]["used"] + found[1]["avail"] == found[1]["total"]


async def test_a_volume_is_removed_in_a_task(cell: Any) -> None:
    await cell.call("PUT", "qemu/100/config", {"scsi1": "ceph:1"})
    upid = await cell.call("DELETE", "storage/ceph/content/vm-100-disk-1")
    assert ":imgdel:100@ceph:" in upid
    assert await cell.end(upid) == "OK"
    delayed = "storage/ceph/content/vm-100-disk-1"
    refusal = await cell.refusal("DELETE", delayed, {"delay": 5})
    assert refusal.message == "volume 'ceph:vm-100-disk-1' does not exist"


async def test_users_and_tokens_are_listed_without_secrets(cell: Any) -> None:
    listed = await cell.call("GET", "/access/users", {"full": 1})
    users = {entry["userid"]: entry["tokens"] for entry in listed}
    assert users["ansible@pve"] == [{"tokenid": "ci", "privsep": 0, "expire": 0}]
    assert "Sim-pass-1" not in str(users)
    who = {"userid": "operator@pve", "may": lambda _path, _privilege: False}
    (own,) = await cell.call("GET", "/access/users", {}, **who)
    assert own["userid"] == "operator@pve"
    (token,) = await cell.call("GET", "/access/users/root@pam/token")
    assert token["tokenid"] == "ansible"


async def test_members_of_a_pool(cell: Any) -> None:
    cell.world.pools["dev"] = Pool("dev", "for tests", {100, 555})
    (entry,) = await cell.call("GET", "/pools", {"poolid": "dev"})
    assert (entry["poolid"], entry["comment"]) == ("dev", "for tests")
    assert [member["vmid"] for member in entry["members"]] == [100]
    assert await cell.done("POST", "qemu/9000/clone", {"newid": 200, "pool": "dev"}) == "OK"
    members = (await cell.call("GET", "/pools/dev"))["members"]
    assert [member["vmid"] for member in members] == [100, 200]
    assert (await guest(cell, 200))["pool"] == "dev"


def test_a_world_file_without_nodes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "world.yml"
    file.write_text("guests: {}\n", encoding="utf-8")
    with pytest.raises(WorldFileError, match="at least one node"):
        World.load(file)


def test_a_world_file_can_have_past_tasks(tmp_path: Path) -> None:
    file = tmp_path / "world.yml"
    file.write_text(
        "nodes: {pve1: {}}\n"
        "pools: {dev: {members: [100]}}\n"
        "guests: {100: {type: qemu, node: pve1, config: {name: a}}}\n"
        "tasks:\n"
        "  - {node: pve1, type: vzdump, id: 100, ago: 3600, seconds: 60, exitstatus: job errors,\n"
        "     log: ['INFO: starting new backup job']}\n"
        "  - {node: pve1, type: qmstart, id: 100, ago: 7200}\n"
    )
    clock = Clock(1, 1_795_000_000.0)
    clock.pause()
    world = World.load(file, clock=clock)
    assert world.pools["dev"].members == {100}
    newest, oldest = world.tasks.history("pve1").archive()
    assert (newest.task.upid.type, newest.status) == ("vzdump", "job errors")
    assert newest.endtime == newest.task.upid.starttime + 60
    assert oldest.status == "OK"


def test_timeouts_follow_the_clock() -> None:
    async def story() -> list[str]:
        clock, order = Clock(10), list[str]()
        clock.pause()

        async def wait(name: str, seconds: float, *, work: bool) -> None:
            await (clock.work(seconds) if work else clock.sleep(seconds))
            order.append(name)

        waits = [
            asyncio.ensure_future(wait("sleep 5", 5, work=False)),
            asyncio.ensure_future(wait("work 20", 20, work=True)),
            asyncio.ensure_future(wait("sleep 60", 60, work=False)),
        ]
        await asyncio.sleep(0.05)
        assert order == []
        clock.advance(10)
        await asyncio.sleep(0.01)
        seen = list(order)
        waits[2].cancel()
        return seen

    assert asyncio.run(story()) == ["work 20", "sleep 5"]


async def test_the_tags_in_use_are_allowed_for_other_users(cell: Any) -> None:
    cell.world.guests[100].config["tags"] = "web;db"
    assert {"db", "web"} <= set((await cell.call("GET", "/cluster/options"))["allowed-tags"])

    def blind(_path: str, _privilege: str) -> bool:
        return False

    assert (await cell.call("GET", "/cluster/options", may=blind))["allowed-tags"] == []


async def test_figures_of_a_dead_node_are_reported_until_they_expire(cell: Any) -> None:
    cell.world.node_down("pve2")
    await cell.clock.sleep(20)
    lost = {node["node"]: node for node in await cell.call("GET", "/nodes")}["pve2"]
    assert (lost["status"], lost["maxcpu"], "uptime" in lost) == ("offline", 16, False)
    await cell.clock.sleep(300)
    lost = {node["node"]: node for node in await cell.call("GET", "/nodes")}["pve2"]
    assert "maxcpu" not in lost
