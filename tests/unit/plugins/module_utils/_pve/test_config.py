# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.config import (
    config_params,
    difference,
    disk_size,
    size_in_bytes,
)
from hypothesis import given
from hypothesis import strategies as st

KEY = "ssh-ed25519 AAAAC3Nz alice@example.com"
MAC = "BC:24:11:00:01:00"


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"onboot": True}, {"onboot": 1}),
        ({"onboot": False}, {"onboot": 0}),
        ({"cores": 4}, {"cores": 4}),
        ({"memory": "4096"}, {"memory": "4096"}),
        ({"tags": ["web", "prod"]}, {"tags": "prod;web"}),
        ({"tags": "web,prod"}, {"tags": "prod;web"}),
        ({"tags": []}, {"tags": ""}),
        ({"ipconfig0": {"ip": "192.0.2.2/24", "gw": "192.0.2.1"}},
         {"ipconfig0": "ip=192.0.2.2/24,gw=192.0.2.1"}),
        ({"agent": {"enabled": True}}, {"agent": "enabled=1"}),
        ({"nameserver": ["192.0.2.1", "192.0.2.2"]}, {"nameserver": "192.0.2.1,192.0.2.2"}),
        ({"delete": ["net1", "tags"]}, {"delete": "net1,tags"}),
        ({"ciuser": None}, {}),
        ({"sshkeys": KEY}, {"sshkeys": quote(KEY, safe="")}),
        ({"sshkeys": [KEY, KEY + "2"]}, {"sshkeys": quote(f"{KEY}\n{KEY}2", safe="")}),
        ({"sshkeys": f"{KEY}\n"}, {"sshkeys": quote(KEY, safe="")}),
        ({"sshkeys": quote(KEY, safe="")}, {"sshkeys": quote(KEY, safe="")}),
    ],
)  # fmt: skip
def test_a_wish_in_the_api_s_terms(wish: dict[str, Any], param: dict[str, Any]) -> None:
    assert config_params(wish, "qemu") == param


@pytest.mark.parametrize(
    ("current", "wish"),
    [
        ({"cores": 2}, {"cores": 2}),
        ({"cores": 2}, {"cores": "2"}),
        ({"memory": "2048"}, {"memory": 2048}),
        ({"onboot": 1}, {"onboot": True}),
        ({"onboot": "on"}, {"onboot": True}),
        ({"numa": 0}, {"numa": False}),
        ({"tags": "web;prod"}, {"tags": ["prod", "web"]}),
        ({"tags": "web,prod"}, {"tags": "prod web"}),
        ({"net0": f"virtio={MAC},bridge=vmbr0"}, {"net0": "virtio,bridge=vmbr0"}),
        ({"net0": f"virtio={MAC},bridge=vmbr0"}, {"net0": f"virtio={MAC.lower()},bridge=vmbr0"}),
        ({"net0": f"virtio={MAC},bridge=vmbr0,tag=5"}, {"net0": "bridge=vmbr0,virtio,tag=5"}),
        ({"net0": f"virtio={MAC},bridge=vmbr0,firewall=1"}, {"net0": "virtio,firewall=on"}),
        ({"ipconfig0": "ip=dhcp"}, {"ipconfig0": {"ip": "dhcp"}}),
        ({"ipconfig0": "gw=192.0.2.1,ip=192.0.2.2/24"},
         {"ipconfig0": "ip=192.0.2.2/24,gw=192.0.2.1"}),
        ({"scsi1": "ceph:vm-100-disk-1,size=8G"}, {"scsi1": "ceph:8"}),
        ({"ide2": "ceph:vm-100-cloudinit,media=cdrom"}, {"ide2": "ceph:cloudinit"}),
        ({"sshkeys": quote(KEY, safe="")}, {"sshkeys": KEY}),
        ({"sshkeys": quote(KEY + "\n", safe="")}, {"sshkeys": [KEY]}),
        ({"description": "made by hand\n"}, {"description": "made by hand"}),
        ({"cores": 2}, {"delete": "net1"}),
        ({"boot": "order=scsi0"}, {"boot": "order=scsi0", "digest": "abc", "force": 1}),
        ({}, {"tags": []}),
        ({}, {}),
    ],
)  # fmt: skip
def test_what_is_as_wanted_is_left_alone(current: dict[str, Any], wish: dict[str, Any]) -> None:
    assert difference(current, config_params(wish, "qemu")) == {}


