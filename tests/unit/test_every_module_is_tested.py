# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing is forgotten: every module and plugin has its tests and examples that parse."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.upid.proxmox.plugins.module_utils._pve.edge import arguments

ROOT = next(parent for parent in Path(__file__).parents if (parent / "galaxy.yml").is_file())
COLLECTION = "ansible_collections.upid.proxmox"
FACES = {
    face: sorted(path.stem for path in (ROOT / "plugins" / face).glob("[!_]*.py"))
    for face in ("modules", "action", "lookup", "filter")
}
MODULES = FACES["modules"]
# The action plugins that only show the progress of their modules have a test together.
FOLLOWED = [
    ("action", name)
    for name in FACES["action"]
    if "FollowedModule" in (ROOT / f"plugins/action/{name}.py").read_text()
]
# Modules that are documentation only, because an action does everything.
ACTIONS = [
    name
    for name in FACES["action"]
    if "ARGUMENT_SPEC" not in (ROOT / f"plugins/modules/{name}.py").read_text()
]
SHARED = {*arguments.CONNECTION_SPEC, *arguments.START_SPEC, *arguments.GUEST_FILTERS_SPEC}
DOCUMENTED = [(face, name) for face in ("modules", "lookup", "filter") for name in FACES[face]]


def examples_of(face: str, name: str) -> list[dict[str, Any]]:
    """The tasks of a plugin's examples, those inside of plays included."""
    source = importlib.import_module(f"{COLLECTION}.plugins.{face}.{name}")
    entries: list[dict[str, Any]] = yaml.safe_load(source.EXAMPLES)
    return [task for entry in entries for task in entry.get("tasks", [entry])]


def test_the_modules_are_found() -> None:
    assert {"clone", "wait_task"} <= set(MODULES)


def argument_spec_of(module: str) -> dict[str, Any]:
    """The options of a module, which are in its action if that does everything."""
    source = importlib.import_module(f"{COLLECTION}.plugins.modules.{module}")
    if not hasattr(source, "ARGUMENT_SPEC"):
        source = importlib.import_module(f"{COLLECTION}.plugins.action.{module}")
    spec: dict[str, Any] = source.ARGUMENT_SPEC
    return spec


@pytest.mark.parametrize("module", [name for name in MODULES if name not in ACTIONS])
def test_every_module_has_a_unit_test_of_its_command(module: str) -> None:
    assert (ROOT / f"tests/unit/plugins/module_utils/_pve/commands/test_{module}.py").is_file()


@pytest.mark.parametrize(
    ("face", "name"),
    [
        (face, name)
        for face in FACES
        if face != "modules"
        for name in FACES[face]
        if (face, name) not in FOLLOWED
    ],
)
def test_every_other_plugin_has_a_unit_test(face: str, name: str) -> None:
    assert (ROOT / f"tests/unit/plugins/{face}/test_{name}.py").is_file()


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_an_integration_target_that_uses_it(module: str) -> None:
    # A target is run as a role, so that it must not have the name of one of the collection.
    name = f"module_{module}" if (ROOT / "roles" / module).is_dir() else module
    target = ROOT / "tests/integration/targets" / name
    assert any(f"upid.proxmox.{module}:" in path.read_text() for path in target.rglob("*.yml"))


@pytest.mark.parametrize("name", [*FACES["filter"], *FACES["lookup"]])
def test_every_filter_and_lookup_is_used_by_an_integration_target(name: str) -> None:
    targets = (ROOT / "tests/integration/targets").rglob("*.yml")
    assert any(f"upid.proxmox.{name}" in path.read_text() for path in targets)


@pytest.mark.parametrize(("face", "name"), DOCUMENTED)
def test_every_example_is_a_named_task_that_shows_the_plugin(face: str, name: str) -> None:
    tasks = examples_of(face, name)
    assert all(task["name"][0].isupper() for task in tasks)
    assert f"upid.proxmox.{name}" in yaml.safe_dump(tasks)


@pytest.mark.parametrize("module", MODULES)
def test_an_example_gives_only_options_that_the_module_has(module: str) -> None:
    own = argument_spec_of(module)
    known = {*own, *(alias for option in own.values() for alias in option.get("aliases", ()))}
    for task in examples_of("modules", module):
        given = task.get(f"upid.proxmox.{module}") or {}
        assert set(given) <= known | SHARED, task["name"]


@pytest.mark.parametrize("module", [name for name in MODULES if name != "task_table"])
def test_the_action_group_has_every_module_that_asks_a_server(module: str) -> None:
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())
    assert module in runtime["action_groups"]["proxmox"]
