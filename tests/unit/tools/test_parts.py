# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate of several parts fails with one of them and prints what that one said."""

from __future__ import annotations

from typing import IO

import pytest
from ansible_collections.upid.proxmox.tests.tools.parts import run_parts


def only_b_fails(part: str, output: IO[str] | None) -> int:
    """A part that says its name and fails if it is b."""
    print(f"words of {part}", file=output)
    return 3 if part == "b" else 0


def test_all_parts_run_though_one_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_parts("part", ["a", "b", "c"], only_b_fails) == 1
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "3 parts: 2 passed, 1 failed"
    assert "words of b" in printed


def test_of_several_parts_those_that_pass_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_parts("part", ["a", "c"], only_b_fails) == 0
    assert "words of" not in capsys.readouterr().out


def test_a_part_that_is_alone_prints_as_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_parts("part", ["a"], only_b_fails) == 0
    assert "words of a" in capsys.readouterr().out


def test_no_part_is_reported_and_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_parts("part", [], only_b_fails) == 0
    assert capsys.readouterr().out == "There is no part.\n"
