# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.cluster import Guest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.container import (
    container_job,
    container_params,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.lane import Lane

TARGET = Guest(301, "lxc", "pve2", "ct1")


@pytest.mark.parametrize(
    ("net", "params"),
    [
        ("name=eth0,bridge=vmbr0", {"net0": "name=eth0,bridge=vmbr0"}),
        ({"name": "eth0", "ip": "dhcp"}, {"net0": "name=eth0,ip=dhcp"}),
        (["a=1", {"firewall": True}], {"net0": "a=1", "net1": "firewall=1"}),
        ({"net0": "a=1", "net3": {"b": 2}}, {"net0": "a=1", "net3": "b=2"}),
        ([], {}),
    ],
)
def test_interfaces_may_have_any_form(net: Any, params: dict[str, str]) -> None:
    assert container_params({"net": net}) == params


@pytest.mark.parametrize(
    ("options", "params"),
    [
        ({"memory": 512, "swap": None}, {"memory": 512}),
        ({"features": {"nesting": True, "keyctl": False}}, {"features": "nesting=1,keyctl=0"}),
        ({"tags": ["b", "a"]}, {"tags": "b;a"}),
        ({"ssh_public_keys": "ssh-ed25519 A"}, {"ssh-public-keys": "ssh-ed25519 A"}),
        ({"ssh_public_keys": ["A", "B"]}, {"ssh-public-keys": "A\nB"}),
        ({"params": {"cmode": "tty", "debug": True}}, {"cmode": "tty", "debug": 1}),
        ({"params": {"mp0": {"volume": "ceph:8", "mp": "/srv"}}}, {"mp0": "volume=ceph:8,mp=/srv"}),
        ({"params": {"nameserver": ["1.1.1.1", "9.9.9.9"]}}, {"nameserver": "1.1.1.1,9.9.9.9"}),
    ],
)
def test_options_are_put_into_the_api_s_terms(
    options: dict[str, Any], params: dict[str, Any]
) -> None:
    assert container_params(options) == params


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"memory": 512, "params": {"memory": 1024}}, "memory"),
        ({"net": "a=1", "params": {"net0": "b=1"}}, "net0"),
        ({"ssh_public_keys": "A", "params": {"ssh-public-keys": "B"}}, "ssh-public-keys"),
        ({"params": {"hostname": "x"}}, "hostname"),
    ],
)
def test_a_parameter_may_not_be_set_twice(options: dict[str, Any], name: str) -> None:
    with pytest.raises(UsageError, match=f"params: {name} is also set by an option of its own"):
        container_params(options)


@pytest.mark.parametrize(
    ("params", "storage"),
    [
        ({"rootfs": "ceph:8"}, "ceph"),
        ({"rootfs": "ceph:8", "storage": "nfs"}, "ceph"),
        ({"storage": "nfs"}, "nfs"),
        ({}, "local"),
    ],
)
def test_the_storage_that_fills_has_a_lane(params: dict[str, str], storage: str) -> None:
    job = container_job(TARGET, params, None, movable=False)
    assert job.storage == storage
    assert Lane(f"storage {storage}") in job.lanes


def test_a_container_is_created_on_its_node() -> None:
    job = container_job(TARGET, {"ostemplate": "x"}, 60, movable=True)
    assert (job.method, job.path) == ("POST", ("nodes", "pve2", "lxc"))
    assert job.params == {"vmid": 301, "hostname": "ct1", "ostemplate": "x"}
    assert (job.node, job.task_type, job.task_id, job.timeout) == ("pve2", "vzcreate", "301", 60)
    assert job.readdress is not None
    other = job.readdress(302)
    assert (other.params["vmid"], other.task_id) == (302, "302")


@pytest.mark.parametrize(
    ("options", "rootfs"),
    [
        ({"rootfs": "4", "storage": "ceph"}, "ceph:4"),
        ({"rootfs": 4, "storage": "ceph"}, "ceph:4"),
        ({"rootfs": "0.5,quota=1", "storage": "ceph"}, "ceph:0.5,quota=1"),
        ({"rootfs": "4"}, "local:4"),
        ({"rootfs": "nfs:4", "storage": "ceph"}, "nfs:4"),
        ({"rootfs": "volume=nfs:4,size=4G"}, "volume=nfs:4,size=4G"),
        ({"rootfs": "ceph:vm-1-disk-0"}, "ceph:vm-1-disk-0"),
    ],
)
def test_a_size_alone_is_sent_with_its_storage(options: dict[str, Any], rootfs: str) -> None:
    assert container_params(options)["rootfs"] == rootfs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rootfs": "8G"}, "rootfs: '8G': the size is a number of GiB"),
        ({"rootfs": "ceph:8GiB"}, "rootfs: 'ceph:8GiB': the size"),
        ({"net": {"name": None, "bridge": "vmbr0"}}, "net0: name has no value"),
        ({"net": [{"name": "eth0"}, {"name": ""}]}, "net1: name has no value"),
        ({"net": [None]}, "net: net0: None is not an interface"),
        ({"net": {"net0": 5}}, "net: net0: 5 is not an interface"),
        ({"net": " "}, "net: net0: ' ' is not an interface"),
        ({"features": {"nesting": None}}, "features: nesting has no value"),
        ({"ssh_public_keys": [None]}, "ssh_public_keys: set a list of keys"),
        ({"ssh_public_keys": {"a": "b"}}, "ssh_public_keys: set a list of keys"),
        ({"params": "cores=2"}, "params: 'cores=2' is not a dictionary"),
        ({"params": {1: "x"}}, "params: 1 is not the name of a parameter"),
        ({"params": {None: "x"}}, "params: None is not the name of a parameter"),
        ({"params": {"mp0": {"volume": "a:1", "mp": None}}}, "mp0: mp has no value"),
    ],
)
def test_what_means_nothing_is_refused_with_its_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        container_params(options)
    assert message in str(caught.value)


def test_a_list_in_a_property_is_joined_as_proxmox_ve_separates_it() -> None:
    assert container_params({"features": {"mount": ["nfs", "cifs"]}}) == {
        "features": "mount=nfs;cifs"
    }
