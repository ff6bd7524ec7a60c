# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The named formats of parameters and the words in which Proxmox VE refuses a value.

A check takes the text of a value and returns None, or the reason why the value is refused.
Sources: `PVE/JSONSchema.pm`, `PVE/AccessControl.pm`, `PVE/Auth/Plugin.pm`, `PVE/QemuServer.pm`,
`PVE/QemuServer/CPUConfig.pm`, `PVE/QemuServer/Drive.pm`, `PVE/LXC/Config.pm`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[str], "str | None"]
PropertyFormat = Mapping[str, Mapping[str, Any]]

NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?"
USER = r"[^\s:/]+"
REALM = r"[A-Za-z][A-Za-z0-9.\-_]+"
STORAGE = r"[a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]"
EMAIL = r"[A-Za-z0-9._%+\-=']+@[a-zA-Z0-9.\-]+"


def _pattern(pattern: str, reason: str) -> Check:
    """A check by a regular expression; `{}` in the reason stands for the value."""
    compiled = re.compile(pattern)
    return lambda text: None if compiled.fullmatch(text) else reason.replace("{}", text)


def _ip_version(text: str) -> int | None:
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        return None


def _ip(versions: tuple[int, ...], reason: str) -> Check:
    return lambda text: None if _ip_version(text) in versions else reason


def _is_network(text: str, version: int) -> bool:
    """An address with a prefix of 8 bits or more."""
    address, slash, bits = text.partition("/")
    longest = 32 if version == 4 else 128
    return bool(
        slash and bits.isdigit() and 7 < int(bits) <= longest and _ip_version(address) == version
    )


def _network(versions: tuple[int, ...], words: tuple[str, ...], reason: str) -> Check:
    def check(text: str) -> str | None:
        good = text in words or any(_is_network(text, version) for version in versions)
        return None if good else reason

    return check


def _any_of(checks: tuple[Check, ...], reason: str) -> Check:
    def check(text: str) -> str | None:
        good = any(accepts(text) is None for accepts in checks)
        return None if good else reason.replace("{}", text)

    return check


def _startup_order(text: str) -> str | None:
    part = re.compile(r"(?:order=)?\d+|up=\d+|down=\d+|\s*")
    good = text and all(part.fullmatch(item) for item in text.split(","))
    return None if good else "unable to parse startup options"


def _vlan(text: str) -> str | None:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if not match:
        return f"invalid VLAN configuration '{text}'"
    tags = [int(tag) for tag in match.groups() if tag is not None]
    for tag in tags:
        if not 2 <= tag <= 4094:
            return f"invalid VLAN tag '{tag}'"
    if tags[0] >= tags[-1] and len(tags) > 1:
        return f"VLAN range must go from lower to higher tag '{text}'"
    return None


def _hotplug(text: str) -> str | None:
    known = {"network", "disk", "cpu", "memory", "usb", "cloudinit", "0", "1"}
    good = all(item in known for item in re.split(r"[\s,;]+", text) if item)
    return None if good else "unable to parse hotplug option"


def _bootdisk(text: str) -> str | None:
    good = re.fullmatch(r"(?:ide[0-3]|sata[0-5]|scsi(?:[12]?\d|30)|virtio(?:\d|1[0-5]))", text)
    return None if good else f"invalid boot disk '{text}'"


STORAGE_ID = _pattern(STORAGE, "storage ID '{}' contains illegal characters")
VOLUME_ID = _pattern(STORAGE + r":.+", "unable to parse volume ID '{}'")
DNS_NAME = _pattern(rf"(?:{NAME}\.)*{NAME}", "value does not look like a valid DNS name")
IP = _ip((4, 6), "value does not look like a valid IP address")

