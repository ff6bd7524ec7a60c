# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OS templates that a node can fetch, as `/nodes/{node}/aplinfo` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

BASE = "http://download.proxmox.com/images/system"
TEMPLATES: Mapping[str, str] = MappingProxyType(
    {
        "alpine-3.22-default_20250617_amd64.tar.xz": "LXC default image for alpine 3.22",
        "debian-12-standard_12.7-1_amd64.tar.zst": "Debian 12 Bookworm (standard)",
        "debian-13-standard_13.1-2_amd64.tar.zst": "Debian 13 Trixie (standard)",
        "ubuntu-24.04-standard_24.04-2_amd64.tar.zst": "Ubuntu 24.04 Noble (standard)",
    }
)
"""Headlines by template."""


def entry(template: str) -> dict[str, Any]:
    """One entry of the list; the name says most of it."""
    package, version, architecture = template.partition(".tar")[0].split("_")
    return {
        "template": template,
        "headline": TEMPLATES[template],
        "description": TEMPLATES[template],
        "package": package,
        "os": package.rpartition("-")[0],
        "version": version,
        "architecture": architecture,
        "section": "system",
        "type": "lxc",
        "source": BASE,
        "location": f"{BASE}/{template}",
        "infopage": "https://pve.proxmox.com/wiki/Linux_Container",
    }
