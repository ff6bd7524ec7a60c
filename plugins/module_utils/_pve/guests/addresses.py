# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of guests, from the guest agent of a VM or the interfaces of a container."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..api import clock
from ..api.errors import ApiError, NoAnswerError

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .cluster import Guest

_PAUSE = 2.0


async def read_addresses(api: Api, guest: Guest) -> tuple[list[str], str]:
    """The reachable addresses, IPv4 first, and why there are none.

    Loopback and link-local addresses do not count. A guest that does not run, or whose agent does
    not answer yet, has none.
    """
    path: tuple[str | int, ...] = ("nodes", guest.node, guest.type, guest.vmid)
    try:
        if guest.type == "qemu":
            data = (await api.get((*path, "agent", "network-get-interfaces"), retries=0)).data
            rows = data.get("result") if isinstance(data, dict) else None
        else:
            rows = (await api.get((*path, "interfaces"), retries=0)).data
    except ApiError as error:
        if error.status == 403:
            raise
        return [], error.reason
    except NoAnswerError as error:
        return [], str(error)
    addresses = _usable(rows)
    return addresses, "" if addresses else "no address yet"


async def wait_for_addresses(
    api: Api, guest: Guest, timeout: float, stopped: t.Callable[[], bool]
) -> tuple[list[str], str]:
    """Like ``read_addresses``, repeated until there are some or the time is up."""
    until = clock.now() + timeout
    while True:
        addresses, why = await read_addresses(api, guest)
        if addresses or stopped() or clock.now() >= until:
            return addresses, why
        await clock.sleep(min(_PAUSE, max(0.05, until - clock.now())))


def _usable(rows: object) -> list[str]:
    found = []
    for text in filter(None, _reported(rows)):
        address = _address(text)
        if address and not (address.is_loopback or address.is_link_local or address.is_unspecified):
            found.append(address)
    unique = sorted(set(found), key=lambda address: (address.version, found.index(address)))
    return [str(address) for address in unique]


def _reported(rows: object) -> t.Iterator[object]:
    """Every address in the response. An agent is a program in the guest and can return anything."""
    for row in _dictionaries(rows):
        given = [entry.get("ip-address") for entry in _dictionaries(row.get("ip-addresses"))]
        # Releases before 2025 return only the last address of a container.
        yield from given or [row.get("inet"), row.get("inet6")]


def _dictionaries(value: object) -> list[dict[str, t.Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _address(text: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address without its prefix length or zone, None if it is not an address."""
    try:
        return ipaddress.ip_address(re.split("[/%]", str(text), maxsplit=1)[0])
    except ValueError:
        return None