@pytest.mark.parametrize(
    ("current", "wish"),
    [
        ({"cores": 2}, {"cores": 4}),
        ({}, {"cores": 4}),
        ({}, {"onboot": False}),
        ({"onboot": 1}, {"onboot": False}),
        ({"cores": 1}, {"cores": 0}),
        ({"tags": "web;prod"}, {"tags": ["web"]}),
        ({"tags": "web"}, {"tags": []}),
        ({"net0": f"virtio={MAC},bridge=vmbr0"}, {"net0": "virtio,bridge=vmbr1"}),
        ({"net0": f"virtio={MAC},bridge=vmbr0"}, {"net0": "e1000,bridge=vmbr0"}),
        ({"net0": f"virtio={MAC},bridge=vmbr0"}, {"net0": "virtio,bridge=vmbr0,tag=5"}),
        ({"net0": f"virtio={MAC},bridge=vmbr0"}, {"net0": "virtio=AA:AA:AA:AA:AA:AA,bridge=vmbr0"}),
        ({"ipconfig0": "ip=dhcp"}, {"ipconfig0": "ip=192.0.2.2/24"}),
        ({"scsi1": "ceph:vm-100-disk-1,size=8G"}, {"scsi1": "local-lvm:8"}),
        ({"sshkeys": quote(KEY, safe="")}, {"sshkeys": [KEY, KEY + "2"]}),
        ({}, {"cipassword": "new"}),
        ({"cipassword": "**********"}, {"cipassword": "new"}),
        ({"name": "web1"}, {"name": "web2"}),
        ({"description": "owner=alice,tier=1"}, {"description": "owner=alice"}),
        ({"description": "yes"}, {"description": "1"}),
        ({"agent": "1"}, {"agent": "0"}),
    ],
)
def test_what_differs_is_changed(current: dict[str, Any], wish: dict[str, Any]) -> None:
    wanted = config_params(wish, "qemu")
    assert difference(current, wanted) == wanted


def test_only_what_differs_is_changed() -> None:
    current = {"cores": 2, "memory": "2048", "name": "web1"}
    wanted = config_params({"cores": 4, "memory": 2048, "name": "web1"}, "qemu")
    assert difference(current, wanted) == {"cores": 4}


def test_only_what_is_set_is_deleted() -> None:
    wanted = config_params({"delete": ["net1", "tags", "unused0"]}, "qemu")
    assert difference({"net1": "virtio", "unused0": "x"}, wanted) == {"delete": "net1,unused0"}


def test_options_of_the_call_go_along_with_a_change_alone() -> None:
    wanted = {"cores": 4, "digest": "abc", "force": 1}
    assert difference({"cores": 2}, wanted) == wanted
    assert difference({"cores": 4}, wanted) == {}


VALUES = st.one_of(st.integers(0, 9), st.booleans(), st.text("ab1,=: ", max_size=8))


@given(st.dictionaries(st.sampled_from(["cores", "net0", "tags", "agent", "name"]), VALUES))
def test_what_was_just_set_is_never_set_again(wish: dict[str, Any]) -> None:
    wanted = config_params(wish, "qemu")
    assert difference(wanted, wanted) == {}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512),
        ("528K", 528 << 10),
        ("4M", 4 << 20),
        ("32G", 32 << 30),
        ("1.5G", 3 << 29),
        ("2T", 2 << 40),
        ("+8G", None),
        ("8g", None),
        ("8 G", None),
        ("", None),
        ("big", None),
    ],
)
def test_sizes_have_binary_units(text: str, size: int | None) -> None:
    assert size_in_bytes(text) == size


def test_the_size_of_a_disk_is_in_its_configuration() -> None:
    config = {"scsi0": "ceph:vm-100-disk-0,iothread=1,size=16G", "ide2": "none,media=cdrom"}
    assert disk_size(config, "scsi0") == 16 << 30
    assert disk_size(config, "ide2") is None
    assert disk_size(config, "scsi9") is None
