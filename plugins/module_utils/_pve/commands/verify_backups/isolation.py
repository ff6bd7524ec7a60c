# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a restored guest harmless before its first start.

A copy of a guest must not answer to the addresses of the original, nor use what belongs to the
host: its devices, its directories, its scripts.
"""

from __future__ import annotations

import re
import typing as t

from ...api.errors import PveError
from ...guests.volumes import volume_of

_NET = re.compile(r"net\d+\Z")
_OF_THE_HOST = {
    "qemu": re.compile(
        r"(hostpci\d+|usb\d+|serial\d+|parallel\d+|virtiofs\d+|ivshmem|args|hookscript)\Z"
    ),
    "lxc": re.compile(r"(dev\d+|hookscript)\Z"),
}
_MOUNT = re.compile(r"mp\d+\Z")
REMOVED = "removed"


def isolation(config: t.Mapping[str, t.Any], kind: str, network: str) -> dict[str, t.Any]:
    """The parameters that make it so; empty if it is so already.

    ``network`` is ``removed``, or ``disconnected`` for interfaces without a link. PveError for
    settings that cannot be changed by the API.
    """
    if config.get("lxc"):
        raise PveError(
            "its configuration has raw settings (lxc.*), which may reach the host or a network and"
            " cannot be removed by the API; it is not started"
        )
    removed = [key for key, value in config.items() if _reaches_host(kind, key, str(value))]
    changes: dict[str, t.Any] = {}
    for key, value in config.items():
        if _NET.match(key):
            if network == REMOVED:
                removed.append(key)
            elif _without_link(str(value)) != str(value):
                changes[key] = _without_link(str(value))
        elif kind == "qemu" and _is_image_of_cd(str(value)):
            changes[key] = "none,media=cdrom"
    if removed:
        changes["delete"] = ",".join(sorted(removed))
    return changes


def _reaches_host(kind: str, key: str, value: str) -> bool:
    if kind == "lxc" and _MOUNT.match(key):  # a directory or device of the host, no volume
        return volume_of(value).startswith("/")
    if re.match(r"serial\d+\Z", key):
        return value != "socket"
    return _OF_THE_HOST[kind].match(key) is not None


def _without_link(value: str) -> str:
    parts = [part for part in value.split(",") if not part.startswith("link_down=")]
    return ",".join([*parts, "link_down=1"])


def _is_image_of_cd(value: str) -> bool:
    """A CD image may be missing where the guest is restored, which keeps it from starting."""
    return "media=cdrom" in value.split(",") and ":iso/" in value
