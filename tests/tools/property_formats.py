# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes ``property_formats.py`` of the core from the API schema, when it is run; then format it.

The core needs of the schema what makes two property strings the same: which key a bare value
belongs to, which keys are other names of one, which are switches, what a key is when it is left
out, and what the server fills in by itself.
"""

from __future__ import annotations

import json
import pprint
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "tests/simulator/pvesim/data/api-schema.json"
TARGET = ROOT / "plugins/module_utils/_pve/guests/property_formats.py"
GUEST_TYPES = ("qemu", "lxc")
# The formats that the schema only names, from PVE::QemuServer (CPUConfig, PCI, Drive, Cloudinit,
# RNG), PVE::QemuServer and PVE::JSONSchema.
NAMED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "pve-vm-cpu-conf": {"cputype": {"default_key": 1}, "hidden": {"type": "boolean", "default": 0}},
    "pve-qm-hostpci": {
        "host": {"default_key": 1},
        "rombar": {"type": "boolean", "default": 1},
        "pcie": {"type": "boolean", "default": 0},
        "x-vga": {"type": "boolean", "default": 0},
        "legacy-igd": {"type": "boolean", "default": 0},
    },
    "pve-qm-ipconfig": {},
    "pve-qm-cicustom": {},
    "pve-startup-order": {"order": {"default_key": 1}},
    "pve-qm-boot": {"legacy": {"default_key": 1}},
    "pve-qm-rng": {"source": {"default_key": 1}},
    "pve-qm-watchdog": {"model": {"default_key": 1}},
    "pve-qm-smbios1": {"uuid": {"filled": True}, "base64": {"type": "boolean"}},
    "pve-qemu-sev-fmt": {"type": {"default_key": 1}},
    "pve-qemu-tdx-fmt": {"type": {"default_key": 1}},
}
# The volume is made once and for all with these properties: what a later wish leaves out stays.
OF_THE_VOLUME = ("efidisk0", "tpmstate0")
# Formats of values that the server fills in where a wish leaves them out, and then keeps.
FILLED = ("mac-addr", "disk-size")
HEADER = '''# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The property strings of guests, made by tests/tools/property_formats.py: not to be edited.

By type of guest and option: ``default`` is the key of a bare value, ``aliases`` maps another name
of a key to it, ``models`` are the keys whose name is the value of another key, ``switches`` are on
or off, ``left_out`` is what a key is when nothing is said, ``filled`` are keys that the server
fills in by itself, and ``volume`` is the key of a volume.
"""

from __future__ import annotations

'''


def build() -> str:
    """The text of the module."""
    schema = json.loads(SCHEMA.read_text())
    formats = {guest_type: _of(guest_type, schema["paths"]) for guest_type in GUEST_TYPES}
    body = pprint.pformat(formats, width=96, sort_dicts=True)
    return (
        f'{HEADER}API_VERSION = "{schema["version"].split("/")[0]}"\n\n'
        f"FORMATS: dict[str, dict[str, dict[str, object]]] = {body}\n"
    )


def _of(guest_type: str, paths: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    parameters = paths[f"/nodes/{{node}}/{guest_type}/{{vmid}}/config"]["PUT"]["parameters"]
    found = {}
    for name, option in parameters.items():
        form = option.get("format")
        keys = form if isinstance(form, dict) else NAMED.get(str(form))
        if keys is not None:
            found[name] = _compact(keys)
        if name in OF_THE_VOLUME:
            found[name]["filled"] = sorted(set(keys or ()) - {"file", "volume"})
    return found


def _compact(keys: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    plain = {name: key for name, key in keys.items() if "alias" not in key}
    volume = [
        name
        for name, key in plain.items()
        if key.get("default_key") and (name == "volume" or "volume" in str(key.get("format")))
    ]
    compact = {
        "default": next((name for name, key in plain.items() if key.get("default_key")), None),
        "aliases": {
            name: key["alias"]
            for name, key in keys.items()
            if "alias" in key and "keyAlias" not in key
        },
        "models": {
            name: (key["keyAlias"], key["alias"]) for name, key in keys.items() if "keyAlias" in key
        },
        "switches": sorted(name for name, key in plain.items() if key.get("type") == "boolean"),
        "left_out": {
            name: str(key["default"])
            for name, key in plain.items()
            if key.get("default") is not None and not key.get("default_key")
        },
        "filled": sorted(
            name
            for name, key in plain.items()
            if key.get("filled")
            or key.get("format") in FILLED
            or (len(key.get("enum", ())) == 1 and key["enum"] == ["veth"])
        ),
        "volume": volume[0] if volume else None,
    }
    return {name: value for name, value in compact.items() if value}


if __name__ == "__main__":
    TARGET.write_text(build())
