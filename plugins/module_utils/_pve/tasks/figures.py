# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures about tasks, and their text for Prometheus."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field

from .events.cursor import positions_of
from .task import Outcome
from .types import TASK_TYPES

if t.TYPE_CHECKING:
    from .events.position import Position
    from .task import Task

# Unknown types share a label: who may start tasks could make any number of them otherwise.
_OTHER = "other"
_OUTCOMES = (Outcome.OK, Outcome.WARNINGS, Outcome.FAILED, Outcome.CANCELLED)
_DAY = 86400
Labels = tuple[tuple[str, str], ...]


@dataclass
class Figures:
    """What is known of the tasks of a cluster.

    ``ended`` counts by node, type and outcome, ``seconds`` and ``durations`` are the sum and the
    number of durations by node and type, ``succeeded`` is when the last success by type and guest
    ended, in epoch seconds, and ``gaps`` counts by node how often tasks were missed. These go on
    from run to run, as ``positions`` do. ``running`` and ``readable`` are of this run.
    """

    positions: dict[str, Position] = field(default_factory=dict)
    ended: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seconds: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: Counter[tuple[str, str]] = field(default_factory=Counter)
    succeeded: dict[tuple[str, int], int] = field(default_factory=dict)
    gaps: Counter[str] = field(default_factory=Counter)
    running: Counter[tuple[str, str]] = field(default_factory=Counter)
    readable: dict[str, bool] = field(default_factory=dict)

    def add_running(self, task: Task) -> None:
        """A task runs."""
        self.running[task.upid.node, _label_of(task)] += 1

    def add_ended(self, task: Task, vmids: t.Iterable[int]) -> None:
        """A task has ended, with success for these guests."""
        node, kind = task.upid.node, _label_of(task)
        self.ended[node, kind, task.outcome.value] += 1
        if task.ended is None:
            return
        self.seconds[node, kind] += max(0, task.ended - task.upid.starttime)
        self.durations[node, kind] += 1
        for vmid in vmids:
            before = self.succeeded.get((kind, vmid), 0)
            self.succeeded[kind, vmid] = max(before, task.ended)

    def forget(self, nodes: t.Collection[str], *, now: float, days: int, most: int) -> None:
        """Forget other nodes, and successes that are older, or beyond so many of the newest."""
        for counts in (self.ended, self.seconds, self.durations):
            for key in [key for key in counts if key[0] not in nodes]:
                del counts[key]
        for by_node in (self.positions, self.gaps):
            for node in [node for node in by_node if node not in nodes]:
                del by_node[node]
        oldest = now - days * _DAY
        newest = sorted(self.succeeded.items(), key=lambda item: -item[1])[:most]
        self.succeeded = {key: ended for key, ended in newest if ended >= oldest}

    def as_json(self) -> dict[str, t.Any]:
        """What goes on to the next run."""
        return {
            "nodes": {name: one.as_json() for name, one in sorted(self.positions.items())},
            "ended": [[*key, number] for key, number in sorted(self.ended.items())],
            "durations": [
                [*key, self.seconds[key], number] for key, number in sorted(self.durations.items())
            ],
            "succeeded": [[*key, ended] for key, ended in sorted(self.succeeded.items())],
            "gaps": dict(self.gaps),
        }

    @classmethod
    def from_json(cls, value: t.Any) -> Figures:
        """The figures of a file; ValueError, TypeError or KeyError for anything else."""
        figures = cls(positions_of(value["nodes"]))
        for node, kind, outcome, number in value["ended"]:
            figures.ended[str(node), str(kind), str(outcome)] = int(number)
        for node, kind, seconds, number in value["durations"]:
            figures.seconds[str(node), str(kind)] = int(seconds)
            figures.durations[str(node), str(kind)] = int(number)
        for kind, vmid, ended in value["succeeded"]:
            figures.succeeded[str(kind), int(vmid)] = int(ended)
        for node, number in value["gaps"].items():
            figures.gaps[str(node)] = int(number)
        return figures

    def as_text(self) -> str:
        """The text format of Prometheus, version 0.0.4."""
        outcomes = {
            (node, kind, outcome.value): 0 for node, kind in self.durations for outcome in _OUTCOMES
        }
        text = _family(
            "proxmox_tasks_total",
            "counter",
            "Ended tasks.",
            (
                (_labels(node=node, type=kind, outcome=outcome), number)
                for (node, kind, outcome), number in {**outcomes, **self.ended}.items()
            ),
        )
        text += _summary(
            "proxmox_task_duration_seconds",
            "Duration of ended tasks.",
            self.seconds,
            self.durations,
        )
        text += _family(
            "proxmox_tasks_running",
            "gauge",
            "Tasks that run.",
            (
                (_labels(node=node, type=kind), number)
                for (node, kind), number in self.running.items()
            ),
        )
        text += _family(
            "proxmox_task_last_success_timestamp_seconds",
            "gauge",
            "When the last task of the type that succeeded for the guest ended.",
            (
                (_labels(type=kind, vmid=str(vmid)), ended)
                for (kind, vmid), ended in self.succeeded.items()
            ),
        )
        text += _family(
            "proxmox_node_tasks_readable",
            "gauge",
            "Whether the tasks of the node could be read.",
            ((_labels(node=node), int(readable)) for node, readable in self.readable.items()),
        )
        return text + _family(
            "proxmox_task_list_gaps_total",
            "counter",
            "How often the task list of the node did not reach back to the run before.",
            ((_labels(node=node), self.gaps[node]) for node in self.readable),
        )


def _label_of(task: Task) -> str:
    return task.upid.type if task.upid.type in TASK_TYPES else _OTHER


def _labels(**labels: str) -> Labels:
    return tuple(labels.items())


def _summary(
    name: str,
    words: str,
    sums: t.Mapping[tuple[str, str], int],
    counts: t.Mapping[tuple[str, str], int],
) -> str:
    lines = [f"# HELP {name} {words}", f"# TYPE {name} summary"]
    for (node, kind), number in sorted(counts.items()):
        labels = _shown(_labels(node=node, type=kind))
        lines += [
            f"{name}_sum{labels} {sums[node, kind]}",
            f"{name}_count{labels} {number}",
        ]
    return "\n".join(lines) + "\n"


def _family(name: str, kind: str, words: str, samples: t.Iterable[tuple[Labels, int]]) -> str:
    lines = [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{_shown(labels)} {value}" for labels, value in sorted(samples)]
    return "\n".join(lines) + "\n"


def _shown(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
