# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.figures import Figures
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.task import Outcome, Task
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.upid import Upid
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.fake_cluster import EPOCH
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time
from prometheus_client.parser import text_string_to_metric_families

NO_ANSWER = NoAnswerError("GET", "595 No route to host", sent=False)


async def written(api: FakeApi, folder: Path, **options: Any) -> Report:
    return await run_command("task_metrics", api, path=str(folder / "tasks.prom"), **options)


def samples(folder: Path) -> dict[tuple[str, frozenset[str]], float]:
    """What Prometheus itself reads in the file, by name and the values of the labels."""
    text = (folder / "tasks.prom").read_text()
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("counter", "gauge", "summary")
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.values()))
            assert key not in found
            found[key] = sample.value
    return found


def of(name: str, *labels: str) -> tuple[str, frozenset[str]]:
    return name, frozenset(labels)


@in_virtual_time
async def test_tasks_are_counted_by_node_type_and_outcome_with_their_durations(
    tmp_path: Path,
) -> None:
    api = FakeApi()
    api.cluster.start("pve1", "qmstart", 100, 3, started=-60)
    api.cluster.start("pve1", "qmstart", 101, 5, started=-50)
    api.cluster.start("pve1", "qmstart", 101, 5, started=-40, exitstatus="no space left")
    api.cluster.start("pve2", "vzdump", 101, 30, started=-100, exitstatus="WARNINGS: 1")
    api.cluster.start("pve2", "qmclone", 9000)
    api.cluster.start("pve2", "made-up", "x", 1, started=-9)
    report = await written(api, tmp_path)
    assert report.changed
    assert report.values["new"] == 5
    found = samples(tmp_path)
    assert report.values["series"] == len(found)
    expected = {
        of("proxmox_tasks_total", "pve1", "qmstart", "ok"): 2,
        of("proxmox_tasks_total", "pve1", "qmstart", "failed"): 1,
        of("proxmox_tasks_total", "pve1", "qmstart", "cancelled"): 0,
        of("proxmox_tasks_total", "pve2", "vzdump", "warnings"): 1,
        of("proxmox_tasks_total", "pve2", "other", "ok"): 1,
        of("proxmox_task_duration_seconds_sum", "pve1", "qmstart"): 13,
        of("proxmox_task_duration_seconds_count", "pve1", "qmstart"): 3,
        of("proxmox_tasks_running", "pve2", "qmclone"): 1,
        of("proxmox_task_last_success_timestamp_seconds", "qmstart", "101"): EPOCH - 45,
        of("proxmox_task_last_success_timestamp_seconds", "vzdump", "101"): EPOCH - 70,
        of("proxmox_node_tasks_readable", "pve3"): 1,
        of("proxmox_task_list_gaps_total", "pve3"): 0,
    }
    assert expected.items() <= found.items()
    assert stat.S_IMODE((tmp_path / "tasks.prom").stat().st_mode) == 0o644


@in_virtual_time
async def test_a_task_is_counted_once_over_runs(tmp_path: Path) -> None:
    api = FakeApi()
    key = of("proxmox_tasks_total", "pve1", "qmstart", "ok")
    for count in range(1, 60):
        api.cluster.start("pve1", "qmstart", 100 + count, 3)
        await asyncio.sleep(5)
        await written(api, tmp_path)
        assert samples(tmp_path)[key] == count
    assert not (await written(api, tmp_path)).changed
    assert (await written(api, tmp_path)).values["new"] == 0


@in_virtual_time
async def test_the_guests_of_a_backup_job_are_those_that_its_log_names(tmp_path: Path) -> None:
    api = FakeApi()
    log = [
        "INFO: Starting Backup of VM 101 (qemu)",
        "ERROR: Backup of VM 101 failed - VM is locked (backup)",
        "INFO: Starting Backup of VM 102 (qemu)",
        "INFO: Finished Backup of VM 102 (00:00:11)",
        "TASK ERROR: job errors",
    ]
    api.cluster.start("pve1", "vzdump", "", 9, started=-60, exitstatus="job errors", log=log)
    await written(api, tmp_path)
    name = "proxmox_task_last_success_timestamp_seconds"
    assert {key for key in samples(tmp_path) if key[0] == name} == {of(name, "vzdump", "102")}


