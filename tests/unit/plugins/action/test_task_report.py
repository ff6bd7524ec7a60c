# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.upid.proxmox.plugins.action import task_report
from ansible_collections.upid.proxmox.plugins.module_utils._pve.edge.arguments import (
    TASK_FILTERS_SPEC,
)
from ansible_collections.upid.proxmox.plugins.modules import task_report as documented
from ansible_collections.upid.proxmox.plugins.plugin_utils._report import html
from ansible_collections.upid.proxmox.tests.unit.reported import failed, running, task

Run = Callable[..., dict[str, Any]]
NOW = int(time.time())


class Cluster:
    """Answers task_info; ``asked`` are the options that it was given."""

    def __init__(self) -> None:
        self.tasks: list[dict[str, Any]] = []
        self.unreachable: dict[str, str] = {}
        self.problem: str | None = None
        self.asked: list[dict[str, Any]] = []

    def __call__(self, **call: Any) -> dict[str, Any]:
        assert call["module_name"] == "upid.proxmox.task_info"
        self.asked.append(call["module_args"])
        if self.problem:
            return {"failed": True, "msg": self.problem}
        upids = call["module_args"].get("upids")
        tasks = [one for one in self.tasks if upids is None or one["upid"] in upids]
        return {"tasks": tasks, "unreachable_nodes": self.unreachable, "api": {"requests": 1}}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def run(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*, check: bool = False, **options: Any) -> dict[str, Any]:
        args = {"dest": str(tmp_path / "out"), "formats": ["json"], **options}
        about = SimpleNamespace(args=args, check_mode=check, async_val=0, environment=None)
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
        action = task_report.ActionModule(about, connection, None, None, None, None)
        monkeypatch.setattr(action, "_execute_module", cluster)
        return action.run(None, {})

    return call


def read(result: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(Path(result["reports"]["json"]).read_text())
    return values


def test_a_report_has_the_tasks_of_the_cluster(cluster: Cluster, run: Run) -> None:
    cluster.tasks = [running(2, started=NOW), failed(1, started=NOW - 100)]
    result = run()
    assert result["changed"]
    assert (result["total"], result["new"], result["requests"]) == (2, 2, 2)
    assert result["msg"] == "2 tasks, 1 failed, 1 running; 2 are new"
    assert read(result)["tasks"] == cluster.tasks


def test_without_new_tasks_nothing_is_written(cluster: Cluster, run: Run, tmp_path: Path) -> None:
    cluster.tasks = [task(1, started=NOW)]
    first = run(formats="json,csv,markdown")
    files = {path: path.lstat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    second = run(formats="json,csv,markdown")
    assert not second["changed"]
    assert (second["reports"], second["new"]) == (first["reports"], 0)
    assert {path: path.lstat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == files


def test_what_the_archives_dropped_is_still_reported(cluster: Cluster, run: Run) -> None:
    old, new = task(1, started=NOW - 100), task(2, started=NOW)
    cluster.tasks = [old]
    run()
    cluster.tasks = [new]
    result = run()
    assert read(result)["tasks"] == [new, old]
    assert result["new"] == 1


def test_the_filters_hold_for_what_is_remembered(cluster: Cluster, run: Run) -> None:
    cluster.tasks = [task(1, started=NOW - 100), task(2, started=NOW, kind="vzdump")]
    run()
    cluster.tasks = []
    result = run(type=["vzdump"], since="1h")
    assert [one["type"] for one in read(result)["tasks"]] == ["vzdump"]
    assert cluster.asked[-1]["type"] == ["vzdump"]
    assert "dest" not in cluster.asked[-1]
    assert read(result)["filters"] == {"type": ["vzdump"], "since": "1h"}


def test_old_tasks_are_forgotten(cluster: Cluster, run: Run) -> None:
    cluster.tasks = [task(1, started=NOW - 2 * 86400), task(2, started=NOW)]
    result = run(retention_days=1)
    assert read(result)["tasks"] == [cluster.tasks[1]]
    assert Path(result["history"]).read_text().count("\n") == 1


def test_a_limit_is_said(cluster: Cluster, run: Run) -> None:
    cluster.tasks = [task(number, started=NOW - number) for number in range(5)]
    result = run(limit=2)
    assert (result["total"], result["omitted"]) == (2, 3)
    assert read(result)["omitted"] == 3


def test_a_node_that_cannot_be_read_is_said(cluster: Cluster, run: Run) -> None:
    cluster.tasks, cluster.unreachable = [task(1, started=NOW)], {"pve2": "no route to host"}
    result = run()
    assert result["unreachable_nodes"] == {"pve2": "no route to host"}
    assert read(result)["unreachable_nodes"] == {"pve2": "no route to host"}


def test_a_cluster_that_cannot_be_read_leaves_the_report_as_it_is(
    cluster: Cluster, run: Run
) -> None:
    cluster.tasks = [task(1, started=NOW)]
    before = Path(run()["history"]).read_bytes()
    cluster.problem = "401 \x1b[31mno"
    result = run()
    assert result["failed"]
    assert result["msg"] == "401 \\x1b[31mno"
    cluster.problem = None
    assert Path(run()["history"]).read_bytes() == before


def test_a_history_that_was_cut_off_is_kept_and_said(cluster: Cluster, run: Run) -> None:
    cluster.tasks = [task(1, started=NOW - 5), task(2, started=NOW)]
    history = Path(run()["history"])
    cut = history.read_bytes()[:-30]
    history.write_bytes(cut)
    cluster.tasks = []
    result = run()
    assert result["total"] == 1
    assert history.with_name("task-history.jsonl.broken").read_bytes() == cut
    assert not run()["changed"]


def test_check_mode_writes_nothing(cluster: Cluster, run: Run, tmp_path: Path) -> None:
    cluster.tasks = [task(1, started=NOW)]
    result = run(check=True)
    assert result["changed"]
    assert result["reports"] == {}
    assert not (tmp_path / "out").exists()
    run()
    assert not run(check=True)["changed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": 0}, "keep: 0 is less than 1"),
        ({"mode": "rw"}, "mode: 'rw' is not a file mode such as 0640"),
        ({"since": "soon"}, "since: 'soon' is neither"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_read(
    cluster: Cluster, run: Run, options: dict[str, Any], message: str
) -> None:
    result = run(**options)
    assert result["failed"]
    assert result["msg"].startswith(message)
    assert cluster.asked == []


def test_a_missing_library_is_said_before_anything_is_read(
    cluster: Cluster, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    html.plotly.cache_clear()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    result = run(formats=["html", "json"])
    assert result["failed"]
    assert "pip install plotly" in result["msg"]
    assert cluster.asked == []


def test_only_the_newest_reports_stay(cluster: Cluster, run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    old = tmp_path / "out/task-report-20200101T000000Z.json"
    old.touch()
    cluster.tasks = [task(1, started=NOW)]
    assert run(keep=1)["removed"] == [str(old)]


def test_the_options_are_documented() -> None:
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    own = {
        name: option
        for name, option in task_report.ARGUMENT_SPEC.items()
        if name not in TASK_FILTERS_SPEC
    }
    for option in options.values():
        del option["description"]
    assert options == own
