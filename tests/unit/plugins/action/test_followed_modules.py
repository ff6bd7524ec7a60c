# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugins run their modules as Ansible does, beside a thread that shows the progress."""

from __future__ import annotations

import importlib
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible import constants
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible_collections.upid.proxmox.plugins.module_utils._pve.edge.progress_file import VARIABLE
from ansible_collections.upid.proxmox.plugins.plugin_utils import _following, _interrupts
from ansible_collections.upid.proxmox.plugins.plugin_utils._following import FollowedModule
from ansible_collections.upid.proxmox.plugins.plugin_utils._progress import Board
from ansible_collections.upid.proxmox.tests.unit.test_every_module_is_tested import FOLLOWED

COLLECTION = "ansible_collections.upid.proxmox.plugins"
RESULT = {"changed": True, "tasks": []}


class Stage:
    """An action whose module is a function, and what is displayed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.blocked: set[Any] = set()
        self.environment: Any = []
        self.module: Callable[[Path | None], None] = lambda _path: None
        monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(folder))
        monkeypatch.setattr(_following, "_STEP", 0.01)
        monkeypatch.setattr(_following, "quiet_callback", lambda: False)
        for module in (_following, _interrupts):
            monkeypatch.setattr(module, "Display", lambda: SimpleNamespace(display=self._display))
        monkeypatch.setattr(_following, "Screen", lambda *args, **more: Eager(self, *args, **more))
        stage = self

        def run(action: Any, _tmp: Any = None, _vars: Any = None) -> dict[str, Any]:
            stage.environment = action._task.environment
            paths = [one[VARIABLE] for one in stage.environment or () if VARIABLE in one]
            stage.module(Path(paths[0]) if paths else None)
            return dict(RESULT)

        monkeypatch.setattr(NormalAction, "run", run)

    def _display(self, text: str, **_options: Any) -> None:
        self.blocked = set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        self.said.append(text)

    def action(self, *, transport: str = "local", **task: Any) -> Any:
        given: dict[str, Any] = {
            "args": {},
            "action": "upid.proxmox.clone",
            "check_mode": False,
            "async_val": 0,
            "no_log": False,
            "environment": None,
        }
        connection = SimpleNamespace(transport=transport)
        task_of = SimpleNamespace(**{**given, **task})
        return FollowedModule(task_of, connection, None, None, None, None)

    def files(self) -> list[Path]:
        return list(self.folder.glob("upid-progress-*"))

    def until_said(self, count: int = 1) -> None:
        until = time.monotonic() + 5
        while len(self.said) < count and time.monotonic() < until:
            time.sleep(0.01)


class Eager:
    """A screen that says at once how much is done."""

    def __init__(self, _stage: Stage, *_args: Any, counts_only: bool, **_more: Any) -> None:
        self.board = Board()
        self.counts_only = counts_only
        self.before: Any = None

    def lines(self, _now: float) -> list[Any]:
        counts = self.board.counts()
        if counts == self.before or not self.board.works:
            return []
        self.before = counts
        return [SimpleNamespace(text=f"{counts} {self.counts_only}", tone="")]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


def queue(path: Path | None) -> None:
    assert path is not None
    with path.open("a") as file:
        file.write(json.dumps({"event": "queued", "work": 0, "title": "VM 201"}) + "\n")


def test_what_the_module_writes_is_shown(stage: Stage) -> None:
    def module(path: Path | None) -> None:
        assert path is not None
        assert path.stat().st_mode & 0o777 == 0o600
        queue(path)
        stage.until_said()

    stage.module = module
    action = stage.action(environment=[{"A": "b"}])
    assert action.run(None, {"inventory_hostname": "here"}) == RESULT
    assert stage.said == ["(1, 0, 0, 0) False"]
    assert stage.environment[0] == {"A": "b"}
    assert action._task.environment == [{"A": "b"}]
    assert stage.files() == []


def test_signals_are_for_the_thread_that_waits_for_the_module(stage: Stage) -> None:
    masks: list[set[Any]] = []

    def module(path: Path | None) -> None:
        masks.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
        queue(path)
        stage.until_said()

    stage.module = module
    stage.action().run(None, {})
    assert signal.SIGINT not in masks[0]
    assert {signal.SIGINT, signal.SIGTERM} <= stage.blocked


def test_hidden_tasks_are_marked(stage: Stage) -> None:
    def module(path: Path | None) -> None:
        assert path is not None
        assert json.loads(path.read_text()) == {"event": "call", "hidden": True}
        queue(path)
        stage.until_said()

    stage.module = module
    stage.action(no_log=True).run(None, {})
    assert stage.said == ["(1, 0, 0, 0) True"]


@pytest.mark.parametrize(
    "task",
    [
        {"args": {"progress": "off"}},
        {"args": {"progress": False}},
        {"check_mode": True},
        {"async_val": 60},
        {"transport": "ssh"},
    ],
)
def test_other_modules_get_no_file(stage: Stage, task: dict[str, Any]) -> None:
    assert stage.action(**task).run(None, {}) == RESULT
    assert not stage.environment
    assert stage.files() == []


def test_a_quiet_callback_is_left_alone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_following, "quiet_callback", lambda: True)
    stage.action().run(None, {})
    assert not stage.environment
    stage.action(args={"progress": "on"}).run(None, {})
    assert stage.environment


def test_without_a_folder_the_module_runs_all_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(stage.folder / "missing"))
    assert stage.action().run(None, {}) == RESULT
    assert not stage.environment


def test_a_file_that_vanishes_hurts_nothing(stage: Stage) -> None:
    def module(path: Path | None) -> None:
        assert path is not None
        path.unlink()

    stage.module = module
    assert stage.action().run(None, {}) == RESULT


def test_a_failure_removes_the_file(stage: Stage) -> None:
    def module(_path: Path | None) -> None:
        raise RuntimeError

    stage.module = module
    with pytest.raises(RuntimeError):
        stage.action().run(None, {})
    assert stage.files() == []


def test_an_interrupt_keeps_it_and_the_end_of_ansible_says_what_is_left(stage: Stage) -> None:
    def module(path: Path | None) -> None:
        queue(path)
        assert path is not None
        with path.open("a") as file:
            started = {"event": "started", "work": 0, "title": "VM 201", "upid": "UPID:a"}
            file.write(json.dumps(started) + '\n{"event": "closed"}\n{"broken')
        raise KeyboardInterrupt

    stage.module = module
    with pytest.raises(KeyboardInterrupt):
        stage.action().run(None, {})
    assert len(stage.files()) == 1
    stage.said.clear()
    _interrupts._say_what_is_left()
    assert stage.said[0] == "Interrupted. 1 task still running:"
    assert stage.said[1] == "  UPID:a  VM 201"


@pytest.mark.parametrize("name", [name for _face, name in FOLLOWED])
def test_every_action_is_that_of_a_module_with_the_option(name: str) -> None:
    action = importlib.import_module(f"{COLLECTION}.action.{name}")
    module = importlib.import_module(f"{COLLECTION}.modules.{name}")
    assert action.ActionModule.__bases__ == (FollowedModule,)
    assert "run" not in vars(action.ActionModule)
    fragments = yaml.safe_load(module.DOCUMENTATION)["extends_documentation_fragment"]
    assert "upid.proxmox.progress" in fragments
