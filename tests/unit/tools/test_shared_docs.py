# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.upid.proxmox.tests.tools import shared_docs
from ansible_collections.upid.proxmox.tests.tools.shared_docs import FILES, OWN, renewed

MODULE = '''
DOCUMENTATION = r"""
options:
  name:
    description:
      - The name, which is so long that its line has to break at another place when it moves.
      - At the top level mutually exclusive with O(guests).
    type: str
    required: true
  guests:
    description:
      - The guests.
    type: list
    suboptions:
      name:
        description:
          - Another name.
        type: str
      alone:
        type: int
"""

RETURN = r"""
tasks:
  description: The tasks.
  contains:
    id:
      description: Something else.
      sample: "9000"
    extra:
      type: int
"""
'''


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_module_has_what_is_shared(file: Path) -> None:
    """Run tests/tools/shared_docs.py after a change of what is shared."""
    assert renewed(file) == file.read_text()


@pytest.fixture
def module(tmp_path: Path) -> dict[str, Any]:
    """The blocks of a module after it was renewed."""
    file = tmp_path / "some_module.py"
    file.write_text(MODULE)
    blocks: dict[str, Any] = {}
    exec(renewed(file), blocks)
    return {name: yaml.safe_load(blocks[name]) for name in ("DOCUMENTATION", "RETURN")}


def test_a_suboption_is_the_option_without_what_holds_at_the_top(module: dict[str, Any]) -> None:
    options = module["DOCUMENTATION"]["options"]
    suboptions = options["guests"]["suboptions"]
    first, _exclusive = options["name"]["description"]
    assert suboptions["name"] == {"description": [first], "type": "str"}
    assert suboptions["alone"] == {"type": "int"}


def test_a_return_value_keeps_its_sample(module: dict[str, Any]) -> None:
    task = module["RETURN"]["tasks"]["contains"]
    assert task["id"]["description"].startswith("What the task works on")
    assert task["id"]["sample"] == "9000"
    assert task["extra"] == {"type": "int"}


def test_what_stands_in_three_modules_is_shared() -> None:
    where = defaultdict(set)
    for file in FILES:
        folder = f"ansible_collections.upid.proxmox.plugins.{file.parent.name}"
        returns = yaml.safe_load(importlib.import_module(f"{folder}.{file.stem}").RETURN)
        for name, description in described(returns):
            where[name, str(description)].add(file.stem)
    shared = {
        (name, str(yaml.safe_load("\n".join(lines))[name]["description"]))
        for section in shared_docs.sections().values()
        for name, lines in section.items()
    }
    assert {entry for entry, files in where.items() if len(files) >= 3} <= shared


def test_only_what_is_there_has_words_of_its_own() -> None:
    texts = {file.stem: file.read_text() for file in FILES}
    assert all(
        f"{path.split('.')[1]}:" in texts[name] for name, paths in OWN.items() for path in paths
    )


def described(returns: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values that hold no others, with their descriptions."""
    for name, value in returns.items():
        if "contains" in value:
            yield from described(value["contains"])
        else:
            yield name, value.get("description")
