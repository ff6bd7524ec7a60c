# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end of a run of the unit tests tells in addition."""

from __future__ import annotations

import pytest
import yaml


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many recorded requests the simulator answered as Proxmox VE did."""
    reports = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, ())]
    told = [dict(r.user_properties) for r in reports if dict(r.user_properties).get("replayed")]
    if not told:
        return
    file = terminalreporter.config.rootpath / "tests/unit/simulator/data/replay.yml"
    reasons = yaml.safe_load(file.read_text(encoding="utf-8"))["not_applicable"]
    apart = sum(len(numbers) for numbers in reasons.values())
    replayed, matched = (sum(p[key] for p in told) for key in ("replayed", "matched"))
    terminalreporter.write_line(
        f"recorded cases: {replayed + apart}, matched: {matched}, not applicable: {apart}"
    )
