# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.plugin_utils._report.html import (
    as_html,
    embedded,
    plotly,
)
from ansible_collections.upid.proxmox.plugins.plugin_utils._report.report import Report
from ansible_collections.upid.proxmox.tests.unit.reported import (
    HOSTILE,
    NEW_YEAR,
    backup,
    failed,
    running,
    task,
)


class Parsed(HTMLParser):
    """The elements of a page, the contents of its scripts, and its other text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside if tag in ("b", "i") else ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data

    @property
    def data(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(self.scripts[0])
        return values


def page(*tasks: dict[str, Any], **values: Any) -> Parsed:
    return Parsed(as_html(Report(values.pop("title", "Cluster"), NEW_YEAR, tasks, **values)))


def test_the_page_has_the_tasks_in_few_characters() -> None:
    data = page(running(3), failed(2, log=("why",)), task(1)).data
    assert data["generated"] == NEW_YEAR
    assert [row[0] for row in data["tasks"]] == [
        one["upid"] for one in (running(3), failed(2), task(1))
    ]
    assert [data["outcomes"][row[1]] for row in data["tasks"]] == ["running", "failed", "ok"]
    assert [row[3] for row in data["tasks"]] == [-1, 60, 60]
    assert data["statuses"] == ["job errors", "OK"]
    assert data["titles"] == ["VM 100 - Clone"]
    assert data["logs"] == {"1": ["why"]}


@pytest.mark.parametrize(
    "hostile", [HOSTILE, "<!--<script>", "]]>", "\u2028\u2029\ud800", "\\u003c"]
)
def test_nothing_in_a_task_ends_the_data_or_begins_an_element(hostile: str) -> None:
    usual = page(failed(1, log=("x",)), unreachable={"pve2": "x"}, notes=["x"], title="x")
    parsed = page(
        failed(1, hostile, log=(hostile,)),
        unreachable={"pve2": hostile.encode("utf-8", "replace").decode()},
        notes=["{{ 7 * 6 }} <b>"],
        title="<i>{{ 7 * 6 }}</i>",
        filters={},
    )
    assert [tag for tag, _attributes in parsed.tags] == [tag for tag, _attributes in usual.tags]
    assert parsed.data["logs"]["0"] == [hostile]
    assert "<i>{{ 7 * 6 }}</i>" in parsed.text
    assert "{{ 7 * 6 }} <b>" in parsed.text


def test_the_guests_of_a_backup_job_are_there() -> None:
    job = {**failed(1, kind="vzdump", vmid=""), "guests": [backup(102, "failed", HOSTILE)]}
    assert page(task(2), job).data["guests"] == {"1": [[102, "failed", 42, HOSTILE]]}


def test_filters_are_said_and_escaped() -> None:
    parsed = page(filters={"type": ["vzdump", "<b>"], "vmid": 100, "since": "7d"})
    assert "Only tasks with type: vzdump, <b>; vmid: 100; since: 7d." in parsed.text


def test_gaps_are_said() -> None:
    parsed = page(task(), omitted=3, unreachable={"pve2": "gone"}, notes=["More."])
    assert "This report is incomplete" in parsed.text
    assert "Node pve2 could not be read: gone." in parsed.text
    assert "3 older tasks are left out." in parsed.text
    assert "This report is incomplete" not in page(task()).text


def test_only_the_scripts_of_the_page_may_run_and_nothing_is_loaded() -> None:
    parsed = page(failed(1, HOSTILE))
    [policy] = [
        str(attributes["content"])
        for _tag, attributes in parsed.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    hashes = {
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in parsed.scripts[1:]
    }
    assert allowed == hashes
    assert len(parsed.scripts) == 3
    for tag, attributes in parsed.tags:
        assert "src" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "link" or attributes["href"] == "data:,"


def test_the_library_can_stand_in_a_script_element() -> None:
    assert "</script" not in plotly().lower()


def test_a_line_of_megabytes_is_cut() -> None:
    data = page(failed(1, "y" * 10**6, log=("x" * 10**6,))).data
    assert data["logs"]["0"] == ["x" * 2000 + "... (998000 more characters)"]
    assert data["statuses"] == ["y" * 500 + "... (999500 more characters)"]


def test_all_logs_together_are_bounded() -> None:
    tasks = [failed(number, log=("x" * 2000,) * 50) for number in range(60)]
    data = page(*tasks).data
    assert len(json.dumps(data)) < 5_000_000
    assert data["logs"]["0"][0] == "x" * 2000
    assert data["logs"]["59"] == ["The log is left out: the report is too large."]


def test_the_same_report_is_the_same_file() -> None:
    report = Report("Cluster", NEW_YEAR, [failed(1, log=("x",)), task(2)])
    assert as_html(report) == as_html(report)


def test_embedded_values_are_the_same_after_parsing() -> None:
    values = {"<>&": [HOSTILE, "\u2028", None, 1.5]}
    assert json.loads(embedded(values)) == values
    assert not set("<>&\u2028") & set(embedded(values))