@in_virtual_time
async def test_a_node_that_cannot_be_read_is_said_to_be_and_catches_up(tmp_path: Path) -> None:
    api = FakeApi()
    await written(api, tmp_path)
    api.cluster.down.add("pve2")
    api.cluster.start("pve2", "qmstart", 100, 3)
    report = await written(api, tmp_path)
    assert report.problem is None
    assert list(report.values["unreachable_nodes"]) == ["pve2"]
    assert samples(tmp_path)[of("proxmox_node_tasks_readable", "pve2")] == 0
    api.disturb("GET", NO_ANSWER, count=None)
    report = await written(api, tmp_path)
    assert "no node could be read" in str(report.problem)
    assert samples(tmp_path)[of("proxmox_node_tasks_readable", "pve1")] == 0
    api.disturbances.clear()
    api.cluster.down.clear()
    await asyncio.sleep(10)
    await written(api, tmp_path)
    assert samples(tmp_path)[of("proxmox_node_tasks_readable", "pve1")] == 1
    assert samples(tmp_path)[of("proxmox_tasks_total", "pve2", "qmstart", "ok")] == 1


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    @in_virtual_time
    async def scenario() -> Report:
        path = str(tmp_path / "tasks.prom")
        return await run_command("task_metrics", FakeApi(), check=True, path=path)

    assert scenario().changed
    assert list(tmp_path.iterdir()) == []


@in_virtual_time
async def test_a_gap_is_counted(tmp_path: Path) -> None:
    api = FakeApi()
    api.cluster.start("pve1", "qmstart", 100, 3, started=-60)
    await written(api, tmp_path)
    api.cluster.tasks.clear()
    api.cluster.start("pve1", "qmstart", 101, 3)
    await asyncio.sleep(5)
    await written(api, tmp_path)
    found = samples(tmp_path)
    assert found[of("proxmox_task_list_gaps_total", "pve1")] == 1
    assert found[of("proxmox_tasks_total", "pve1", "qmstart", "ok")] == 2


@in_virtual_time
async def test_old_and_surplus_successes_and_nodes_that_left_are_forgotten(tmp_path: Path) -> None:
    api = FakeApi()
    name = "proxmox_task_last_success_timestamp_seconds"
    for number in range(50):
        api.cluster.start("pve3", "qmstart", 100 + number, 1, started=number - 100)
    await written(api, tmp_path, limit=10)
    found = {key[1] for key in samples(tmp_path) if key[0] == name}
    assert found == {frozenset({"qmstart", str(140 + number)}) for number in range(10)}
    await asyncio.sleep(2 * 86400)
    await written(api, tmp_path, retention_days=1)
    assert not any(key[0] == name for key in samples(tmp_path))
    del api.cluster.nodes["pve3"]
    await written(api, tmp_path)
    assert not any("pve3" in labels for _name, labels in samples(tmp_path))


def test_labels_are_escaped(tmp_path: Path) -> None:
    figures = Figures(readable={'a"b\\c\nd': True})
    upid = Upid.parse(f"UPID:pve1:00000001:00000002:{EPOCH - 9:08X}:qmstart:100:root@pam:")
    figures.add_ended(Task(upid, Outcome.OK, "OK", EPOCH), [100])
    (tmp_path / "tasks.prom").write_text(figures.as_text())
    assert samples(tmp_path)[of("proxmox_node_tasks_readable", 'a"b\\c\nd')] == 1
    assert Figures.from_json(figures.as_json()).as_json() == figures.as_json()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "/tmp/tasks.txt"}, "does not end in .prom"),
        ({"path": "/nosuch/tasks.prom"}, "there is no folder '/nosuch'"),
        ({"nodes": ["pve9"]}, "there is no node 'pve9'"),
        ({"limit": 0}, "limit: 0 is less than 1"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        given = {"path": str(tmp_path / "tasks.prom"), **options}
        await run_command("task_metrics", FakeApi(), **given)

    with pytest.raises(UsageError, match=message):
        scenario()


@in_virtual_time
async def test_a_state_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tasks.prom.state").write_text('{"version": 1, "nodes": {}, "ended": [[1]]}')
    with pytest.raises(UsageError, match="is not a state file"):
        await written(FakeApi(), tmp_path)
