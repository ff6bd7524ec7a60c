# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses that guests have a moment after their start.

They are of the networks that are kept for documentation (RFC 5737, RFC 3849), so that a play that
reaches for a simulated guest reaches nobody.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .drives import NET, Drive, mac_of
from .durations import seconds_for

if TYPE_CHECKING:
    from .entities import Guest
    from .world import World

BOOT = {"qemu": (4.0, 10.0), "lxc": (0.5, 2.0)}
"""Seconds at speed 1 from the start of a guest until it has its addresses, if nobody says more."""
NETWORKS = (("198.51.100", 1), ("203.0.113", 1), ("192.0.2", 64))
"""The networks that DHCP gives from, each from this number on; below it are the nodes."""
DHCP = tuple(f"{net}.{number}" for net, first in NETWORKS for number in range(first, 255))
PREFIX = 24
PREFIX6 = 64
LOOPBACK = {"inet": ("127.0.0.1", 8), "inet6": ("::1", 128)}


def booted(world: World, guest: Guest) -> bool:
    """Whether the guest has come up far enough to have addresses."""
    if guest.started is None:
        return False
    needed = seconds_for(
        "boot", world.seed, guest.vmid, {"boot": BOOT[guest.type], **world.durations}
    )
    return world.clock.now() - guest.started >= needed / world.clock.speed


def address(world: World, guest: Guest, index: int) -> str:
    """The address that DHCP gives to an interface, its own as long as there are enough."""
    leases = world.leases
    for lease in [lease for lease in leases if lease[0] not in world.guests]:
        del leases[lease]
    if (guest.vmid, index) not in leases:
        first = guest.vmid + 97 * index
        taken = set(leases.values())
        free = (n for n in range(first, first + len(DHCP)) if DHCP[n % len(DHCP)] not in taken)
        leases[guest.vmid, index] = DHCP[next(free, first) % len(DHCP)]
    return leases[guest.vmid, index]


def address6(guest: Guest, index: int) -> str:
    """The address that an interface gives itself by the announcements of a router."""
    return f"2001:db8::{index + 1:x}:{guest.vmid >> 16:x}:{guest.vmid & 0xFFFF:x}"


def _entries(world: World, guest: Guest, index: int, settings: str) -> list[dict[str, Any]]:
    """The addresses of one interface, as its settings say."""
    options = Drive.parse("net", settings).options
    wanted = options.get("ip", "dhcp" if guest.type == "qemu" else "manual")
    found: list[dict[str, Any]] = []
    if wanted == "dhcp":
        found.append(_entry("inet", address(world, guest, index), PREFIX))
    elif "/" in wanted:
        host, _separator, length = wanted.partition("/")
        found.append(_entry("inet", host, int(length)))
    if options.get("ip6") in ("auto", "dhcp"):
        found.append(_entry("inet6", address6(guest, index), PREFIX6))
    elif "/" in options.get("ip6", ""):
        host, _separator, length = options["ip6"].partition("/")
        found.append(_entry("inet6", host, int(length)))
    local = f"fe80::be24:11ff:fe{guest.vmid & 0xFF:02x}:{guest.vmid >> 8 & 0xFFFF:x}"
    return [*found, _entry("inet6", local, 64)]


def _entry(kind: str, host: str, length: int) -> dict[str, Any]:
    return {"ip-address": host, "prefix": length, "kind": kind}


def _nics(guest: Guest) -> list[tuple[int, str]]:
    keys = sorted((k for k in guest.config if NET.fullmatch(k)), key=lambda k: int(k[3:]))
    return [(int(key[3:]), str(guest.config[key])) for key in keys]


def vm_interfaces(world: World, guest: Guest) -> list[dict[str, Any]]:
    """The answer of the guest agent."""
    loopback = [_entry(kind, host, length) for kind, (host, length) in LOOPBACK.items()]
    nics = [("lo", "00:00:00:00:00:00", loopback)]
    for index, net in _nics(guest):
        settings = str(guest.config.get(f"ipconfig{index}", ""))
        found = _entries(world, guest, index, settings)
        nics.append((f"eth{index}", mac_of(net).lower(), found))
    return [
        {
            "name": name,
            "hardware-address": mac,
            "ip-addresses": [
                {
                    "ip-address": entry["ip-address"],
                    "ip-address-type": "ipv4" if entry["kind"] == "inet" else "ipv6",
                    "prefix": entry["prefix"],
                }
                for entry in found
            ],
            "statistics": {
                f"{way}-{what}": 0
                for way in ("rx", "tx")
                for what in ("bytes", "dropped", "errs", "packets")
            },
        }
        for name, mac, found in nics
    ]


def container_interfaces(world: World, guest: Guest) -> list[dict[str, Any]]:
    """The interfaces of a container; `inet` and `inet6` repeat the last address of each."""
    loopback = [_entry(kind, host, length) for kind, (host, length) in LOOPBACK.items()]
    nics = [("lo", "00:00:00:00:00:00", loopback)]
    for index, net in _nics(guest):
        name = re.search(r"(?:^|,)name=([^,]+)", net)
        found = _entries(world, guest, index, net) if booted(world, guest) else []
        nics.append((name.group(1) if name else f"eth{index}", mac_of(net).lower(), found))
    answer = []
    for label, mac, found in nics:
        entry: dict[str, Any] = {"name": label, "hardware-address": mac, "hwaddr": mac}
        entry["ip-addresses"] = [
            {"ip-address": e["ip-address"], "ip-address-type": e["kind"], "prefix": e["prefix"]}
            for e in found
        ]
        for e in found:
            entry[e["kind"]] = f"{e['ip-address']}/{e['prefix']}"
        answer.append(entry)
    return answer
