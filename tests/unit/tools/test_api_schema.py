# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api import schema
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.catalog import OPERATIONS
from ansible_collections.upid.proxmox.tests.tools import api_schema as tool

LARGEST = 200_000


def test_the_schema_of_the_core_is_that_of_the_api() -> None:
    """Run tests/tools/api_schema.py after a change of the schema or of the tool."""
    assert tool.TARGET.read_text() == tool.build()


def test_every_operation_of_the_catalogue_can_be_checked() -> None:
    calls = [call for operation in OPERATIONS.values() for call in operation.calls.values()]
    assert {f"{call.method} {call.path}" for call in calls} <= set(schema.CALLS)


def test_the_schema_of_the_core_is_small() -> None:
    assert tool.TARGET.stat().st_size < LARGEST


def test_nothing_is_lost_but_what_is_lost_on_purpose() -> None:
    """Every parameter of the API has its fields, whatever name its definition is kept by."""
    for call, parameters in tool.every_call().items():
        if call not in schema.CALLS:
            continue
        kept = schema.parameters(*call.split(" ", 1))
        assert set(kept) == set(parameters)
        for name, definition in parameters.items():
            for field in ("type", "optional", "enum", "minimum", "maximum", "requires"):
                implied = tool.IMPLIED.get(field)
                assert kept[name].get(field, implied) == definition.get(field, implied)
            if isinstance(definition.get("format"), dict):
                assert list(schema.FORMATS[kept[name]["format"]]) == sorted(definition["format"])


def test_no_definition_is_kept_twice() -> None:
    for table in (schema.FORMATS, schema.PARAMETERS):
        kept = [
            (name.split("#")[0], json.dumps(one, sort_keys=True)) for name, one in table.items()
        ]
        assert len(set(kept)) == len(kept)
