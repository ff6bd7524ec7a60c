# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said twice is said alike: options in code and in documentation, roles, privileges."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.upid.proxmox.plugins.doc_fragments import (
    connection,
    guest_filters,
    new_guests,
    progress,
    start,
    task_filters,
    wait,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.edge.arguments import (
    CONNECTION_SPEC,
    GUEST_FILTERS_SPEC,
    NEW_GUESTS_SPEC,
    PROGRESS_SPEC,
    START_SPEC,
    TASK_FILTERS_SPEC,
    WAIT_SPEC,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.explained import (
    explained_values,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid

COLLECTION = "ansible_collections.upid.proxmox"
RETURNS_TASKS = [
    "modules.wait_task",
    "modules.task_info",
    "modules.stop_task",
    "modules.clone",
    "modules.container",
    "modules.operation",
    "lookup.task_history",
]
ROOT = next(parent for parent in Path(__file__).parents if (parent / "galaxy.yml").is_file())
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
SAID_TWICE = ("type", "elements", "default", "choices", "aliases", "required")
ONLY_WAIT = {name: option for name, option in WAIT_SPEC.items() if name not in PROGRESS_SPEC}
ONLY_START = {name: option for name, option in START_SPEC.items() if name not in WAIT_SPEC}


def options_in(documentation: str) -> dict[str, dict[str, Any]]:
    """The options of a documentation fragment."""
    options: dict[str, dict[str, Any]] = yaml.safe_load(documentation)["options"]
    return options


def said(options: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What both the code and the documentation say about each option."""
    return {
        name: {key: option[key] for key in SAID_TWICE if key in option}
        for name, option in options.items()
    }


@pytest.mark.parametrize(
    ("spec", "fragment"),
    [
        (CONNECTION_SPEC, connection),
        (ONLY_WAIT, wait),
        (PROGRESS_SPEC, progress),
        (ONLY_START, start),
        (NEW_GUESTS_SPEC, new_guests),
        (TASK_FILTERS_SPEC, task_filters),
        (GUEST_FILTERS_SPEC, guest_filters),
    ],
    ids=["connection", "wait", "progress", "start", "new_guests", "task_filters", "guest_filters"],
)
def test_a_fragment_documents_the_constant_of_its_name(
    spec: dict[str, dict[str, Any]], fragment: Any
) -> None:
    documentation = fragment.ModuleDocFragment.DOCUMENTATION
    assert said(options_in(documentation)) == said(spec)


@pytest.mark.parametrize("name", MODULES)
def test_the_documentation_of_a_module_is_yaml(name: str) -> None:
    module = importlib.import_module(f"{COLLECTION}.plugins.modules.{name}")
    documentation = yaml.safe_load(module.DOCUMENTATION)
    assert documentation["module"] == name
    # ": " in plain text makes a dictionary of it.
    for option, described in documentation["options"].items():
        lines = described["description"]
        for line in [lines] if isinstance(lines, str) else lines:
            assert isinstance(line, str), f"{option}: {line}"
    assert yaml.safe_load(module.EXAMPLES)
    assert yaml.safe_load(module.RETURN)


@pytest.mark.parametrize("name", MODULES)
def test_no_key_of_a_result_has_a_meaning_for_ansible(name: str) -> None:
    # Ansible takes a host for unreachable, or the task for skipped, if such a key is not empty.
    module = importlib.import_module(f"{COLLECTION}.plugins.modules.{name}")
    assert not {"unreachable", "skipped", "failed", "rc"} & set(yaml.safe_load(module.RETURN))


def test_starting_includes_waiting() -> None:
    assert set(WAIT_SPEC) < set(START_SPEC)


def test_plugins_read_every_connection_option_from_the_environment_and_a_variable() -> None:
    expected = {
        name: {
            "env": [{"name": option["fallback"][1][0]}],
            "vars": [{"name": f"upid_proxmox_{name}"}],
        }
        for name, option in CONNECTION_SPEC.items()
    }
    assert options_in(connection.ModuleDocFragment.PLUGINS) == expected


@pytest.mark.parametrize("name", CONNECTION_SPEC)
def test_the_documentation_of_a_connection_option_names_its_environment_variable(name: str) -> None:
    description = options_in(connection.ModuleDocFragment.DOCUMENTATION)[name]["description"]
    assert f"E({CONNECTION_SPEC[name]['fallback'][1][0]})" in " ".join(description)


@pytest.mark.parametrize("module", RETURNS_TASKS)
def test_the_documentation_names_every_part_of_a_task(module: str) -> None:
    source = importlib.import_module(f"{COLLECTION}.plugins.{module}")
    documented = yaml.safe_load(source.RETURN)
    [tasks] = [documented[key] for key in ("tasks", "_raw") if key in documented]
    upid = Upid.parse("UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:")
    values = explained_values(Task(upid)) if module == "modules.task_info" else None
    assert list(tasks["contains"]) == list(values or Task(upid).as_result())


@pytest.mark.parametrize("role", ROLES)
def test_a_role_declares_the_arguments_that_it_has_defaults_for(role: str) -> None:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
    defaults = yaml.safe_load((ROOT / "roles" / role / "defaults/main.yml").read_text())
    options = specs["argument_specs"]["main"]["options"]
    needed = {name for name, option in options.items() if option.get("required")}
    assert set(defaults or {}) == set(options) - needed


@pytest.mark.parametrize("role", ROLES)
def test_a_default_of_a_role_is_declared_with_the_same_value(role: str) -> None:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
    defaults = yaml.safe_load((ROOT / "roles" / role / "defaults/main.yml").read_text()) or {}
    declared = {
        name: option["default"]
        for name, option in specs["argument_specs"]["main"]["options"].items()
        if "default" in option
    }
    assert declared == {name: defaults[name] for name in declared}


def test_the_guide_names_the_privileges_that_the_simulated_user_has() -> None:
    guide = (ROOT / "docs/docsite/rst/guide_access.rst").read_text()
    world = yaml.safe_load((ROOT / "tests/simulator/pvesim/data/default_world.yml").read_text())
    named = re.search(r'pveum role add AnsibleTasks --privs "([^"]*)"', guide)
    assert named is not None
    assert sorted(named.group(1).split()) == sorted(world["roles"]["AnsibleTasks"])
