# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the fixed addresses of members, before anything is started."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ...api.errors import UsageError
from ..context import failures
from .wishes import config_wish

if t.TYPE_CHECKING:
    from .members import Member

Values = t.Mapping[str, t.Any]
Interface = t.Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]

# The options with addresses: ipconfigN of a VM, netN of a container.
_NETWORK = re.compile(r"(?:ipconfig|net)\d+")
# The properties that hold an address and its gateway, for each version of IP.
_FAMILIES = (("ip", "gw", 4), ("ip6", "gw6", 6))
_DYNAMIC = ("", "dhcp", "auto", "manual")


def check_addresses(members: t.Sequence[Member]) -> None:
    """Raise UsageError for addresses that are none, do not fit their network, or come twice."""
    problems: list[str] = []
    owners: dict[tuple[t.Any, ...], list[str]] = {}
    for member in members:
        for properties in _networks(member):
            for address, gateway, version in _FAMILIES:
                text = str(properties.get(address) or "")
                if text in _DYNAMIC:
                    continue
                fixed = _interface(text, version)
                wrong = _wrong(fixed, str(properties.get(gateway) or ""), text, version)
                problems += [f"{member.title}: {wrong}"] if wrong else []
                if fixed is not None:
                    place = (fixed.ip, properties.get("bridge"), properties.get("tag"))
                    owners.setdefault(place, []).append(member.title)
    problems += [
        f"{', '.join(titles)} have the same address {place[0]}"
        for place, titles in owners.items()
        if len(titles) > 1
    ]
    if problems:
        raise UsageError(failures("The addresses cannot be as they are wanted:", problems))


def _networks(member: Member) -> t.Iterator[Values]:
    """The properties of each network interface of a member."""
    options = {**config_wish(member, member.type or "qemu"), **(member.get("params") or {})}
    for name, value in options.items():
        if value and _NETWORK.fullmatch(name):
            yield _properties(value)


def _properties(value: t.Any) -> Values:
    if isinstance(value, t.Mapping):
        return value
    parts = (part.partition("=") for part in str(value).split(","))
    return {name.strip(): text.strip() for name, _equals, text in parts}


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
    alone = network.num_addresses <= 2  # a host or a link, which have no address for all
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
