# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools, storages, backup jobs, rules of HA and the firewall are written as recorded."""

from __future__ import annotations

from typing import Any

import pytest
from pvesim.cfs import MODIFIED

from .test_access_writes import INVALID, done, refused

EMPTY = "da39a3ee5e6b4b0d3255bfef95601890afd80709"


def test_pools_are_nested_and_removed_when_they_are_empty(simulator: Any) -> None:
    done(simulator, "POST", "/pools", {"poolid": "p", "comment": "pc"})
    assert refused(simulator, "POST", "/pools", {"poolid": "p"}) == (
        500, "create pool failed: pool 'p' already exists")  # fmt: skip
    assert refused(simulator, "POST", "/pools", {"poolid": "nosuch/sub"}) == (
        500, "create pool failed: parent 'nosuch' of pool 'nosuch/sub' does not exist"
    )  # fmt: skip
    done(simulator, "POST", "/pools", {"poolid": "p/sub"})
    assert done(simulator, "GET", "/pools") == [
        {"comment": "pc", "poolid": "p"},
        {"poolid": "p/sub"},
    ]
    not_empty = "delete pool failed: pool 'p' is not empty (contains {})"
    assert refused(simulator, "DELETE", "/pools/p") == (500, not_empty.format("pool 'p/sub'"))
    done(simulator, "DELETE", "/pools?poolid=p/sub")
    done(simulator, "PUT", "/pools", {"poolid": "p", "vms": "100,777"})
    assert refused(simulator, "DELETE", "/pools/p") == (500, not_empty.format("VM 100"))
    done(simulator, "PUT", "/pools", {"poolid": "p", "vms": "100", "delete": 1})
    done(simulator, "DELETE", "/pools/p")  # VM 777 is not there, so it does not count


def test_a_guest_of_another_pool_moves_only_if_allowed(simulator: Any) -> None:
    done(simulator, "POST", "/pools", {"poolid": "a"})
    done(simulator, "POST", "/pools", {"poolid": "b"})
    done(simulator, "PUT", "/pools/a", {"vms": "100,9100"})
    assert refused(simulator, "PUT", "/pools", {"poolid": "b", "vms": "100"}) == (
        500,
        "update pools failed: VM 100 belongs already to pool 'a' and 'allow-move' is not set",
    )
    done(simulator, "PUT", "/pools", {"poolid": "b", "vms": "100", "allow-move": 1})
    guests = done(simulator, "GET", "/cluster/resources?type=vm")
    assert {g["vmid"]: g.get("pool") for g in guests if "pool" in g} == {100: "b", 9100: "a"}
    (only,) = done(simulator, "GET", "/pools?poolid=a&type=qemu")
    assert only["members"] == []
    again = "update pools failed: VM 100 is already a pool member"
    assert refused(simulator, "PUT", "/pools", {"poolid": "b", "vms": "100"}) == (500, again)


def test_a_pool_adds_up_what_its_running_guests_use(simulator: Any) -> None:
    done(simulator, "POST", "/pools", {"poolid": "a"})
    done(simulator, "PUT", "/pools/a", {"vms": "100,101"})
    (pool,) = (e for e in done(simulator, "GET", "/cluster/resources") if e["type"] == "pool")
    assert pool["id"] == "/pool/a"
    assert (pool["maxcpu"], pool["maxmem"]) == (4, 8192 << 20)


def test_the_networks_of_the_cluster_are_zones(simulator: Any) -> None:
    listed = done(simulator, "GET", "/cluster/resources")
    zones = [entry for entry in listed if entry["type"] == "network"]
    assert {zone["id"] for zone in zones} == {
        f"network/pve{number}/zone/localnetwork" for number in (1, 2, 3)
    }
    assert {(zone["network"], zone["network-type"]) for zone in zones} == {("localnetwork", "zone")}
    assert [entry for entry in listed if entry["type"] == "sdn"] == []
    operator = {"username": "operator@pve", "password": "Sim-pass-1"}
    ticket = done(simulator, "POST", "/access/ticket", operator, auth=None)["ticket"]
    seen = done(simulator, "GET", "/cluster/resources?type=node", auth=f"PVEAuthCookie={ticket}")
    assert {node["cgroup-mode"] for node in seen} == {2}


