# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys a world file may have, and the words for one that it may not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


class WorldFileError(Exception):
    """The world file is invalid."""


@dataclass(frozen=True)
class Each:
    """A map with names of the user's own, or a list: what each entry may have."""

    entry: Mapping[str, Any]


ANYTHING: Mapping[str, Any] = {}
"""For what is not checked: options of Proxmox VE's own, or a single value."""


def _plain(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, ANYTHING)


VOLUME = _plain(
    "name", "size", "disk_size", "content", "format", "vmid", "nodes", "ago", "parent", "used",
    "config",
    "notes", "protected", "ostype",
)  # fmt: skip
WORLD: Mapping[str, Any] = {
    **_plain("cluster", "options", "durations", "start_failures", "realms", "mappings"),
    **_plain("acme_accounts", "acme_plugins", "ha_disarmed"),
    "programs": Each(_plain("exitcode", "out", "err", "seconds", "guests")),
    "sdn": {
        **_plain("zones", "vnets", "subnets"),
        "running": _plain("zones", "vnets", "subnets"),
    },
    "nodes": Each(
        _plain(
            "address", "maxcpu", "maxmem", "maxdisk", "uptime", "bridges", "acme", "updates",
            "pveam", "state", "member", "pvedaemon", "config", "clock_offset", "system",
            "disks", "network", "new_network", "dns", "directories", "volume_groups", "zpools",
        )
    ),
    "storages": Each(
        {
            **_plain("type", "content", "shared", "nodes", "disable", "total", "alloc_seconds"),
            **_plain("options", "complete"),
            "volumes": Each(VOLUME),
        }
    ),
    "guests": Each(
        {
            **_plain("type", "node", "status", "up", "config", "pending", "paused"),
            "snapshots": Each(_plain("ago", "parent", "description", "config", "vmstate")),
        }
    ),
    "pools": Each(_plain("comment", "members", "storages")),
    "users": Each(
        {
            **_plain("password", "enabled", "totp", "expire", "groups"),
            **_plain("firstname", "lastname", "email", "comment", "keys"),
            "tokens": Each(_plain("secret", "privsep", "expire", "comment")),
        }
    ),
    "groups": Each(_plain("comment")),
    "roles": ANYTHING,
    "acl": Each(_plain("path", "authid", "role", "propagate")),
    "tasks": Each(
        _plain(
            "node", "type", "id", "user", "ago", "seconds", "exitstatus", "target", "log", "count",
            "every", "upid",
        )
    ),
    "ha": ANYTHING,
    "ha_rules": ANYTHING,
    "backup_jobs": ANYTHING,
    "ceph": {
        **_plain("version", "flags"),
        **dict.fromkeys(("mons", "mgrs", "mdss"), Each(_plain("node", "up"))),
        "osds": Each(_plain("node", "device", "class", "in", "up")),
        "pools": Each(
            _plain(
                "id", "size", "min_size", "pg_num", "pg_num_min", "pg_autoscale_mode",
                "application", "crush_rule", "target_size", "target_size_ratio",
            )
        ),
        "filesystems": Each(_plain("metadata_pool", "data_pool")),
    },
    "firewalls": Each(_plain("options", "rules", "aliases", "ipsets", "groups")),
}  # fmt: skip


def check_keys(data: Any) -> None:
    """Refuse a world with a key that nobody reads; the error names it and the nearest known one.

    Keys that begin with `x-` are for YAML anchors.
    """
    _check({key: part for key, part in data.items() if not str(key).startswith("x-")}, WORLD, ())


def _check(data: Any, known: Mapping[str, Any], path: tuple[str, ...]) -> None:
    if not known or data is None:
        return
    where = ".".join(path)
    if not isinstance(data, Mapping):
        raise WorldFileError(f"{where}: {data!r} is no mapping")
    for key, value in data.items():
        if key not in known:
            raise WorldFileError(_unknown(str(key), known, where))
        below = known[key]
        if not isinstance(below, Each):
            _check(value, below, (*path, key))
            continue
        for name, entry in _entries(value, (*path, key)):
            _check(entry, below.entry, (*path, key, name))


def _entries(value: Any, path: tuple[str, ...]) -> Iterable[tuple[str, Any]]:
    if value is None:
        return ()
    if isinstance(value, Mapping):
        return [(str(name), entry) for name, entry in value.items()]
    if isinstance(value, list | tuple):
        return [(str(number), entry) for number, entry in enumerate(value)]
    raise WorldFileError(f"{'.'.join(path)}: {value!r} is neither a mapping nor a list")


def _unknown(key: str, known: Iterable[str], where: str) -> str:
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
    return f"{where}{': ' if where else ''}unknown key {key!r}, {hint}"
