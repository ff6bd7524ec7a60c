# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.config import (
    Configuration,
    Rules,
    config_params,
    difference,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.volumes import size_in_bytes
from hypothesis import given
from hypothesis import strategies as st

KEY = "ssh-ed25519 AAAAC3Nz alice@example.com"
MAC = "BC:24:11:00:01:00"
NET = f"virtio={MAC},bridge=vmbr0"
DISK = "ceph:vm-100-disk-1,size=64G"


def changes(
    current: dict[str, Any], wish: dict[str, Any], guest_type: str = "qemu", **rules: bool
) -> dict[str, Any]:
    """What is sent for a wish, when this is in force."""
    params = config_params(wish, guest_type)
    return dict(difference(Configuration(current), params, Rules(guest_type, **rules)).params)


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
        ({"tags": ["Web;prod"]}, {"tags": "prod;web"}),
        ({"boot": {"order": ["scsi0", "net0"]}}, {"boot": "order=scsi0;net0"}),
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
def test_params_are_converted_to_the_format_of_the_api(
    wish: dict[str, Any], param: dict[str, Any]
) -> None:
    assert config_params(wish, "qemu") == param


@pytest.mark.parametrize(
    "wish",
    [
        {"scsi0": {"file": {"storage": "ceph"}}},
        {"boot": {"order": [["scsi0"]]}},
        {"boot": {"order": ["scsi0", None]}},
        {"nameserver": [{"a": 1}]},
        {"nameserver": ["192.0.2.1", None]},
    ],
    ids=str,
)
def test_a_value_that_has_no_text_is_refused(wish: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="params: "):
        config_params(wish, "qemu")


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
        ({"net0": f"{NET},firewall=1"}, {"net0": "virtio,bridge=vmbr0,firewall=on"}),
        ({"net0": NET}, {"net0": "model=virtio,bridge=vmbr0"}),
        ({"net0": NET}, {"net0": {"virtio": None, "bridge": "vmbr0"}}),
        ({"net0": NET}, {"net0": f"bridge=vmbr0,model=virtio,macaddr={MAC}"}),
        ({"cpu": "host"}, {"cpu": "cputype=host"}),
        ({"cpu": "host,hidden=0"}, {"cpu": "host"}),
        ({"agent": "1"}, {"agent": "enabled=1"}),
        ({"agent": "enabled=1,fstrim_cloned_disks=0"}, {"agent": {"enabled": True}}),
        ({"agent": "enabled=1,guest-fsfreeze=0"}, {"agent": "1,freeze-fs=0"}),
        ({"memory": "2048"}, {"memory": "current=2048"}),
        ({"startup": "order=2"}, {"startup": "2"}),
        ({"tags": "prod;web"}, {"tags": "Web;prod"}),
        ({"smbios1": "uuid=1-2,serial=c2Vy,base64=1"}, {"smbios1": "serial=c2Vy,base64=1"}),
        ({"efidisk0": "ceph:vm-100-disk-0,efitype=4m,pre-enrolled-keys=1,size=528K"},
         {"efidisk0": "ceph:1,efitype=4m,pre-enrolled-keys=1"}),
        ({"efidisk0": "ceph:vm-100-disk-0,efitype=4m,size=4M"}, {"efidisk0": "ceph:1"}),
        ({"tpmstate0": "ceph:vm-100-disk-2,size=4M,version=v2.0"}, {"tpmstate0": "ceph:1"}),
        ({"scsi1": DISK}, {"scsi1": "ceph:64"}),
        ({"scsi1": DISK}, {"scsi1": "ceph:64,format=raw"}),
        ({"scsi1": DISK}, {"scsi1": "ceph:0,import-from=local:import/x.qcow2"}),
        ({"scsi1": DISK}, {"scsi1": "file=ceph:vm-100-disk-1"}),
        ({"scsi1": "ceph:vm-100-disk-1"}, {"scsi1": "ceph:64"}),
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
def test_guests_as_requested_are_left_alone(current: dict[str, Any], wish: dict[str, Any]) -> None:
    assert changes(current, wish) == {}


@pytest.mark.parametrize(
    ("current", "wish"),
    [
        ({"rootfs": "ceph:subvol-200-disk-0,size=4G"}, {"rootfs": "ceph:4"}),
        ({"mp0": "ceph:subvol-200-disk-1,mp=/srv,size=8G"}, {"mp0": "ceph:8,mp=/srv"}),
        ({"net0": f"name=eth0,bridge=vmbr0,hwaddr={MAC},ip=dhcp,type=veth"},
         {"net0": "name=eth0,bridge=vmbr0,ip=dhcp"}),
        ({"features": "nesting=1,keyctl=0"}, {"features": {"nesting": True}}),
        ({"mp0": "/srv/data,mp=/srv"}, {"mp0": "/srv/data,mp=/srv"}),
    ],
)  # fmt: skip
def test_a_container_that_is_as_requested_is_left_alone(
    current: dict[str, Any], wish: dict[str, Any]
) -> None:
    assert changes(current, wish, "lxc") == {}


