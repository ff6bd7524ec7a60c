# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks work as long as their class says, each guest's always the same time."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pvesim.durations import seconds_for

FILE = Path(__file__).parent / "data" / "duration_classes.yml"
CLASSES = yaml.safe_load(FILE.read_text(encoding="utf-8"))
LIMITS = {
    "instant": (0.0, 2.0),
    "short": (0.0, 30.0),
    "medium": (2.0, 300.0),
    "long": (8.0, 3600.0),
    "session": (5.0, 3600.0),
}
MADE_OF_OTHERS = (
    "startall", "stopall", "suspendall", "migrateall", "reloadnetworkall",
    "bulk-start", "bulk-shutdown", "bulk-suspend", "bulk-migrate",
)  # fmt: skip
"""They take as long as the tasks that they start."""
TYPES = [(task_type, name) for name, kinds in CLASSES.items() for task_type in kinds]


@pytest.mark.parametrize(("task_type", "name"), [t for t in TYPES if t[0] not in MADE_OF_OTHERS])
def test_a_task_takes_as_long_as_its_class_says(task_type: str, name: str) -> None:
    least, most = LIMITS[name]
    for target in range(100, 150):
        assert least <= seconds_for(task_type, 1, target, {}) <= most


def test_a_world_file_overrides_the_defaults() -> None:
    assert seconds_for("qmclone", 1, 100, {"qmclone": (3.0, 3.0)}) == 3.0


def test_the_same_guest_takes_the_same_time() -> None:
    times = {seconds_for("qmclone", 1, vmid, {}) for vmid in range(100, 200)}
    assert len(times) == 100
    assert seconds_for("qmclone", 1, 100, {}) == seconds_for("qmclone", 1, 100, {})
    assert seconds_for("qmclone", 2, 100, {}) != seconds_for("qmclone", 1, 100, {})
