# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules and the inventory plugin of community.proxmox, as two releases of Ansible have them.

What they report is compared with what the cluster itself says.
"""

from __future__ import annotations

import json

import pytest
from ansible_collections.upid.proxmox.tests.clients.client import Client

pytestmark = pytest.mark.timeout(300)  # the first test of each release may have to install it


def test_the_release_has_the_intended_version(client: Client) -> None:
    (manifest,) = client.folder.glob(
        "lib/python*/site-packages/ansible_collections/community/proxmox/MANIFEST.json"
    )
    version = json.loads(manifest.read_text())["collection_info"]["version"]
    assert version.startswith(client.release.collection)


def test_a_vm_is_created_cloned_started_snapshotted_stopped_and_deleted(client: Client) -> None:
    results = client.play("virtual_machines.yml")
    unchanged = [name for name, result in results.items() if not result["changed"]]
    assert unchanged == ["Start again", "Look"]
    assert results["Look"]["status"] == "running"
    assert results["Clone"]["vmid"] == 300
    assert results["Create"]["devices"] == {"scsi0": "ceph:vm-301-disk-0"}
    assert client.cluster.tasks() == [
        ("qmcreate", "301", "OK"),
        ("qmclone", "9000", "OK"),
        ("qmstart", "300", "OK"),
        ("qmsnapshot", "300", "OK"),
        ("qmshutdown", "300", "OK"),
        ("qmrollback", "300", "OK"),
        ("qmdelsnapshot", "300", "OK"),
        ("qmdestroy", "301", "OK"),
    ]
    assert client.cluster.guests() == {100, 101, 300, 9000, 9100}
    config = client.cluster.get("/nodes/pve1/qemu/300/config")
    assert (config["name"], config["scsi0"]) == (
        "web1",
        "ceph:base-9000-disk-0/vm-300-disk-0,size=8G",
    )


def test_a_container_is_created_started_snapshotted_stopped_cloned_and_deleted(
    client: Client,
) -> None:
    results = client.play("containers.yml")
    unchanged = [name for name, result in results.items() if not result["changed"]]
    assert unchanged == ["Wait for pvestatd to tell the cluster"]
    assert client.cluster.tasks() == [
        ("vzcreate", "310", "OK"),
        ("vzstart", "310", "OK"),
        ("vzsnapshot", "310", "OK"),
        ("vzshutdown", "310", "OK"),
        ("vzclone", "9100", "OK"),
        ("vzdestroy", "310", "OK"),
    ]
    assert client.cluster.guests() == {100, 101, 311, 9000, 9100}
    assert client.cluster.get("/nodes/pve1/lxc/311/config")["hostname"] == "ct2"


def test_hardware_changes_and_a_file_is_uploaded(client: Client) -> None:
    results = client.play("hardware.yml", folder=str(client.home))
    assert [name for name, result in results.items() if not result["changed"]] == []
    assert client.cluster.tasks() == [
        ("qmconfig", "100", "OK"),
        ("resize", "100", "OK"),
        ("qmmove", "100", "OK"),
        ("imgcopy", "", "OK"),
    ]
    config = client.cluster.get("/nodes/pve1/qemu/100/config")
    assert config["scsi0"] == "ceph:vm-100-disk-0,size=20G"
    assert config["net1"].startswith("virtio=")
    assert "scsi1" not in config
    # The client moves a disk without removing the one it came from.
    assert {config["unused0"], config["unused1"]} == {
        "local-lvm:vm-100-disk-0",
        "ceph:vm-100-disk-1",
    }
    templates = client.cluster.get("/nodes/pve1/storage/local/content", content="vztmpl")
    assert "local:vztmpl/tiny.tar.gz" in {template["volid"] for template in templates}


def test_guests_are_backed_up_and_the_archives_listed(client: Client) -> None:
    results = client.play("backups.yml")
    (job,) = results["Back up two guests"]["backups"]
    assert (job["status"], job["log"].split(", ")[-1]) == ("success", "TASK OK")
    archives = results["List them"]["proxmox_storage_content"]
    assert {(archive["vmid"], archive["subtype"]) for archive in archives} == {
        (100, "qemu"),
        (9100, "lxc"),
    }
    (none,) = results["Back up a guest that is on another node"]["backups"]
    assert none["upid"] == "OK"
    message = results["Back up a guest that there is not"]["msg"]
    assert "ERROR: Backup of VM 777 failed - unable to find VM '777'" in message
    assert client.cluster.tasks() == [("vzdump", "", "OK"), ("vzdump", "777", "job errors")]


def test_an_existing_guest_is_found(client: Client) -> None:
    results = client.play("information.yml")
    nodes = results["Nodes"]["proxmox_nodes"]
    assert {node["node"]: node["status"] for node in nodes} == {
        "pve1": "online",
        "pve2": "online",
        "pve3": "online",
    }
    storages = results["Storages"]["proxmox_storages"]
    assert {storage["storage"] for storage in storages} == {"local", "local-lvm", "ceph"}
    (volume,) = results["Contents of a storage"]["proxmox_storage_content"]
    assert volume["volid"] == "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
    users = {user["userid"] for user in results["Users"]["proxmox_users"]}
    assert users == {"root@pam", "ansible@pve", "operator@pve", "auditor@pve"}
    guests = {guest["vmid"]: guest for guest in results["Guests"]["proxmox_vms"]}
    assert set(guests) == {100, 101, 9000, 9100}
    assert guests[101]["config"]["memory"] == "8192"
    (vm,) = results["Addresses of a running VM"]["proxmox_vms"]
    assert [interface["name"] for interface in vm["network"]] == ["lo", "eth0"]


def test_tasks_are_polled_by_the_list_of_their_node(client: Client) -> None:
    results = client.play("tasks.yml")
    (listed,) = results["Tasks"]["proxmox_tasks"]
    (one,) = results["One task"]["proxmox_tasks"]
    assert listed == one
    assert (listed["type"], listed["id"], listed["status"]) == ("qmstart", "100", "OK")
    assert "failed" not in listed  # it is there for those that failed


def test_the_inventory_has_every_guest_with_its_facts(client: Client) -> None:
    found = client.inventory()
    facts = found["_meta"]["hostvars"]
    nodes, templates = {"pve1", "pve2", "pve3"}, {"debian-12-cloud", "debian-12-ct"}
    left_out = templates if client.release.name == "ansible-12" else set()
    assert set(facts) == ({"app1", "db1"} | nodes | templates) - left_out
    assert facts["pve2"]["ansible_host"] == "192.0.2.12"
    assert found["on_pve2"]["hosts"] == ["db1"]
    assert found["proxmox_all_running"]["hosts"] == ["db1"]
    assert found["proxmox_all_stopped"]["hosts"] == ["app1"]
    assert facts["db1"]["proxmox_vmid"] == 101
    (_loopback, ethernet) = facts["db1"]["proxmox_agent_interfaces"]
    assert ethernet["ip-addresses"][0] == "198.51.100.102/24"
