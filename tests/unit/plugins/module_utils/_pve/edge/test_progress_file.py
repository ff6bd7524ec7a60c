# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events in a file, and a module with and without it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.edge.progress_file import (
    VARIABLE,
    ProgressFile,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.engine.progress import Event
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import Simulated
from ansible_collections.upid.proxmox.tests.unit.plugins.module_utils._pve.edge.test_module import (
    run,
)

GUESTS = [{"name": f"told{number}", "vmid": 7600 + number} for number in range(3)]
STARTED = Event("started", 3, "VM 201 (s3cret)", upid="UPID:s3cret")


def hidden(text: str) -> str:
    return text.replace("s3cret", "***")


def opened(path: Path) -> ProgressFile | None:
    return ProgressFile.of_environment({VARIABLE: str(path)}, hidden)


def events_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_event_is_a_line_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text('{"event": "call"}\n')
    file = opened(path)
    assert file is not None
    file.note(STARTED)
    file.close()
    assert events_of(path) == [
        {"event": "call"},
        {"event": "started", "work": 3, "title": "VM 201 (***)", "upid": "UPID:***"},
        {"event": "closed"},
    ]


def test_without_a_file_there_is_no_sink(tmp_path: Path) -> None:
    assert ProgressFile.of_environment({}, hidden) is None
    assert ProgressFile.of_environment({VARIABLE: ""}, hidden) is None
    assert opened(tmp_path / "missing") is None
    assert not (tmp_path / "missing").exists()
    target = tmp_path / "target"
    target.touch()
    (tmp_path / "link").symlink_to(target)
    assert opened(tmp_path / "link") is None


def test_a_file_that_cannot_be_written_hurts_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    file = ProgressFile(writer, hidden)
    for _unused in range(3):
        file.note(STARTED)
    file.close()
    file.close()


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("clone", {"source": "9000", "guests": GUESTS}),
        ("operation", {"operation": "start", "guests": [100]}),
        ("wait_task", {"upids": []}),
    ],
)
def test_the_result_is_the_same_with_and_without(
    tmp_path: Path,
    simulated: Simulated,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    options: dict[str, Any],
) -> None:
    simulated.admin("POST", "reset")
    without = run(tmp_path, module, simulated, **options)
    path = tmp_path / "events"
    path.touch()
    monkeypatch.setenv(VARIABLE, str(path))
    simulated.admin("POST", "reset")
    result = run(tmp_path, module, simulated, **options)
    assert comparable(result) == comparable(without)
    events = [one["event"] for one in events_of(path)]
    assert events[-1] == "closed"
    jobs = result["summary"]["total"]
    assert (events.count("queued"), events.count("ended")) == (jobs, jobs)
    assert VARIABLE not in json.dumps(result)
    assert str(path) not in json.dumps(result)


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what two runs of the same never share: times, process ids, requests."""

    def cut(value: Any) -> Any:
        if isinstance(value, dict):
            moving = ("upid", "started", "ended", "duration", "elapsed", "requests", "log")
            return {key: cut(one) for key, one in value.items() if key not in moving}
        return [cut(one) for one in value] if isinstance(value, list) else value

    cleaned: dict[str, Any] = cut(result)
    return {**cleaned, "msg": re.sub(r" in \S+ s\Z", "", result.get("msg", ""))}
