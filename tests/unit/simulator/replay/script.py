# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of the replay: which recordings one world answers, and what happens before each.

`replay.yml` and `replay2.yml`, one for each series of recordings, explain their own format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from .recording import DATA, Recording, read

SERIES = ("replay.yml", "replay2.yml")


@dataclass(frozen=True)
class Phase:
    """Recordings that one world answers, one after the other."""

    name: str
    recordings: tuple[Recording, ...]


class Script:
    """What the file says."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.recordings = read(document["recordings"])
        self.world = DATA / document["world"]
        self.headers: Mapping[str, str] = document["headers"]
        """What every request of the recorder carried."""
        self.in_time: bool = document.get("in_time", False)
        """Whether requests that start tasks are sent at the times of the recorded ones."""
        self._phases: Mapping[str, int] = document["phases"]
        self._before: Mapping[int, Sequence[Mapping[str, Any]]] = document["before"]
        self._together: Sequence[Sequence[int]] = document["together"]
        self.not_applicable = _by_number(document["not_applicable"])
        self.not_yet = _by_number(document["not_yet"])
        """The recordings that the simulator does not answer alike yet, with the reason."""

    @classmethod
    def load(cls, name: str) -> Script:
        """The script of a series, beside the recordings."""
        return cls(yaml.safe_load((DATA / name).read_text(encoding="utf-8")))

    def phases(self) -> list[Phase]:
        """The recordings that apply, cut into phases."""
        recordings = [r for r in self.recordings if r.number not in self.not_applicable]
        firsts = sorted(self._phases.items(), key=lambda item: item[1])
        ends = [number for _unused, number in firsts[1:]] + [recordings[-1].number + 1]
        return [
            Phase(name, tuple(r for r in recordings if first <= r.number < end))
            for (name, first), end in zip(firsts, ends, strict=True)
        ]

    def before(self, number: int) -> Sequence[Mapping[str, Any]]:
        """What happens before a recording; each entry has one key, the kind of event."""
        return self._before.get(number, ())

    def together(self, number: int) -> Sequence[int]:
        """The numbers of those that were sent at the same time, in the order of their sending."""
        return next((group for group in self._together if number in group), ())


def _by_number(reasons: Mapping[str, Sequence[int]]) -> Mapping[int, str]:
    return {number: reason for reason, numbers in reasons.items() for number in numbers}
