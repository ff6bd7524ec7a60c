# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths, methods and parameters of the API, from Proxmox VE's own schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

SCHEMA_FILE = Path(__file__).parent / "data" / "api-schema.json"
PLACEHOLDER = re.compile(r"\{([^}]+)\}")
# Volumes and the networks of IP sets are where a path parameter may hold slashes
# (`fragmentDelimiter` in `PVE/API2/Storage/Content.pm` and `PVE/API2/Firewall/IPSet.pm`).
WITH_SLASHES = frozenset(
    {
        "/nodes/{node}/storage/{storage}/content/{volume}",
        "/cluster/firewall/ipset/{name}/{cidr}",
        "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}/{cidr}",
        "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}/{cidr}",
    }
)
INDEXED = re.compile(r"(?P<stem>.+?)(?P<index>0|[1-9]\d*)")
# How many of each indexed parameter there are, `PVE/QemuServer.pm` and `PVE/LXC/Config.pm`.
INDEX_LIMITS = {
    "ide": 4, "sata": 6, "scsi": 31, "virtio": 16, "virtiofs": 10, "unused": 256, "mp": 256,
    "net": 32, "ipconfig": 32, "hostpci": 16, "usb": 14, "serial": 4, "parallel": 3, "numa": 8,
    "dev": 256, "link": 8, "acmedomain": 6,
}  # fmt: skip
# The list of what there is at the top (`PVE/API2.pm`), which the schema is silent about.
ROOT = {"GET": {"parameters": {}, "allowtoken": 1, "permissions": {"user": "all"}}}


@dataclass(frozen=True)
class Method:
    """One method of one path template: its parameters and who may call it."""

    method: str
    template: str
    parameters: Mapping[str, Mapping[str, Any]]
    additional_properties: bool
    protected: bool
    allowtoken: bool
    proxyto: str | None
    permissions: Mapping[str, Any] | None

    def parameter(self, name: str) -> Mapping[str, Any] | None:
        """The schema of a parameter, `net[n]` for `net3`, None when there is none."""
        schema = self.parameters.get(name)
        if schema is None and (match := INDEXED.fullmatch(name)):
            schema = self.parameters.get(f"{match['stem']}[n]")
            if int(match["index"]) >= INDEX_LIMITS.get(match["stem"], 256):
                return None
        return schema


@dataclass(frozen=True)
class Found:
    """The method of a request, and the parameters in its path."""

    method: Method
    path_params: Mapping[str, str]


@dataclass
class _Branch:
    """A node of the tree of path components."""

    literal: dict[str, _Branch] = field(default_factory=dict)
    wild: dict[str, _Branch] = field(default_factory=dict)
    template: str | None = None


class Schema:
    """Finds the method of a request."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.version: str = document["version"]
        self._methods: dict[str, dict[str, Method]] = {}
        self._root = _Branch()
        for template, methods in {"/": ROOT, **document["paths"]}.items():
            self._methods[template] = {
                name: _method(name, template, info) for name, info in methods.items()
            }
            self._grow(template)

    @classmethod
    def load(cls) -> Schema:
        """The schema beside this file, read once."""
        return _load()

    def find(self, method: str, path: str) -> Found | None:
        """What a method on a path (after `/api2/json`, unescaped) means, None when nothing."""
        parts = [part for part in path.split("/") if part]
        match = self._walk(self._root, parts, {})
        if match is None:
            return None
        template, params = match
        found = self._methods[template].get(method)
        return None if found is None else Found(found, params)

    def children(self, template: str) -> list[str]:
        """The names of the paths right below a path."""
        branch = self._root
        for part in filter(None, template.split("/")):
            match = PLACEHOLDER.fullmatch(part)
            branch = branch.wild[match[1]] if match else branch.literal[part]
        return sorted(branch.literal)

    def every(self) -> list[Method]:
        """All methods of all paths."""
        return [method for methods in self._methods.values() for method in methods.values()]

    def _grow(self, template: str) -> None:
        branch = self._root
        for part in filter(None, template.split("/")):
            match = PLACEHOLDER.fullmatch(part)
            children, key = (branch.wild, match[1]) if match else (branch.literal, part)
            branch = children.setdefault(key, _Branch())
        branch.template = template

    def _walk(
        self, branch: _Branch, parts: list[str], params: dict[str, str]
    ) -> tuple[str, dict[str, str]] | None:
        if not parts:
            return (branch.template, params) if branch.template else None
        head, rest = parts[0], parts[1:]
        if head in branch.literal and (match := self._walk(branch.literal[head], rest, params)):
            return match
        for name, child in branch.wild.items():
            if child.template in WITH_SLASHES:
                return child.template, {**params, name: "/".join(parts)}
            if match := self._walk(child, rest, {**params, name: head}):
                return match
        return None


def _method(name: str, template: str, info: Mapping[str, Any]) -> Method:
    return Method(
        method=name,
        template=template,
        parameters=info["parameters"],
        additional_properties=bool(info.get("additional_properties", True)),
        protected=bool(info.get("protected")),
        allowtoken=bool(info["allowtoken"]),
        proxyto=info.get("proxyto"),
        permissions=info.get("permissions"),
    )


@lru_cache(maxsize=1)
def _load() -> Schema:
    return Schema(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
