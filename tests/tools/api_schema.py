# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes ``schema_text.py`` of the core from the schema of the API, when it is run.

The core needs the parameters of the calls that it makes: to refuse what the server would refuse
before anything is started, and to know what makes two property strings the same.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import (
    OPERATIONS,
)

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/simulator"))

from pvesim.formats import PROPERTIES
from pvesim.schema import INDEX_LIMITS, SCHEMA_FILE

TARGET = ROOT / "plugins/module_utils/_pve/api/schema_text.py"
SCHEMA = json.loads(SCHEMA_FILE.read_text())
# The changes of a configuration without a task.
WITHOUT_TASK = {
    "PUT /nodes/{node}/qemu/{vmid}/config",
    "PUT /nodes/{node}/lxc/{vmid}/config",
}
# The default; null in the schema means none.
IMPLIED: Mapping[str, Any] = {"type": "string", "optional": 0}
ANYTHING = {"*": {"optional": 1}}
"""The schema only names this format, and only some of its keys are known."""
_SWITCH = {"type": "boolean", "optional": 1}
_COUNT = {"type": "integer", "minimum": 0, "optional": 1}
# The formats that the schema only names: PVE::QemuServer::PCI, PVE::QemuServer::CPUConfig and
# PVE::JSONSchema.
NAMED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    **PROPERTIES,
    "pve-vm-cpu-conf": {
        **PROPERTIES["pve-vm-cpu-conf"],
        "hidden": {**_SWITCH, "default": 0},
    },
    "pve-qm-hostpci": {
        "host": {"default_key": 1, "optional": 1},
        "rombar": {**_SWITCH, "default": 1},
        "pcie": {**_SWITCH, "default": 0},
        "x-vga": {**_SWITCH, "default": 0},
        "legacy-igd": {**_SWITCH, "default": 0},
        **ANYTHING,
    },
    "pve-startup-order": {"order": {**_COUNT, "default_key": 1}, "up": _COUNT, "down": _COUNT},
    "pve-qemu-sev-fmt": {"type": {"default_key": 1, "optional": 1}, **ANYTHING},
    "pve-qemu-tdx-fmt": {"type": {"default_key": 1, "optional": 1}, **ANYTHING},
}
HEADER = '''# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data of ``schema.py``, made by tests/tools/api_schema.py: not to be edited.

It is a text, because Python reads that ten times as fast as so large a dictionary, and a module
that is sent to a host is compiled there each time.
"""

from __future__ import annotations

API_VERSION = "{version}"

TEXT = r"""
{data}
"""
'''
WIDTH = 99
# `ansible-test sanity` accepts lines of 160 characters, and patterns cannot be wrapped.
LONGEST_PATTERN = 150
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
Definition = dict[str, Any]


class Shared:
    """Definitions by name, each kept once; the second one of a name is ``name#2``."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def name_of(self, name: str, definition: Any) -> str:
        """The name by which the definition is kept."""
        number, ref = 1, name
        while self.kept.setdefault(ref, definition) != definition:
            number += 1
            ref = f"{name}#{number}"
        return ref


def catalogued() -> list[str]:
    """The calls of the catalogue and the changes without a task: ``POST /nodes/{node}/qemu``."""
    calls = [call for operation in OPERATIONS.values() for call in operation.calls.values()]
    return sorted({f"{call.method} {call.path}" for call in calls} | WITHOUT_TASK)


def every_call() -> dict[str, Any]:
    """The parameters of every call of the API."""
    return {
        f"{method} {path}": facts["parameters"]
        for path, methods in SCHEMA["paths"].items()
        for method, facts in methods.items()
        if not facts.get("additional_properties")
    }


def build() -> str:
    """The text of the module."""
    version = SCHEMA["version"].split("/")[0]
    return HEADER.replace("{version}", version).replace("{data}", text_of(catalogued()))


def text_of(calls: Iterable[str]) -> str:
    """The data for these calls."""
    every = every_call()
    formats, parameters = Shared(), Shared()
    wanted = {
        call: sorted(
            parameters.name_of(name, _definition(name, definition, formats))
            for name, definition in every[call].items()
        )
        for call in calls
    }
    data = {"FORMATS": formats.kept, "PARAMETERS": parameters.kept, "CALLS": wanted}
    tables = ",\n".join(f'"{name}": {{\n{_lines(content)}\n}}' for name, content in data.items())
    return f"{{{tables}}}"


def _lines(content: Mapping[str, Any]) -> str:
    """One entry per line, long ones wrapped, but not at spaces within a text."""
    return ",\n".join(
        textwrap.fill(
            f"{json.dumps(name)}: {_TEXT.sub(_without_blanks, json.dumps(one, sort_keys=True))}",
            WIDTH,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for name, one in sorted(content.items())
    )


def _without_blanks(text: re.Match[str]) -> str:
    return text[0].replace(" ", r"\u0020")


def _definition(name: str, definition: Mapping[str, Any], formats: Shared) -> Definition:
    """The relevant part of a parameter; a property string names its format."""
    kept = _kept(definition)
    kept.pop("default", None)
    form = kept.get("format")
    keys = form if isinstance(form, dict) else NAMED.get(str(form))
    if keys is not None:
        title = name if isinstance(form, dict) else str(form)
        kept["format"] = formats.name_of(title, {key: _kept(one) for key, one in keys.items()})
    if "items" in kept:
        kept["items"] = _definition(name, kept["items"], formats)
    stem, family, _rest = name.partition("[n]")
    if family and stem in INDEX_LIMITS:
        kept["count"] = INDEX_LIMITS[stem]
    return kept


def _kept(definition: Mapping[str, Any]) -> Definition:
    return {
        field: one
        for field, one in definition.items()
        if one != IMPLIED.get(field)
        and not (field == "pattern" and len(json.dumps(one)) > LONGEST_PATTERN)
    }


if __name__ == "__main__":
    TARGET.write_text(build())
