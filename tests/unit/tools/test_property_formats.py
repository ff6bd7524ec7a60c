# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
from types import ModuleType

from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests import property_formats
from ansible_collections.upid.proxmox.tests.tools import property_formats as tool


def built() -> ModuleType:
    """The module as the tool would write it now."""
    spec = importlib.util.spec_from_loader("built", loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    exec(tool.build(), module.__dict__)
    return module


def test_the_formats_are_those_of_the_schema() -> None:
    """Run tests/tools/property_formats.py after a change of the schema or of the tool."""
    assert built().FORMATS == property_formats.FORMATS
    assert built().API_VERSION == property_formats.API_VERSION
