# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that cloud-init reads say what the config says."""

from __future__ import annotations

from typing import Any

import yaml

DUMP = "qemu/101/cloudinit/dump"


async def _file(recorded: Any, kind: str) -> Any:
    return yaml.safe_load(await recorded.call("GET", DUMP, {"type": kind}))


async def test_the_user_file_names_user_and_keys(recorded: Any) -> None:
    recorded.world.guests[101].config |= {
        "ciuser": "admin",
        "sshkeys": "ssh-ed25519%20AAAA%20a%40b%0A",
        "searchdomain": "example.invalid",
        "ciupgrade": 0,
    }
    user = await _file(recorded, "user")
    assert (user["hostname"], user["fqdn"], user["user"]) == ("c1", "c1.example.invalid", "admin")
    assert user["ssh_authorized_keys"] == ["ssh-ed25519 AAAA a@b"]
    assert "package_upgrade" not in user


async def test_the_network_file_has_the_addresses_of_each_nic(recorded: Any) -> None:
    recorded.world.guests[101].config |= {
        "ipconfig0": "ip=192.0.2.5/25,gw=192.0.2.1,ip6=dhcp",
        "nameserver": "192.0.2.53",
    }
    nic, servers = (await _file(recorded, "network"))["config"]
    assert nic["mac_address"] == "bc:24:11:eb:26:26"
    static = {"address": "192.0.2.5", "netmask": "255.255.255.128", "gateway": "192.0.2.1"}
    assert nic["subnets"] == [{"type": "static", **static}, {"type": "dhcp6"}]
    assert servers == {"type": "nameserver", "address": ["192.0.2.53"]}


async def test_the_id_of_the_instance_follows_the_config(recorded: Any) -> None:
    before = await _file(recorded, "meta")
    assert before == await _file(recorded, "meta")
    recorded.world.guests[101].config["ciuser"] = "admin"
    assert before != await _file(recorded, "meta")


async def test_the_options_show_pending_changes_but_no_password(recorded: Any) -> None:
    guest = recorded.world.guests[101]
    guest.config |= {"cipassword": "secret", "ciuser": "a"}
    guest.pending |= {"ciuser": "b", "cipassword": None}
    assert await recorded.call("GET", "qemu/101/cloudinit") == []
    guest.config["ide2"] = "store1:101/vm-101-cloudinit.qcow2,media=cdrom"
    entries = {e["key"]: e for e in await recorded.call("GET", "qemu/101/cloudinit")}
    assert entries["ciuser"] == {"key": "ciuser", "value": "a", "pending": "b"}
    assert entries["cipassword"] == {"key": "cipassword", "value": "**********", "delete": 1}
    assert "memory" not in entries