CHECKS: dict[str, Check] = {
    "string": lambda _text: None,
    "pve-vmid": _pattern("[1-9][0-9]{2,8}", "value does not look like a valid VM ID"),
    "pve-node": _pattern(NAME, "value does not look like a valid node name"),
    "pve-configid": _pattern("[a-zA-Z][a-zA-Z0-9_-]+", "invalid configuration ID '{}'"),
    "pve-storage-id": STORAGE_ID,
    "pve-bridge-id": _pattern(r"[-_.\w]+", "invalid bridge ID '{}'"),
    "pve-volume-id": VOLUME_ID,
    "pve-volume-id-or-qm-path": _any_of(
        (VOLUME_ID, _pattern("none|cdrom|/.+", "")), "unable to parse volume ID '{}'"
    ),
    "pve-volume-id-or-absolute-path": _any_of(
        (VOLUME_ID, _pattern("/.+", "")), "unable to parse volume ID '{}'"
    ),
    "pve-storage-content": _pattern(
        "images|rootdir|vztmpl|iso|backup|snippets|import|none", "invalid content type '{}'"
    ),
    "pve-ha-resource-or-vm-id": _pattern(
        r"[a-z]+:\S+|\d+", "value does not look like a valid ha resource id"
    ),
    "lxc-ip-with-ll-iface": _any_of(
        (IP, _pattern(r"(?i:fe80:[0-9a-f:]+%[a-z0-9]+)", "")),
        "value does not look like a valid IP address",
    ),
    "pve-lxc-mp-string": _pattern(
        r"(?!.*/\.\.?(?:/|$))(?!\.\.?/).+", "{} contains illegal characters for a mount point"
    ),
    "pve-poolid": _pattern(
        r"[A-Za-z0-9.\-_]+(?:/[A-Za-z0-9.\-_]+){0,2}", "pool name '{}' contains invalid characters"
    ),
    "pve-groupid": _pattern(r"[A-Za-z0-9.\-_]+", "group name '{}' contains invalid characters"),
    "pve-roleid": _pattern(r"[A-Za-z0-9.\-_]+", "role name '{}' contains invalid characters"),
    "pve-userid": _pattern(rf"{USER}@{REALM}", "value '{}' does not look like a valid user name"),
    "pve-tokenid": _pattern(
        rf"{USER}@{REALM}!{REALM}", "value '{}' does not look like a valid token ID"
    ),
    "pve-realm": _pattern(REALM, "value does not look like a valid realm"),
    "pve-tag": _pattern(r"[a-zA-Z0-9_][a-zA-Z0-9_\-+.]*", "invalid characters in tag"),
    "pve-task-status-type": _pattern("(?i:ok|error|warning|unknown)", "invalid status '{}'"),
    "pve-iface": _pattern(
        r"[a-zA-Z][a-zA-Z0-9_]{1,20}(?:[:.]\d+)?", "invalid network interface name '{}'"
    ),
    "pve-vlan-id-or-range": _vlan,
    "pve-startup-order": _startup_order,
    "pve-hotplug-features": _hotplug,
    "pve-qm-bootdisk": _bootdisk,
    "dns-name": DNS_NAME,
    "ip": IP,
    "ipv4": _ip((4,), "value does not look like a valid IPv4 address"),
    "ipv6": _ip((6,), "value does not look like a valid IPv6 address"),
    "address": _any_of((IP, DNS_NAME), "value does not look like a valid address: {}"),
    "CIDR": _network((4, 6), (), "value does not look like a valid CIDR network"),
    "CIDRv4": _network((4,), (), "value does not look like a valid IPv4 CIDR network"),
    "CIDRv6": _network((6,), (), "value does not look like a valid IPv6 CIDR network"),
    "pve-ipv4-config": _network(
        (4,), ("dhcp", "manual"), "value does not look like a valid ipv4 network configuration"
    ),
    "pve-ipv6-config": _network(
        (6,), ("auto", "dhcp", "manual"),
        "value does not look like a valid ipv6 network configuration",
    ),
    "mac-addr": _pattern(
        "[a-fA-F0-9][02468aceACE](?::[a-fA-F0-9]{2}){5}",
        "value does not look like a valid unicast MAC address",
    ),
    "email": _pattern(EMAIL, "value does not look like a valid email address"),
    "email-or-username": _pattern(
        rf"{EMAIL}|[a-zA-Z0-9._\-]+", "value does not look like a valid email address or user name"
    ),
    "disk-size": _pattern(
        r"\d+(?:\.\d+)?[KMGT]?", "value does not look like a valid disk size: {}"
    ),
    "urlencoded": _pattern(r"[-%a-zA-Z0-9_.!~*'()]*", "invalid urlencoded string: {}"),
    "bridge-pair": _pattern(r"1|[-_.\w]+(?::[-_.\w]+)?", "entry '{}' contains invalid ID"),
    "storage-pair": _pattern(
        rf"1|{STORAGE}(?::{STORAGE})?", "entry '{}' contains invalid ID"
    ),
}  # fmt: skip

_BOOLEAN = {"type": "boolean", "optional": 1}
_STRING = {"type": "string", "optional": 1}
_BASE64 = {"type": "string", "pattern": "[A-Za-z0-9+/]+={0,2}", "optional": 1}
_LIMIT = {"type": "number", "minimum": 0, "optional": 1}

