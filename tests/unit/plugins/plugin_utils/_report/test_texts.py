# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from ansible_collections.upid.proxmox.plugins.plugin_utils._report.report import Report
from ansible_collections.upid.proxmox.plugins.plugin_utils._report.texts import (
    as_csv,
    as_json,
    as_markdown,
)
from ansible_collections.upid.proxmox.tests.unit.reported import (
    HOSTILE,
    NEW_YEAR,
    failed,
    running,
    task,
)


def report(*tasks: dict[str, object], **values: object) -> Report:
    return Report("Cluster", NEW_YEAR, tasks, **values)  # type: ignore[arg-type]


def test_json_has_everything() -> None:
    tasks = [running(3), failed(2, log=(HOSTILE,)), task(1)]
    read = json.loads(as_json(report(*tasks, omitted=4, unreachable={"pve2": "gone"})))
    assert read["tasks"] == tasks
    assert read["generated"] == "2026-01-01T00:00:00Z"
    assert read["unreachable_nodes"] == {"pve2": "gone"}
    assert read["omitted"] == 4
    assert read["counts"] == {"failed": 1, "running": 1, "ok": 1}
    assert read["groups"]["type"] == [
        {
            "name": "qmclone",
            "total": 3,
            "failed": 1,
            "success_percent": 50.0,
            "median_seconds": 60.0,
            "longest_seconds": 60,
        }
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", " =", "\r", "|", "%"])
def test_no_cell_of_a_csv_is_a_formula(start: str) -> None:
    text = as_csv(report(failed(1, f'{start}HYPERLINK("x")'))).decode()
    [head, row] = csv.reader(io.StringIO(text, newline=""))
    assert row[head.index("exitstatus")] == f'\'{start}HYPERLINK("x")'


def test_csv_has_a_line_for_each_task() -> None:
    text = as_csv(report(running(2), failed(1, 'a "quoted"\nline, and more'))).decode()
    [head, first, second] = csv.reader(io.StringIO(text, newline=""))
    assert first[head.index("ended")] == ""
    assert second[head.index("exitstatus")] == 'a "quoted"\nline, and more'
    assert second[head.index("upid")] == failed(1)["upid"]
    assert second[head.index("duration")] == "60"


def test_markdown_says_what_is_missing_and_what_failed() -> None:
    text = as_markdown(
        report(failed(1, log=("first", "```")), task(2), omitted=3, unreachable={"pve2": "gone"})
    ).decode()
    assert "2 tasks as of 2026-01-01T00:00:00Z: 1 failed, 1 ok." in text
    assert "**Incomplete:** Node pve2 could not be read: gone." in text
    assert "**Incomplete:** 3 older tasks are left out." in text
    assert "    first\n    ```" in text
    assert "| qmclone | 2 | 1 | 50.0 % | 60 s | 60 s |" in text


def test_nothing_in_a_task_is_markdown() -> None:
    text = as_markdown(report(failed(1, "[x](http://x) | <b> `c` **d**", log=("# e",)))).decode()
    assert r"\[x\](http\://x) \| \<b\> \`c\` \*\*d\*\*" in text
    assert re.search(r"^# e", text, re.MULTILINE) is None


def test_an_empty_report_says_so() -> None:
    assert "0 tasks as of 2026-01-01T00:00:00Z: none." in as_markdown(report()).decode()
    assert json.loads(as_json(report()))["tasks"] == []
    assert as_csv(report()).count(b"\n") == 1
