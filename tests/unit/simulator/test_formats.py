# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named formats accept what Proxmox VE accepts and refuse the rest in its words."""

from __future__ import annotations

import pytest
from pvesim.formats import refusal, split_list


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pve-vmid", "100"),
        ("pve-vmid", "999999999"),
        ("pve-node", "pve-02"),
        ("dns-name", "web1.example.com"),
        ("pve-storage-id", "local-lvm"),
        ("pve-volume-id", "local:vztmpl/x.tar.zst"),
        ("pve-volume-id-or-qm-path", "none"),
        ("pve-lxc-mp-string", "store1:1"),
        ("pve-configid", "before_upgrade-1"),
        ("pve-tag-list", "a;b,c d"),
        ("pve-tag-list", ""),
        ("pve-ipv4-config", "dhcp"),
        ("pve-ipv4-config", "192.0.2.7/24"),
        ("pve-ipv6-config", "2001:db8::7/64"),
        ("mac-addr", "BC:24:11:00:90:00"),
        ("disk-size", "10G"),
        ("pve-startup-order", "order=1,up=30"),
        ("urlencoded", "ssh-ed25519%20AAAA"),
        ("pve-userid", "ansible@pve"),
        ("pve-vlan-id-or-range-list", "2-10;20"),
        ("email-opt", ""),
        ("a-format-nobody-knows", "anything"),
    ],
)
def test_good_values_are_accepted(name: str, text: str) -> None:
    assert refusal(name, text) is None


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("pve-vmid", "99", "value does not look like a valid VM ID"),
        ("pve-vmid", "1000000000", "value does not look like a valid VM ID"),
        ("pve-node", "-pve", "value does not look like a valid node name"),
        ("dns-name", "a_b", "value does not look like a valid DNS name"),
        ("pve-configid", "1x", "invalid configuration ID '1x'"),
        ("pve-storage-id", "a b", "storage ID 'a b' contains illegal characters"),
        ("pve-volume-id-or-qm-path", "bad", "unable to parse volume ID 'bad'"),
        ("pve-poolid", "a b", "pool name 'a b' contains invalid characters"),
        ("pve-tag-list", "ok,-bad", "invalid characters in tag"),
        ("ipv4", "300.1.1.1", "value does not look like a valid IPv4 address"),
        ("ip", "::g", "value does not look like a valid IP address"),
        ("CIDRv4", "192.0.2.7/7", "value does not look like a valid IPv4 CIDR network"),
        ("mac-addr", "01:00:00:00:00:00", "value does not look like a valid unicast MAC address"),
        ("pve-task-status-type-list", "ok,bogus", "invalid status 'bogus'"),
        ("pve-startup-order", "now", "unable to parse startup options"),
        ("pve-vlan-id-or-range", "9-3", "VLAN range must go from lower to higher tag '9-3'"),
        ("pve-vlan-id-or-range", "1", "invalid VLAN tag '1'"),
        ("pve-hotplug-features", "disk,fan", "unable to parse hotplug option"),
        ("pve-qm-bootdisk", "sda", "invalid boot disk 'sda'"),
        ("urlencoded", "a b", "invalid urlencoded string: a b"),
    ],
)
def test_bad_values_are_refused_with_a_reason(name: str, text: str, reason: str) -> None:
    assert refusal(name, text) == reason


def test_a_list_is_split_at_commas_semicolons_and_blanks() -> None:
    assert split_list("a,b; c\0d") == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("pve-storage-content-list", "images,foo", "invalid content type 'foo'"),
        ("pve-volume-id-or-absolute-path", "/dev/sda", None),
        ("pve-volume-id-or-absolute-path", "sda", "unable to parse volume ID 'sda'"),
        ("pve-ha-resource-or-vm-id", "100", None),
        ("pve-ha-resource-or-vm-id", "VM", "value does not look like a valid ha resource id"),
        ("lxc-ip-with-ll-iface-list", "10.0.0.1 fe80::1%eth0", None),
        ("lxc-ip-with-ll-iface-list", "dns", "value does not look like a valid IP address"),
    ],
)
def test_formats_of_storages_ha_and_containers(name: str, text: str, reason: str | None) -> None:
    assert refusal(name, text) == reason
