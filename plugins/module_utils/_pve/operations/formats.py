# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The named formats of single values that can be checked here.

Sources: ``PVE/JSONSchema.pm``, ``PVE/AccessControl.pm``, ``PVE/QemuServer/Drive.pm``. Formats that
are not here accept everything.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

Check = t.Callable[[str], bool]

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?"
_STORAGE = r"[a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]"
_LIST = re.compile(r"[,;\s\0]+")


def reason_against(text: str, form: str) -> str | None:
    """Why a value is refused by the named format; None where it is not, as far as known here."""
    if form.endswith("-list"):
        form, items = form[: -len("-list")], [item for item in _LIST.split(text) if item]
    else:
        items = [text]
    known = _FORMATS.get(form)
    if known is None:
        return None
    check, words = known
    return f"is not {words}" if not all(map(check, items)) else None


def _pattern(pattern: str) -> Check:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _ip(*versions: int) -> Check:
    def check(text: str) -> bool:
        try:
            return ipaddress.ip_address(text).version in versions
        except ValueError:
            return False

    return check


def _network(*versions: int, words: tuple[str, ...] = ()) -> Check:
    """An address with a prefix of 8 bits or more, or one of the words."""
    bits = {4: 32, 6: 128}

    def check(text: str) -> bool:
        address, _slash, prefix = text.partition("/")
        return text in words or (
            re.fullmatch(r"\d{1,3}", prefix) is not None
            and any(_ip(one)(address) and 7 < int(prefix) <= bits[one] for one in versions)
        )

    return check


_IS_NAME = _pattern(rf"(?:{_NAME}\.)*{_NAME}")

_FORMATS: dict[str, tuple[Check, str]] = {
    "pve-vmid": (_pattern(r"[1-9]\d{2,8}"), "a VMID: a number from 100 to 999999999"),
    "pve-node": (_pattern(_NAME), "the name of a node"),
    "pve-storage-id": (_pattern(_STORAGE), "the id of a storage"),
    "pve-configid": (
        _pattern(r"[a-zA-Z][\w\-]+"),
        "a name of two or more letters, digits, _ or -, a letter in front",
    ),
    "pve-bridge-id": (_pattern(r"[\w.\-]+"), "the name of a bridge"),
    "pve-poolid": (_pattern(r"[\w.\-]+(?:/[\w.\-]+){0,2}"), "the name of a pool"),
    "pve-tag": (
        _pattern(r"\w[\w\-+.]*"),
        "made of tags: letters, digits, _, and after the first one -, + and .",
    ),
    "pve-volume-id": (_pattern(rf"{_STORAGE}:.+"), "a volume, such as local-lvm:vm-100-disk-0"),
    # A size alone is let pass: whether the server has a default storage is not known.
    "pve-volume-id-or-qm-path": (
        _pattern(rf"{_STORAGE}:.+|none|cdrom|/.+|\d+(?:\.\d+)?"),
        "a volume, STORAGE:SIZE for a new one, none, cdrom or an absolute path",
    ),
    "pve-volume-id-or-absolute-path": (
        _pattern(rf"{_STORAGE}:.+|/.+"),
        "a volume or an absolute path",
    ),
    "dns-name": (_IS_NAME, "a DNS name: letters, digits and - between dots"),
    "ip": (_ip(4, 6), "an IP address"),
    "ipv4": (_ip(4), "an IPv4 address"),
    "ipv6": (_ip(6), "an IPv6 address"),
    "address": (lambda text: _ip(4, 6)(text) or _IS_NAME(text), "an IP address or DNS name"),
    "CIDR": (_network(4, 6), "a network, such as 192.0.2.0/24"),
    "CIDRv4": (_network(4), "an IPv4 network, such as 192.0.2.0/24"),
    "CIDRv6": (_network(6), "an IPv6 network, such as 2001:db8::/64"),
    "pve-ipv4-config": (
        _network(4, words=("dhcp", "manual")),
        "an IPv4 address with its prefix (192.0.2.10/24), dhcp or manual",
    ),
    "pve-ipv6-config": (
        _network(6, words=("auto", "dhcp", "manual")),
        "an IPv6 address with its prefix (2001:db8::10/64), auto, dhcp or manual",
    ),
    "mac-addr": (
        _pattern("[a-fA-F0-9][02468aceACE](?::[a-fA-F0-9]{2}){5}"),
        "a unicast MAC address, such as BC:24:11:00:00:01",
    ),
    "disk-size": (_pattern(r"\d+(?:\.\d+)?[KMGT]?"), "a size, such as 32G"),
}
