# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report says, and what can be counted in it."""

from __future__ import annotations

import statistics
import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ...module_utils._pve.tasks.task import Outcome, iso

if t.TYPE_CHECKING:
    from .history import Values

# In this order wherever outcomes are listed.
OUTCOMES = ("failed", "lost", "cancelled", "warnings", "running", "ok")
_BAD = ("failed", "lost")


@dataclass(frozen=True)
class Report:
    """A report as of ``moment`` (epoch seconds).

    ``tasks`` are the newest first. ``omitted`` is how many older ones there are, ``unreachable``
    why a node could not be read, by its name, ``filters`` the options that selected the tasks, and
    ``notes`` what else a reader has to know.
    """

    title: str
    moment: int
    tasks: t.Sequence[Values]
    omitted: int = 0
    unreachable: t.Mapping[str, str] = field(default_factory=dict)
    filters: t.Mapping[str, t.Any] = field(default_factory=dict)
    notes: t.Sequence[str] = ()

    @property
    def generated(self) -> str:
        """When the report was made, ISO 8601 in UTC."""
        return iso(self.moment)

    @property
    def gaps(self) -> list[str]:
        """What is missing in this report, in sentences."""
        nodes = [
            f"Node {node} could not be read: {why}. Its tasks since the last report are missing."
            for node, why in self.unreachable.items()
        ]
        more = [f"{self.omitted} older tasks are left out."] if self.omitted else []
        return [*nodes, *more, *self.notes]

    @property
    def failures(self) -> list[Values]:
        """The tasks that failed or are lost, newest first."""
        return [task for task in self.tasks if task["outcome"] in _BAD]

    @property
    def counts(self) -> dict[str, int]:
        """How many tasks have each outcome, only those that there are."""
        found = Counter(task["outcome"] for task in self.tasks)
        order = [*OUTCOMES, *(one.value for one in Outcome if one.value not in OUTCOMES)]
        return {name: found[name] for name in order if found[name]}

    def groups(self) -> dict[str, list[Values]]:
        """Counts, success rates and durations by type, node, user and day."""
        return {
            "type": _groups(self.tasks, lambda task: str(task["type"])),
            "node": _groups(self.tasks, lambda task: str(task["node"])),
            "user": _groups(self.tasks, lambda task: str(task["user"])),
            "day": _groups(self.tasks, lambda task: str(task["started"])[:10]),
        }


def _groups(tasks: t.Iterable[Values], name_of: t.Callable[[Values], str]) -> list[Values]:
    found: dict[str, list[Values]] = {}
    for task in tasks:
        found.setdefault(name_of(task), []).append(task)
    return [{"name": name, **_figures(found[name])} for name in sorted(found)]


def _figures(tasks: t.Sequence[Values]) -> Values:
    """The figures of some tasks; the rate is that of the tasks that ended by themselves."""
    found = Counter(task["outcome"] for task in tasks)
    good = found["ok"] + found["warnings"]
    judged = good + found["failed"]
    durations = [task["duration"] for task in tasks if task["duration"] is not None]
    return {
        "total": len(tasks),
        "failed": found["failed"],
        "success_percent": round(100 * good / judged, 1) if judged else None,
        "median_seconds": statistics.median(durations) if durations else None,
        "longest_seconds": max(durations, default=None),
    }
