# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of tasks; ``tests/plays/test_tables.py`` shows it with the playbooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from ansible import constants
from ansible_collections.upid.proxmox.plugins.action.task_table import ActionModule
from ansible_collections.upid.proxmox.plugins.plugin_utils._table import table


def a_task(outcome: str = "ok", **more: Any) -> dict[str, Any]:
    return {
        "upid": "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:root@pam!ansible:",
        "node": "pve1",
        "user": "root@pam!ansible",
        "title": "VM 9000 - Clone",
        "outcome": outcome,
        "exitstatus": "OK" if outcome == "ok" else "no space left",
        "started": "2025-09-08T20:19:13Z",
        "duration": 42,
        "progress": 100.0 if outcome == "ok" else None,
        **more,
    }


def texts(*tasks: dict[str, Any], **more: Any) -> list[str]:
    return [line.text for line in table(tasks, **more)]


def test_a_task_is_a_line_and_the_last_one_counts_them() -> None:
    assert texts(a_task()) == [
        "started (UTC)     duration  progress  outcome  node  user              task",
        "2025-09-08 20:19      42 s     100 %  ok       pve1  root@pam!ansible  VM 9000 - Clone",
        "",
        "1 task: 1 ok",
    ]


def test_the_reason_of_a_failure_is_in_the_next_lines() -> None:
    assert texts(a_task("failed"))[2] == "    no space left"
    errors = [f"ERROR: number {number}" for number in (1, 1, 2, 3, 4, 5, 6, 7)]
    lines = texts(a_task("failed", errors=errors))
    assert lines[2:8] == [
        *(f"    ERROR: number {number}" for number in range(1, 6)),
        "    ... and 2 more in its log",
    ]


def test_the_upid_is_shown_whole() -> None:
    task = a_task(upid=f"UPID:pve1:000934AF:0D015579:68BF3A41:download:{'x' * 200}:root@pam:")
    assert texts(task, show=["upid"])[2] == f"    {task['upid']}"


def test_no_tasks_and_more_tasks_are_said() -> None:
    assert texts() == ["There are no such tasks."]
    assert texts(a_task(), more=1200)[-1] == "1200 more match that are not shown"


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_longer_than_the_table_is_wide(width: int) -> None:
    long = {
        "node": "a-node-with-a-very-long-name",
        "user": "somebody@a-realm-with-a-long-name!a-token-with-a-long-name",
        "title": "File a-very-long-name-of-an-image-that-was-downloaded.qcow2 - Download",
        "duration": 987654,
        "errors": ["ERROR: " + "x" * 300],
    }
    tasks = [a_task("timed_out", **long), a_task("running", duration=None, progress=45.3), a_task()]
    lines = texts(*tasks, width=width)
    assert max(map(len, lines)) <= width
    assert " 11 d 10 h         -  timed out  a-" in lines[1]
    assert " 45 %  running " in lines[3]


def test_how_long_a_running_task_has_taken_is_shown() -> None:
    [line] = [line for line in texts(a_task("running", duration=None)) if "running  pve1" in line]
    assert " d " in line


class Shown:
    """The plugin with a display that notes what is printed."""

    def __init__(self, *, check: bool = False, **options: Any) -> None:
        task = Mock(args=options, check_mode=check, async_val=0, environment=None)
        task.action = "upid.proxmox.task_table"
        plugin = ActionModule(task, Mock(), Mock(), Mock(), Mock(), Mock())
        plugin._display = display = Mock()
        self.result = plugin.run()
        self.printed = [
            (call.args[0], call.kwargs["color"]) for call in display.display.call_args_list
        ]


def test_the_lines_have_the_colour_of_the_outcome() -> None:
    shown = Shown(tasks=[a_task(), a_task("failed"), a_task("running", duration=None)])
    assert [color for _text, color in shown.printed] == [
        None, constants.COLOR_OK, constants.COLOR_ERROR, constants.COLOR_ERROR, None, None, None,
    ]  # fmt: skip
    assert shown.result["lines"] == [text for text, _color in shown.printed]
    assert shown.result["msg"] == "3 tasks: 1 ok, 1 failed, 1 running"
    assert not shown.result["changed"]


@pytest.mark.parametrize("name", ["ansible.posix.json", "minimal", "ansible.builtin.oneline"])
def test_a_callback_for_programs_stays_clean(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", name)
    shown = Shown(tasks=[a_task()])
    assert not shown.printed
    assert len(shown.result["lines"]) == 4


def test_json_is_one_line_that_a_script_finds() -> None:
    [(line, _color)] = Shown(tasks=[a_task()], format="json", more=3).printed
    assert line.startswith('{"tasks": [')
    assert json.loads(line) == {"tasks": [a_task()], "more": 3}


def test_a_file_is_replaced_and_private_and_left_alone_if_it_is_the_same(tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    options: dict[str, Any] = {"tasks": [a_task()], "format": "json", "dest": str(file)}
    assert Shown(check=True, **options).result["changed"]
    assert not file.exists()
    assert Shown(**options).printed == [(f"1 task in {file}", None)]
    assert json.loads(file.read_text())["tasks"] == [a_task()]
    assert file.stat().st_mode & 0o777 == 0o600
    assert not Shown(**options).result["changed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": [{"node": "pve1"}]}, "tasks: one has no"),
        ({"tasks": [], "width": 20}, "width: 20 is less than 80"),
        ({"tasks": [], "dest": "/nosuch/folder/file"}, "dest: "),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, Any], message: str) -> None:
    result = Shown(**options).result
    assert result["failed"]
    assert result["msg"].startswith(message)
