# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator answers as a real Proxmox VE 9.2 did, recording by recording."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.upid.proxmox.tests.unit.simulator.replay.player import play
from ansible_collections.upid.proxmox.tests.unit.simulator.replay.recording import read
from ansible_collections.upid.proxmox.tests.unit.simulator.replay.script import Phase, Script

SCRIPT = Script.load()
PHASES = SCRIPT.phases()
MOST_NOT_APPLICABLE = 0.1


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_answers_are_the_recorded_ones(
    phase: Phase, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    found = asyncio.run(play(SCRIPT, phase, tmp_path))
    different = {number: why for number, why in found.items() if why}
    record_property("replayed", len(found))
    record_property("matched", len(found) - len(different))
    names = {r.number: r.name for r in phase.recordings}
    lines = [f"{n} {names[n]}: {'; '.join(why)}" for n, why in different.items()]
    assert not lines, "\n".join(lines)


def test_nearly_every_recording_is_replayed() -> None:
    numbers = {recording.number for recording in read()}
    replayed = [recording.number for phase in PHASES for recording in phase.recordings]
    assert sorted([*replayed, *SCRIPT.not_applicable]) == sorted(numbers)
    assert len(SCRIPT.not_applicable) < MOST_NOT_APPLICABLE * len(numbers)