@pytest.mark.parametrize(
    ("current", "wish", "sent"),
    [
        (f"{NET},firewall=1,tag=20", "virtio,bridge=vmbr0", f"virtio,bridge=vmbr0,macaddr={MAC}"),
        (NET, "virtio,bridge=vmbr0,tag=5", f"virtio,bridge=vmbr0,tag=5,macaddr={MAC}"),
        (NET, "e1000,bridge=vmbr0", f"e1000,bridge=vmbr0,macaddr={MAC}"),
        (NET, "virtio=AA:AA:AA:AA:AA:AA,bridge=vmbr0", "virtio=AA:AA:AA:AA:AA:AA,bridge=vmbr0"),
    ],
)
def test_a_changed_interface_keeps_its_address(current: str, wish: str, sent: str) -> None:
    assert changes({"net0": current}, {"net0": wish}) == {"net0": sent}


def test_a_changed_interface_of_a_container_keeps_its_address() -> None:
    current = {"net0": f"name=eth0,bridge=vmbr0,hwaddr={MAC},ip=dhcp,tag=20,type=veth"}
    sent = changes(current, {"net0": "name=eth0,bridge=vmbr0,ip=dhcp"}, "lxc")
    assert sent == {"net0": f"name=eth0,bridge=vmbr0,ip=dhcp,hwaddr={MAC},type=veth"}


# Volumes.


@pytest.mark.parametrize(
    ("current", "wish", "sent"),
    [
        (DISK, "ceph:64,discard=on", "ceph:vm-100-disk-1,discard=on,size=64G"),
        (f"{DISK},discard=on", "ceph:64", "ceph:vm-100-disk-1,size=64G"),
        (DISK, "ceph:64,format=raw,ssd=1", "ceph:vm-100-disk-1,ssd=1,size=64G"),
        ("none,media=cdrom", "ceph:64", "ceph:64"),
    ],
)
def test_a_request_for_an_existing_volume_keeps_it(current: str, wish: str, sent: str) -> None:
    assert changes({"scsi1": current}, {"scsi1": wish}) == {"scsi1": sent}


def test_a_request_for_a_volume_in_a_free_slot_is_sent_unchanged() -> None:
    assert changes({}, {"scsi1": "ceph:64,discard=on"}) == {"scsi1": "ceph:64,discard=on"}


@pytest.mark.parametrize(
    ("option", "current", "wish", "guest_type", "named"),
    [
        ("scsi1", DISK, "ceph:128", "qemu", "resize"),
        ("scsi1", DISK, "ceph:32,discard=on", "qemu", "resize"),
        ("scsi1", DISK, "local-lvm:64", "qemu", "move_disk"),
        ("scsi1", DISK, "ceph:vm-100-disk-7", "qemu", "allow_destructive"),
        ("scsi1", DISK, "none,media=cdrom", "qemu", "allow_destructive"),
        ("rootfs", "ceph:subvol-200-disk-0,size=4G", "ceph:8", "lxc", "resize"),
        ("mp0", "ceph:subvol-200-disk-1,mp=/a,size=4G", "local-lvm:4,mp=/a", "lxc", "move_volume"),
        ("mp0", "ceph:subvol-200-disk-1,mp=/a,size=4G", "/srv,mp=/a", "lxc", "allow_destructive"),
        ("ide2", DISK, "ceph:cloudinit", "qemu", "allow_destructive"),
        ("ide2", "ceph:vm-100-cloudinit,media=cdrom", "ceph:8", "qemu", "allow_destructive"),
    ],
)
def test_a_volume_is_never_replaced_unasked(
    option: str, current: str, wish: str, guest_type: str, named: str
) -> None:
    with pytest.raises(UsageError, match=named):
        changes({option: current}, {option: wish}, guest_type)


def test_a_volume_is_replaced_where_that_is_allowed() -> None:
    sent = changes({"scsi1": DISK}, {"scsi1": "ceph:vm-100-disk-7"}, may_replace=True)
    assert sent == {"scsi1": "ceph:vm-100-disk-7"}


@pytest.mark.parametrize("wish", ["none,media=cdrom", "local:iso/b.iso,media=cdrom"])
def test_a_medium_can_be_changed(wish: str) -> None:
    current = {"ide2": "local:iso/a.iso,media=cdrom,size=4M"}
    assert changes(current, {"ide2": wish}) == {"ide2": wish}


# What is pending.


