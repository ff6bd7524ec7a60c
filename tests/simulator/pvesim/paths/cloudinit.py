# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cloud-init reads inside a VM (`PVE/QemuServer/Cloudinit.pm`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from pvesim.calls import Call, call
from pvesim.drives import NET, Drive, drives, mac_of
from pvesim.entities import Guest
from pvesim.guests import api_lock, guest_of
from pvesim.rights import CLOUDINIT
from pvesim.world import World

from .node_settings import dns

HIDDEN = "**********"
OPTION = re.compile(f"{CLOUDINIT}|name|{NET.pattern}")


@call("GET", "/nodes/{node}/qemu/{vmid}/cloudinit")
async def options(world: World, call: Call) -> list[dict[str, Any]]:
    """The options that cloud-init is made of, with the changes that wait; none without a drive."""
    guest = guest_of(world, call)
    if not any(drive.cloudinit for drive in drives("qemu", guest.config)):
        return []
    keys = sorted(key for key in {*guest.config, *guest.pending} if OPTION.fullmatch(key))
    return [_option(guest, key) for key in keys]


@call("PUT", "/nodes/{node}/qemu/{vmid}/cloudinit")
async def regenerate(world: World, call: Call) -> None:
    """Write the drive anew, which changes nothing that is not written there already."""
    guest = guest_of(world, call)
    async with api_lock(world, guest.type, guest.node, guest.vmid):
        guest_of(world, call)


def _option(guest: Guest, key: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"key": key}
    if key in guest.config:
        entry["value"] = HIDDEN if key == "cipassword" else guest.config[key]
    if key in guest.pending:
        waiting = guest.pending[key]
        new = HIDDEN if key == "cipassword" else waiting
        entry |= {"delete": 1} if waiting is None else {"pending": new}
    return entry


@call("GET", "/nodes/{node}/qemu/{vmid}/cloudinit/dump")
async def dump(world: World, call: Call) -> str:
    """One of the files that cloud-init reads."""
    guest = guest_of(world, call)
    search = (await dns(world, call)).get("search", "")
    if call.params["type"] == "network":
        return _network(guest)
    user = _user(guest, search)
    return user if call.params["type"] == "user" else _meta(user + _network(guest))


def _meta(text: str) -> str:
    """The id of the instance, which changes with the other files."""
    return f"instance-id: {hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()}\n"


def _user(guest: Guest, search: str) -> str:
    return "".join(f"{line}\n" for line in _user_lines(guest, search))


def _user_lines(guest: Guest, search: str) -> Iterator[str]:
    """Name, user, password and keys; `search` are the domains that the node looks in."""
    config = guest.config
    hostname, _dot, domain = (guest.name or f"VM{guest.vmid}").partition(".")
    domain = domain or str(config.get("searchdomain", search)).partition(" ")[0]
    yield from ("#cloud-config", f"hostname: {hostname}", "manage_etc_hosts: true")
    yield f"fqdn: {hostname}.{domain}" if domain else f"fqdn: {hostname}"
    if "ciuser" in config:
        yield f"user: {config['ciuser']}"
    if "cipassword" in config:
        yield f"password: {config['cipassword']}"
    if "sshkeys" in config:
        yield "ssh_authorized_keys:"
        yield from (f"  - {key}" for key in unquote(str(config["sshkeys"])).split("\n") if key)
    yield from ("chpasswd:", "  expire: False")
    if config.get("ciuser") != "root":
        yield from ("users:", "  - default")
    if int(config.get("ciupgrade", 1)):
        yield "package_upgrade: true"


def _network(guest: Guest) -> str:
    return "".join(f"{line}\n" for line in _network_lines(guest))


def _network_lines(guest: Guest) -> Iterator[str]:
    """Version 1 of the format, an entry for each NIC with an ipconfig, and the name servers."""
    yield from ("version: 1", "config:")
    for key in sorted(key for key in guest.config if NET.fullmatch(key)):
        settings = guest.config.get(f"ipconfig{key[3:]}")
        if settings is None:
            continue
        yield from ("    - type: physical", f"      name: eth{key[3:]}")
        yield f"      mac_address: '{mac_of(str(guest.config[key])).lower()}'"
        yield "      subnets:"
        yield from _subnets(Drive.parse(key, str(settings)).options)
    yield from _name_servers(guest)


def _subnets(settings: dict[str, str]) -> Iterator[str]:
    for key, gateway, dynamic in (("ip", "gw", "dhcp4"), ("ip6", "gw6", "dhcp6")):
        wanted = settings.get(key)
        if wanted is None:
            continue
        if wanted == "dhcp":
            yield f"      - type: {dynamic}"
            continue
        if wanted == "auto":
            yield "      - type: ipv6_slaac"
            continue
        address, _slash, length = wanted.partition("/")
        yield f"      - type: static{'6' if key == 'ip6' else ''}"
        yield f"        address: '{address if key == 'ip' else wanted}'"
        if key == "ip":
            yield f"        netmask: '{_netmask(int(length))}'"
        if gateway in settings:
            yield f"        gateway: '{settings[gateway]}'"


def _netmask(length: int) -> str:
    bits = (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF
    return ".".join(str(bits >> shift & 0xFF) for shift in (24, 16, 8, 0))


def _name_servers(guest: Guest) -> Iterator[str]:
    servers = str(guest.config.get("nameserver", "")).split()
    domains = str(guest.config.get("searchdomain", "")).split()
    if servers or domains:
        yield "    - type: nameserver"
    for key, values in (("address", servers), ("search", domains)):
        if values:
            yield f"      {key}:"
            yield from (f"      - '{value}'" for value in values)