def test_a_storage_is_created_changed_and_removed(simulator: Any) -> None:
    given = {"storage": "r3s", "type": "dir", "path": "/srv/r3s", "content": "images,iso"}
    assert done(simulator, "POST", "/storage", given) == {"storage": "r3s", "type": "dir"}
    assert refused(simulator, "POST", "/storage", given) == (
        500, "create storage failed: storage ID 'r3s' already defined")  # fmt: skip
    stored = done(simulator, "GET", "/storage/r3s")
    digest = stored.pop("digest")
    assert stored == given
    changed = {"content": "iso", "disable": 1}
    assert done(simulator, "PUT", "/storage/r3s", changed) == {"storage": "r3s", "type": "dir"}
    assert refused(simulator, "PUT", "/storage/r3s", {"content": "iso", "digest": digest}) == (
        500, f"update storage failed: {MODIFIED}")  # fmt: skip
    status, reason = refused(simulator, "GET", "/nodes/pve1/storage/r3s/content")
    assert (status, reason) == (500, "storage 'r3s' is disabled")
    done(simulator, "PUT", "/storage/r3s", {"delete": "disable", "nodes": "pve1"})
    assert done(simulator, "GET", "/storage/r3s")["nodes"] == "pve1"
    assert refused(simulator, "PUT", "/storage/r3s", {"path": "/x"})[0] == 400
    done(simulator, "DELETE", "/storage/r3s")
    for method, reason in (
        ("GET", "storage 'r3s' does not exist"),
        ("PUT", "update storage failed: storage 'r3s' does not exist"),
        ("DELETE", "delete storage failed: storage 'r3s' does not exist"),
    ):
        assert refused(simulator, method, "/storage/r3s") == (500, reason)


def test_a_storage_requires_the_options_of_its_type(simulator: Any) -> None:
    assert refused(simulator, "POST", "/storage", {"storage": "x1", "type": "dir"}) == (
        500, "missing value for required option 'path'")  # fmt: skip
    nfs = {"storage": "nas", "type": "nfs", "server": "192.0.2.9", "export": "/srv"}
    done(simulator, "POST", "/storage", nfs)
    assert done(simulator, "GET", "/storage/nas")["content"] == "images"
    (listed,) = done(simulator, "GET", "/nodes/pve3/storage?storage=nas")
    assert listed["shared"] == 1
    disk = {"scsi1": "nas:8"}
    done(simulator, "PUT", "/nodes/pve1/qemu/100/config", disk)
    assert "nas:100/vm-100-disk-0.raw" in done(
        simulator, "GET", "/nodes/pve1/qemu/100/config"
    )["scsi1"]  # fmt: skip


def test_a_missing_storage_is_a_400_from_its_node(simulator: Any) -> None:
    answer = refused(simulator, "GET", "/nodes/pve1/storage/nosuch/status")
    assert answer == (400, INVALID, {"storage": "No such storage."})


def test_a_backup_job_is_kept_as_recorded(simulator: Any) -> None:
    job = {"id": "r3job", "schedule": "daily", "storage": "local", "enabled": 0}
    status, reason = refused(simulator, "POST", "/cluster/backup", job)
    assert (status, reason) == (500, "400 Parameter verification failed.")
    done(simulator, "POST", "/cluster/backup", {**job, "all": 1})
    assert done(simulator, "GET", "/cluster/backup/r3job") == {
        "all": 1, "enabled": 0, "id": "r3job", "schedule": "daily", "storage": "local",
        "type": "vzdump",
    }  # fmt: skip
    done(simulator, "PUT", "/cluster/backup/r3job", {"vmid": "100", "prune-backups": "keep-last=2"})
    changed = done(simulator, "GET", "/cluster/backup/r3job")
    assert (changed["vmid"], changed["prune-backups"]) == ("100", {"keep-last": "2"})
    assert "all" not in changed
    done(simulator, "DELETE", "/cluster/backup/r3job")
    assert refused(simulator, "GET", "/cluster/backup/r3job") == (
        400, INVALID, {"id": "No such job 'r3job'"})  # fmt: skip
    assert refused(simulator, "DELETE", "/cluster/backup/r3job") == (500, f"400 {INVALID}")


def test_guests_without_a_backup_job_are_listed(simulator: Any) -> None:
    path = "/cluster/backup-info/not-backed-up"
    assert [guest["vmid"] for guest in done(simulator, "GET", path)] == [100, 101, 9000, 9100]
    job = {"schedule": "sun 01:00", "storage": "local"}
    done(simulator, "POST", "/cluster/backup", {**job, "vmid": "100,9100"})
    assert done(simulator, "GET", path) == [
        {"name": "db1", "type": "qemu", "vmid": 101},
        {"name": "debian-12-cloud", "type": "qemu", "vmid": 9000},
    ]
    # A job that is switched off counts too.
    done(simulator, "POST", "/cluster/backup", {**job, "all": 1, "enabled": 0})
    assert done(simulator, "GET", path) == []


