# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks that show tasks: no line is too long, and colours only where Ansible has some."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from ansible_collections.upid.proxmox.tests.plays.releases import Ansible, Run

pytestmark = pytest.mark.timeout(240)

WIDTH = 100


def show(ansible: Ansible, *extra: str, playbook: str = "history", **environment: str) -> Run:
    arguments = [argument for one in extra for argument in ("-e", one)]
    return ansible.run("ansible-playbook", f"upid.proxmox.{playbook}", *arguments, **environment)


def table_in(run: Run) -> list[str]:
    """The lines of the table, between the name of its task and how that ended."""
    lines = run.output.splitlines()
    start = next(number for number, line in enumerate(lines) if "TASK [Show the tasks]" in line)
    ends = re.compile(r"(\x1b\[\S+)?(ok|changed): ")
    end = next(n for n, line in enumerate(lines[start:], start) if ends.match(line))
    return lines[start + 1 : end]


@pytest.fixture
def upids(edge_ansible: Ansible) -> list[str]:
    """The tasks of the cluster: a clone, one that failed, and a backup job with an error."""
    cluster = edge_ansible.cluster
    started: list[str] = []

    def start(path: str, **data: object) -> None:
        upid = str(cluster.post(path, **data))
        while cluster.get(f"/nodes/pve1/tasks/{upid}/status")["status"] == "running":
            time.sleep(0.1)
        started.append(upid)

    start("/nodes/pve1/qemu/9000/clone", newid=701)
    fault = {"action": "task", "type": "qmclone", "exitstatus": "clone failed: no space left"}
    cluster.admin("POST", "faults", fault)
    start("/nodes/pve1/qemu/9000/clone", newid=702)
    start("/nodes/pve1/vzdump", vmid="100,9100,7777", storage="local")
    return started


def test_the_history_fits_the_terminal_and_says_why_tasks_failed(
    edge_ansible: Ansible, upids: list[str]
) -> None:
    run = show(edge_ansible, "history_since=1h")
    lines = table_in(run)
    assert run.ok, run.output
    assert max(map(len, lines)) <= WIDTH
    assert [line.split()[0] for line in lines[:2]] == ["started", lines[1][:10]]
    assert "    ERROR: Backup of VM 7777 failed - unable to find VM '7777'" in lines
    assert "    clone failed: no space left" in lines
    assert lines[-1] == "3 tasks: 2 failed, 1 ok"
    assert "\x1b" not in run.output
    assert not any(upid in run.output for upid in upids)


def test_upids_are_shown_on_request_and_what_is_cut_off_is_counted(
    edge_ansible: Ansible, upids: list[str]
) -> None:
    lines = table_in(show(edge_ansible, "history_limit=1", "show=upid"))
    assert f"    {upids[-1]}" in lines
    assert lines[-2:] == ["1 task: 1 failed", "2 more match that are not shown"]
    inside = table_in(show(edge_ansible, "history_vmid=9100", "show=upid"))
    assert f"    {upids[-1]}" in inside
    assert table_in(show(edge_ansible, "history_vmid=4444")) == ["There are no such tasks."]


@pytest.mark.parametrize("never", ["NO_COLOR", "ANSIBLE_NOCOLOR"])
def test_colours_are_those_of_ansible(edge_ansible: Ansible, upids: list[str], never: str) -> None:
    assert upids
    run = show(edge_ansible, ANSIBLE_FORCE_COLOR="1")
    failed = [line for line in table_in(run) if "  failed  " in line]
    assert all(line.startswith("\x1b[0;31m") and line.endswith("\x1b[0m") for line in failed)
    assert "\x1b" not in show(edge_ansible, **{never: "1"}).output


def test_a_script_gets_json_on_a_line_or_in_a_file(
    edge_ansible: Ansible, upids: list[str], tmp_path: Path
) -> None:
    [line] = [
        line
        for line in show(edge_ansible, "format=json").output.splitlines()
        if line.startswith('{"tasks":')
    ]
    assert [task["upid"] for task in json.loads(line)["tasks"]] == upids[::-1]
    file = tmp_path / "tasks.json"
    assert show(edge_ansible, "format=json", f"path={file}").ok
    assert json.loads(file.read_text()) == json.loads(line)


def test_what_was_waited_for_is_a_table_and_then_a_failure(
    edge_ansible: Ansible, upids: list[str]
) -> None:
    run = show(edge_ansible, f"wait_upids={','.join(upids)}", playbook="wait")
    assert not run.ok
    assert table_in(run)[-1] == "3 tasks: 1 ok, 2 failed"
    assert "3 tasks: 1 ok, 2 failed (VM 9000 - Clone: clone failed: no space left; " in run.output
    assert show(edge_ansible, f"wait_upids={upids[0]}", playbook="wait").ok


def test_a_misspelled_variable_is_refused(edge_ansible: Ansible) -> None:
    run = show(edge_ansible, "history_sinse=1h")
    assert not run.ok
    assert "Unknown variables of this playbook: history_sinse" in run.output
