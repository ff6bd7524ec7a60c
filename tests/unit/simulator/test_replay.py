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
from ansible_collections.upid.proxmox.tests.unit.simulator.replay.script import (
    SERIES,
    Phase,
    Script,
)

SCRIPTS = [Script.load(name) for name in SERIES]
PLAYS = [(script, phase) for script in SCRIPTS for phase in script.phases()]
MOST_NOT_APPLICABLE = 0.1


@pytest.mark.parametrize(("script", "phase"), PLAYS, ids=lambda given: getattr(given, "name", ""))
def test_answers_are_the_recorded_ones(
    script: Script, phase: Phase, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    found = asyncio.run(play(script, phase, tmp_path))
    different = {number: why for number, why in found.items() if why}
    record_property("replayed", len(found))
    record_property("matched", len(found) - len(different))
    names = {r.number: r.name for r in phase.recordings}
    wrong = {n: why for n, why in different.items() if n not in script.not_yet}
    lines = [f"{n} {names[n]}: {'; '.join(why)}" for n, why in wrong.items()]
    better = [n for n in found if n in script.not_yet and n not in different]
    lines += [f"{n} {names[n]}: is answered alike now, take it off the list" for n in better]
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("script", SCRIPTS, ids=SERIES)
def test_every_recording_is_replayed_or_says_why_not(script: Script) -> None:
    numbers = [recording.number for recording in script.recordings]
    replayed = [r.number for phase in script.phases() for r in phase.recordings]
    assert sorted([*replayed, *script.not_applicable]) == numbers
    assert set(script.not_yet) <= set(replayed)
    assert len(script.not_applicable) < MOST_NOT_APPLICABLE * len(numbers)
