# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.upid.proxmox.plugins.plugin_utils._report.collect import ReadError, collect
from ansible_collections.upid.proxmox.plugins.plugin_utils._report.history import Values, merge
from ansible_collections.upid.proxmox.tests.unit.reported import failed, running, task


class Nodes:
    """Answers as task_info; ``asked`` are the options that it was given."""

    def __init__(
        self,
        listed: Sequence[Values],
        by_upid: Sequence[Values] | None = (),
        unreachable: dict[str, str] | None = None,
    ) -> None:
        self.asked: list[Values] = []
        self._listed, self._by_upid = listed, by_upid
        self._unreachable = unreachable or {}

    def __call__(self, options: Values) -> Values:
        self.asked.append(options)
        if "upids" not in options:
            return self._answer(self._listed)
        if self._by_upid is None:
            raise ReadError("the API does not answer")
        return self._answer([one for one in self._by_upid if one["upid"] in options["upids"]])

    def _answer(self, tasks: Sequence[Values]) -> Values:
        api = {"requests": 1}
        return {"tasks": list(tasks), "unreachable_nodes": self._unreachable, "api": api}


def upids(*tasks: Any) -> list[str]:
    return [one["upid"] for one in tasks]


def test_logs_are_read_of_what_failed_or_runs() -> None:
    logged = failed(2, log=("why",))
    nodes = Nodes([running(4), task(3), failed(2), task(1, "warnings", "WARNINGS: 1")], [logged])
    found = collect({}, nodes, logs=10, log_lines=7)
    assert nodes.asked[1]["upids"] == upids(running(4), failed(2), task(1))
    assert nodes.asked[1]["log_lines"] == 7
    assert found.tasks[logged["upid"]] == logged
    assert (found.fresh, found.requests) == (4, 2)


def test_a_log_that_is_known_is_not_read_again() -> None:
    nodes = Nodes([failed(1), task(2)])
    found = collect(merge({}, [failed(1, log=("why",))]), nodes, logs=10, log_lines=7)
    assert len(nodes.asked) == 1
    assert found.fresh == 1


def test_only_the_newest_logs_are_read() -> None:
    nodes = Nodes([failed(3), failed(2), failed(1)])
    collect({}, nodes, logs=2, log_lines=7)
    assert nodes.asked[1]["upids"] == upids(failed(3), failed(2))


def test_without_lines_no_log_is_read() -> None:
    nodes = Nodes([failed(1)])
    collect({}, nodes, logs=2, log_lines=0)
    assert len(nodes.asked) == 1


def test_a_task_that_ran_and_is_listed_no_more_is_asked_for() -> None:
    nodes = Nodes([], [task(1)])
    found = collect(merge({}, [running(1)]), nodes, logs=0, log_lines=7)
    assert list(found.tasks.values()) == [task(1)]
    assert found.fresh == 0


def test_a_node_that_cannot_be_read_is_not_asked_for_its_tasks() -> None:
    nodes = Nodes([task(2, node="pve2")], unreachable={"pve1": "no route"})
    found = collect(merge({}, [running(1)]), nodes, logs=9, log_lines=7)
    assert len(nodes.asked) == 1
    assert found.unreachable == {"pve1": "no route"}
    assert found.tasks[running(1)["upid"]] == running(1)


def test_without_the_logs_there_is_still_a_report() -> None:
    nodes = Nodes([failed(1)], None)
    found = collect({}, nodes, logs=9, log_lines=7)
    assert list(found.tasks.values()) == [failed(1)]
    assert found.notes == ["The logs could not be read: the API does not answer"]