def test_rules_of_ha_are_kept_as_recorded(simulator: Any) -> None:
    for vmid in (100, 101):
        done(simulator, "POST", "/cluster/ha/resources", {"sid": f"vm:{vmid}", "state": "ignored"})
    rule = {"rule": "r1", "type": "node-affinity", "resources": "vm:100", "nodes": "pve1:2,pve2"}
    done(simulator, "POST", "/cluster/ha/rules", {**rule, "strict": 0})
    (listed,) = done(simulator, "GET", "/cluster/ha/rules")
    del listed["digest"]
    assert listed == {**rule, "order": 1, "strict": 0}
    apart = {"rule": "r2", "type": "resource-affinity", "affinity": "negative"}
    both = {**apart, "resources": "vm:100,vm:101"}
    answer = simulator.request("POST", "/cluster/ha/rules", both)
    assert answer.json()["message"] == (
        "create ha rule failed: 400 Rule 'r2' is invalid.\nresources: rule defines more resources "
        "than available nodes, resources are in node affinity rules with multiple priorities\n"
    )
    wrong = {"rule": "r3", "type": "nosuch", "resources": "vm:100"}
    assert set(refused(simulator, "POST", "/cluster/ha/rules", wrong)[2]) == {"type", "resources"}
    for _twice in range(2):
        done(simulator, "DELETE", "/cluster/ha/rules/r1")
    assert refused(simulator, "GET", "/cluster/ha/rules/r1") == (500, "no such ha rule 'r1'")
    done(simulator, "POST", "/cluster/ha/rules", both)
    gone = "cannot index groups: ha groups have been migrated to rules"
    assert refused(simulator, "GET", "/cluster/ha/groups") == (500, gone)


def test_refusals_of_ha_resources_have_the_original_text(simulator: Any) -> None:
    path = "/cluster/ha/resources/vm:999"
    assert refused(simulator, "PUT", path, {"comment": "x"}) == (
        500, "update resources config failed: no such resource 'vm:999'")  # fmt: skip
    assert refused(simulator, "DELETE", path) == (
        500, "cannot delete service 'vm:999', not HA managed!")  # fmt: skip


@pytest.mark.parametrize(
    "where", ["/cluster/firewall", "/nodes/pve1/firewall", "/nodes/pve1/qemu/100/firewall"]
)
def test_options_and_rules_of_a_firewall_are_kept(simulator: Any, where: str) -> None:
    assert done(simulator, "GET", f"{where}/options") == {"digest": EMPTY}
    done(simulator, "PUT", f"{where}/options", {"enable": 1})
    assert done(simulator, "GET", f"{where}/options")["enable"] == 1
    rule = {"action": "ACCEPT", "type": "in", "proto": "tcp"}
    done(simulator, "POST", f"{where}/rules", {**rule, "dport": "22"})
    done(simulator, "POST", f"{where}/rules", {**rule, "dport": "80", "enable": 1})
    listed = done(simulator, "GET", f"{where}/rules")
    assert [(r["pos"], r["dport"], r["enable"]) for r in listed] == [(0, "80", 1), (1, "22", 0)]
    done(simulator, "PUT", f"{where}/rules/0", {"moveto": 2})
    assert done(simulator, "GET", f"{where}/rules/0")["dport"] == "22"
    done(simulator, "DELETE", f"{where}/rules/0")
    status, reason = refused(simulator, "DELETE", f"{where}/rules/5")
    assert status == 500
    assert reason.startswith("Can't use an undefined value as an ARRAY reference at ")


def test_aliases_sets_and_groups_of_the_firewall_are_kept(simulator: Any) -> None:
    where = "/cluster/firewall"
    alias = {"name": "al", "cidr": "198.51.100.0/24"}
    done(simulator, "POST", f"{where}/aliases", alias)
    assert refused(simulator, "POST", f"{where}/aliases", alias) == (
        400, INVALID, {"name": "alias 'al' already exists"})  # fmt: skip
    assert done(simulator, "GET", f"{where}/aliases/al") == {**alias, "ipversion": 4}
    assert refused(simulator, "GET", f"{where}/aliases/no") == (
        400, INVALID, {"name": "no such alias"})  # fmt: skip
    done(simulator, "POST", f"{where}/ipset", {"name": "set"})
    done(simulator, "POST", f"{where}/ipset/set", {"cidr": "192.0.2.0/24", "nomatch": 1})
    full = (500, "IPSet 'set' is not empty")
    assert refused(simulator, "DELETE", f"{where}/ipset/set") == full
    done(simulator, "DELETE", f"{where}/ipset/set?force=1")
    done(simulator, "POST", f"{where}/groups", {"group": "web", "comment": "x"})
    done(simulator, "POST", f"{where}/groups/web", {"action": "ACCEPT", "type": "in"})
    full = (500, "Security group 'web' is not empty")
    assert refused(simulator, "DELETE", f"{where}/groups/web") == full
    done(simulator, "DELETE", f"{where}/groups/web/0")
    done(simulator, "DELETE", f"{where}/groups/web")


