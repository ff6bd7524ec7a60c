# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the fixed addresses of guests."""

from __future__ import annotations

import ipaddress
import typing as t

from .properties import pairs

Values = t.Mapping[str, t.Any]
Interface = t.Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]

# The properties that hold an address and its gateway, for each version of IP.
_FAMILIES = (("ip", "gw", 4), ("ip6", "gw6", 6))
_DYNAMIC = ("", "dhcp", "auto", "manual")


def address_problems(interfaces: t.Iterable[tuple[str, t.Any]]) -> list[str]:
    """The problems, one line each.

    An interface is the title of its guest and ``ipconfigN`` of a VM or ``netN`` of a container, as
    a property string or a dictionary.
    """
    problems: list[str] = []
    owners: dict[tuple[t.Any, ...], list[str]] = {}
    for title, value in interfaces:
        properties = _properties(value)
        for address, gateway, version in _FAMILIES:
            text = str(properties.get(address) or "")
            if text in _DYNAMIC:
                continue
            fixed = _interface(text, version)
            wrong = _wrong(fixed, str(properties.get(gateway) or ""), text, version)
            problems += [f"{title}: {wrong}"] if wrong else []
            if fixed is not None:
                place = (fixed.ip, properties.get("bridge"), properties.get("tag"))
                owners.setdefault(place, []).append(title)
    shared = [(place[0], titles) for place, titles in owners.items() if len(titles) > 1]
    return [*problems, *(f"{', '.join(o)} have the same address {ip}" for ip, o in shared)]


def _properties(value: t.Any) -> Values:
    if isinstance(value, t.Mapping):
        return value
    return {name: text or "" for name, text in pairs(str(value))}


def _interface(text: str, version: int) -> Interface | None:
    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        return None
    return found if "/" in text and found.version == version else None


def _wrong(fixed: Interface | None, gateway: str, text: str, version: int) -> str | None:
    if fixed is None:
        example = "192.0.2.11/24" if version == 4 else "2001:db8::11/64"
        return f"{text!r} is not an IPv{version} address with a prefix length, such as {example}"
    network = fixed.network
    alone = network.num_addresses <= 2  # a host or a link, which have no broadcast address
    if not alone and fixed.ip == network.network_address:
        return f"{text} is the address of the network itself"
    if version == 4 and not alone and fixed.ip == network.broadcast_address:
        return f"{text} is the broadcast address of its network"
    return _wrong_gateway(fixed, gateway, alone=alone) if gateway else None


def _wrong_gateway(fixed: Interface, gateway: str, *, alone: bool) -> str | None:
    try:
        address = ipaddress.ip_address(gateway)
    except ValueError:
        return f"gateway {gateway!r} is not an address"
    if address == fixed.ip:
        return f"{fixed} is the address of its own gateway"
    if not alone and not address.is_link_local and address not in fixed.network:
        return f"{fixed} is not in the network of its gateway {gateway}"
    return None