# Named formats that are property strings; only those that guests and tasks use.
PROPERTIES: dict[str, PropertyFormat] = {
    "pve-qm-ipconfig": {
        "ip": {"type": "string", "format": "pve-ipv4-config", "optional": 1},
        "gw": {"type": "string", "format": "ipv4", "optional": 1, "requires": "ip"},
        "ip6": {"type": "string", "format": "pve-ipv6-config", "optional": 1},
        "gw6": {"type": "string", "format": "ipv6", "optional": 1, "requires": "ip6"},
    },
    "pve-qm-boot": {
        "legacy": {
            "type": "string", "default_key": 1, "pattern": "[acdn]{1,4}", "optional": 1,
        },
        "order": _STRING,
    },
    "pve-vm-cpu-conf": {
        "cputype": {"type": "string", "default_key": 1, "optional": 1},
        "reported-model": _STRING,
        "hidden": _BOOLEAN,
        "hv-vendor-id": {"type": "string", "pattern": "[a-zA-Z0-9]{1,12}", "optional": 1},
        "flags": _STRING,
        "phys-bits": _STRING,
        "guest-phys-bits": {"type": "integer", "minimum": 32, "maximum": 64, "optional": 1},
    },
    "pve-qm-smbios1": {
        "uuid": {
            "type": "string", "optional": 1,
            "pattern": "[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}",
        },
        **dict.fromkeys(
            ("version", "serial", "manufacturer", "product", "sku", "family"), _BASE64
        ),
        "base64": _BOOLEAN,
    },
    "pve-qm-cicustom": dict.fromkeys(("meta", "network", "user", "vendor"), _STRING),
    "pve-qm-rng": {
        "source": {
            "type": "string", "enum": ["/dev/urandom", "/dev/random", "/dev/hwrng"],
            "default_key": 1,
        },
        "max_bytes": {"type": "integer", "optional": 1},
        "period": {"type": "integer", "optional": 1},
    },
    "pve-qm-watchdog": {
        "model": {
            "type": "string", "enum": ["i6300esb", "ib700"], "default_key": 1, "optional": 1,
        },
        "action": {
            "type": "string", "optional": 1,
            "enum": ["reset", "shutdown", "poweroff", "pause", "debug", "none"],
        },
    },
    "bwlimit": dict.fromkeys(("default", "restore", "migration", "clone", "move"), _LIMIT),
    "prune-backups": {
        "keep-all": _BOOLEAN,
        **{
            f"keep-{span}": {"type": "integer", "minimum": 0, "optional": 1}
            for span in ("last", "hourly", "daily", "weekly", "monthly", "yearly")
        },
    },
    "proxmox-remote": {
        "host": {"type": "string"},
        "port": {"type": "integer", "optional": 1},
        "apitoken": {"type": "string"},
        "fingerprint": {
            "type": "string", "pattern": "([A-Fa-f0-9]{2}:){31}[A-Fa-f0-9]{2}", "optional": 1,
        },
    },
}  # fmt: skip


CPU_TYPE = re.compile(
    r"host|max|(?:qemu|kvm)(?:32|64)|x86-64-v[234]|x86-64-v2-AES|486|athlon|phenom|Opteron_G[1-5]"
    r"|(?:EPYC(?:-(?:Rome|Milan|Genoa|Turin))?|pentium[23]?|core2?duo|Conroe|Penryn|Nehalem|Westmere"
    r"|SandyBridge|IvyBridge|Haswell|Broadwell|Skylake-(?:Client|Server)|Cascadelake-Server"
    r"|Cooperlake|Icelake-(?:Client|Server)|KnightsMill|Snowridge|SapphireRapids|GraniteRapids"
    r"|SierraForest|ClearwaterForest)(?:-(?:v\d|IBRS|IBPB|noTSX))*"
    r"|custom-.+"
)
"""Types of CPUs, with their versions (`PVE/QemuServer/CPUConfig.pm`); custom ones are not known."""


def unknown_cpu(properties: Mapping[str, str]) -> str | None:
    """Why a setting of a CPU is refused: its type is none that is built in."""
    kind = properties.get("cputype")
    if kind is None or CPU_TYPE.fullmatch(kind):
        return None
    return f"Built-in cputype '{kind}' is not defined (missing 'custom-' prefix?)"


def split_list(text: str) -> list[str]:
    """The items of a list that is written with commas, semicolons, blanks or NUL."""
    return [item for item in re.split(r"[,;\s\0]+", text) if item]


def refusal(name: str, text: str) -> str | None:
    """Why a named format refuses a value; formats that are not known here accept everything."""
    if name in CHECKS:
        return CHECKS[name](text)
    if name.endswith("-list") and name[:-5] in CHECKS:
        reasons = (CHECKS[name[:-5]](item) for item in split_list(text))
        return next((reason for reason in reasons if reason is not None), None)
    if name.endswith("-opt") and name[:-4] in CHECKS and text:
        return CHECKS[name[:-4]](text)
    return None