def test_pending_changes_as_requested_are_awaited_and_not_sent_again() -> None:
    current = Configuration({"memory": "64", "net0": NET}, {"memory": "96"})
    found = difference(current, {"memory": 96, "net0": "virtio,bridge=vmbr0"}, Rules("qemu"))
    assert (found.params, found.awaited) == ({}, ("memory",))


def test_what_is_in_force_but_will_go_is_sent_again() -> None:
    current = Configuration({"memory": "64", "cores": 2}, {"memory": "96", "cores": None})
    found = difference(current, {"memory": 64, "cores": 2}, Rules("qemu"))
    assert found.params == {"memory": "64", "cores": 2}


def test_what_is_about_to_be_deleted_is_not_deleted_again() -> None:
    current = Configuration({"net1": NET, "net2": NET}, {"net1": None})
    found = difference(current, {"delete": "net1,net2,net3"}, Rules("qemu"))
    assert (found.params, found.awaited) == ({"delete": "net2"}, ("net1",))


def test_only_what_is_pending_is_reverted() -> None:
    current = Configuration({"memory": "64"}, {"memory": "96"})
    assert difference(current, {"revert": "memory,cores"}, Rules("qemu")).params == {
        "revert": "memory"
    }
    assert difference(Configuration(), {"revert": "memory"}, Rules("qemu")).params == {}


def test_the_rows_of_the_api_are_distinguished() -> None:
    rows: list[dict[str, Any]] = [
        {"key": "memory", "value": "64", "pending": "96"},
        {"key": "net1", "value": NET, "delete": 1},
        {"key": "cores", "pending": 2},
        {"key": "name", "value": "web1"},
        {"key": "digest", "value": "abc"},
    ]
    found = Configuration.parse(rows)
    assert found.values == {"memory": "64", "net1": NET, "name": "web1"}
    assert found.pending == {"memory": "96", "net1": None, "cores": 2}
    assert found.digest == "abc"
    assert [found.after_restart(name) for name in ("memory", "net1", "name")] == [
        "96", None, "web1"]  # fmt: skip


@pytest.mark.parametrize(("keep", "sent"), [(True, {}), (False, {"cipassword": "new"})])
def test_a_secret_that_is_set_is_set_again_or_left(keep: bool, sent: dict[str, str]) -> None:
    current = {"cipassword": "**********"}
    assert changes(current, {"cipassword": "new"}, keep_secrets=keep) == sent
    assert changes({}, {"cipassword": "new"}, keep_secrets=keep) == {"cipassword": "new"}


def test_a_key_without_a_value_is_refused_where_it_means_nothing() -> None:
    with pytest.raises(UsageError, match="net0: bridge has no value"):
        config_params({"net0": {"virtio": None, "bridge": None}}, "qemu")


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
        ({"net0": f"virtio={MAC},bridge=vmbr0"}, {"net0": "virtio=AA:AA:AA:AA:AA:AA,bridge=vmbr0"}),
        ({"ipconfig0": "ip=dhcp"}, {"ipconfig0": "ip=192.0.2.2/24"}),
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
    assert changes(current, wish) == config_params(wish, "qemu")


def test_only_what_differs_is_changed() -> None:
    current = {"cores": 2, "memory": "2048", "name": "web1"}
    assert changes(current, {"cores": 4, "memory": 2048, "name": "web1"}) == {"cores": 4}


def test_only_what_is_set_is_deleted() -> None:
    wish = {"delete": ["net1", "tags", "unused0"]}
    assert changes({"net1": "virtio", "unused0": "x"}, wish) == {"delete": "net1,unused0"}


def test_options_of_the_call_go_along_with_a_change_alone() -> None:
    wanted = {"cores": 4, "digest": "abc", "force": 1}
    assert changes({"cores": 2}, wanted) == wanted
    assert changes({"cores": 4}, wanted) == {}


VALUES = st.one_of(st.integers(0, 9), st.booleans(), st.text("ab1,=: ", max_size=8))


@given(st.dictionaries(st.sampled_from(["cores", "net0", "tags", "agent", "name"]), VALUES))
def test_what_was_just_set_is_never_set_again(wish: dict[str, Any]) -> None:
    assert changes(config_params(wish, "qemu"), wish) == {}


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
        ("9" * 400 + "T", None),
    ],
)
def test_sizes_have_binary_units(text: str, size: int | None) -> None:
    assert size_in_bytes(text) == size


def test_the_size_of_a_disk_is_in_its_configuration() -> None:
    disks = {"scsi0": "ceph:vm-100-disk-0,iothread=1,size=16G", "ide2": "none,media=cdrom"}
    config = Configuration(disks)
    assert config.disk_size("scsi0") == 16 << 30
    assert config.disk_size("ide2") is None
    assert config.disk_size("scsi9") is None