def test_options_of_a_node_and_of_the_datacenter_are_kept(simulator: Any) -> None:
    assert done(simulator, "GET", "/nodes/pve1/config") == {}
    done(simulator, "PUT", "/nodes/pve1/config", {"description": "nd"})
    assert done(simulator, "GET", "/nodes/pve1/config")["description"] == "nd"
    done(simulator, "PUT", "/nodes/pve1/config", {"delete": "description"})
    assert done(simulator, "GET", "/nodes/pve1/config") == {}
    done(simulator, "PUT", "/cluster/options", {"description": "x"})
    assert done(simulator, "GET", "/cluster/options")["description"] == "x"


def test_one_interface_of_a_node_is_shown(simulator: Any) -> None:
    bridge = done(simulator, "GET", "/nodes/pve2/network/vmbr0")
    assert (bridge["type"], bridge["cidr"]) == ("bridge", "192.0.2.12/24")
    assert "iface" not in bridge
    missing = refused(simulator, "GET", "/nodes/pve2/network/nosuch0")
    assert missing == (400, INVALID, {"iface": "interface does not exist"})


def test_a_node_that_is_restarted_is_away_for_a_minute(cluster: Any) -> None:
    cluster.world.clock.speed = 1
    done(cluster, "POST", "/nodes/pve2/status", {"command": "reboot"})
    cluster.admin("POST", "clock", {"advance": 10})
    cluster.admin("POST", "clock", {"advance": 7})
    names = {n["node"]: n["status"] for n in done(cluster, "GET", "/nodes")}
    assert names == {"pve1": "online", "pve2": "offline", "pve3": "online"}
    cluster.admin("POST", "clock", {"advance": 70})
    names = {n["node"]: n["status"] for n in done(cluster, "GET", "/nodes")}
    assert names["pve2"] == "online"
    assert cluster.admin("GET", "world")["guests"]["101"]["status"] == "stopped"


def test_a_node_boots_at_the_speed_of_the_work(cluster: Any) -> None:
    cluster.world.clock.speed = 10
    done(cluster, "POST", "/nodes/pve2/status", {"command": "reboot"})
    cluster.admin("POST", "clock", {"advance": 1})
    cluster.admin("POST", "clock", {"advance": 6})
    assert done(cluster, "GET", "/nodes/pve2/status")["uptime"] < 5


def test_a_new_node_gets_the_join_information(cluster: Any) -> None:
    told = done(cluster, "GET", "/cluster/config/join")
    assert [node["name"] for node in told["nodelist"]] == ["pve1", "pve2", "pve3"]
    assert told["nodelist"][0]["pve_fp"].count(":") == 31
    assert told["totem"]["cluster_name"] == "sim"


def test_a_url_that_nobody_serves_is_refused(simulator: Any) -> None:
    path = "/nodes/pve1/query-url-metadata?url=http://127.0.0.1:9/x"
    assert refused(simulator, "GET", path) == (
        500,
        "invalid server response: '500 Can't connect to 127.0.0.1:9 (Connection refused)'",
    )


def test_a_node_reports_its_capabilities_and_hardware(simulator: Any) -> None:
    node = "/nodes/pve1"
    assert {"host", "x86-64-v2-AES"} <= {
        model["name"] for model in done(simulator, "GET", f"{node}/capabilities/qemu/cpu")
    }
    assert done(simulator, "GET", f"{node}/capabilities") == [{"name": "qemu"}]
    assert done(simulator, "GET", f"{node}/hardware/pci")[0]["id"] == "0000:00:01.0"
    assert done(simulator, "GET", f"{node}/hardware/usb") == []


def test_ha_reports_its_master_agents_and_services(simulator: Any) -> None:
    path = "/cluster/ha/status/current"
    resource = {"sid": "vm:101", "state": "ignored", "comment": "d", "max_relocate": 2}
    done(simulator, "POST", "/cluster/ha/resources", resource)
    standby = done(simulator, "GET", path)
    assert [entry["id"] for entry in standby] == ["quorum", "fencing", "service:vm:101"]
    assert standby[1]["status"] == "standby (CRM watchdog standby)"
    assert standby[2] == {
        "comment": "d", "failback": 1, "id": "service:vm:101", "max_relocate": 2, "max_restart": 1,
        "node": "pve2", "request_state": "ignored", "sid": "vm:101", "state": "ignored",
        "status": "vm:101 (pve2, ignored)", "type": "service",
    }  # fmt: skip
    done(simulator, "PUT", "/cluster/ha/resources/vm:101", {"state": "started"})
    armed = {entry["id"]: entry for entry in done(simulator, "GET", path)}
    assert set(armed) == {
        "quorum", "master", "lrm:pve1", "lrm:pve2", "lrm:pve3", "fencing", "service:vm:101"
    }  # fmt: skip
    assert armed["service:vm:101"]["crm_state"] == "started"
    assert armed["lrm:pve2"]["status"].startswith("pve2 (active, ")
    assert armed["lrm:pve3"]["status"].startswith("pve3 (idle, ")
