# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.upid.proxmox.plugins.plugin_utils._report.folder import (
    Folder,
    FolderInUse,
)
from ansible_collections.upid.proxmox.tests.unit.reported import NEW_YEAR

DAY = 86400


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    there = Folder(tmp_path / "a" / "b", 0o640)
    with there.locked():
        return there


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_history_is_read_as_it_was_written_and_is_private(folder: Folder) -> None:
    assert folder.read_history() == b""
    folder.write_history(b"one\n")
    folder.write_history(b"two\n")
    assert folder.read_history() == b"two\n"
    assert mode_of(folder.history) == 0o600
    assert mode_of(folder.path) == 0o700


def test_what_a_crash_left_is_overwritten_and_never_followed(folder: Folder) -> None:
    elsewhere = folder.path.parent / "elsewhere"
    elsewhere.write_text("keep")
    (folder.path / ".task-history.jsonl.new").symlink_to(elsewhere)
    folder.write_history(b"one\n")
    assert elsewhere.read_text() == "keep"
    assert not folder.history.is_symlink()


def test_a_write_that_fails_leaves_the_old_file(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_history(b"one\n")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        folder.write_history(b"two\n")
    assert folder.read_history() == b"one\n"


def test_a_link_shows_the_newest_report(folder: Folder) -> None:
    assert folder.newest("csv") is None
    folder.write_report("csv", NEW_YEAR, b"old")
    path = folder.write_report("csv", NEW_YEAR + DAY, b"new")
    folder.write_report("json", NEW_YEAR + 2 * DAY, b"other")
    assert path.name == "task-report-20260102T000000Z.csv"
    assert folder.newest("csv") == (path, NEW_YEAR + DAY)
    assert (folder.path / "task-report.csv").read_bytes() == b"new"
    assert mode_of(path) == 0o640


def test_only_the_newest_reports_stay_and_only_reports_go(folder: Folder) -> None:
    paths = [folder.write_report("csv", NEW_YEAR + day * DAY, b"") for day in range(4)]
    other = folder.write_report("json", NEW_YEAR, b"")
    mine = folder.path / "task-report-mine.csv"
    mine.touch()
    (folder.path / "task-report-99999999T999999Z.csv").touch()
    assert folder.remove_old("csv", 2) == paths[:2]
    assert [path.exists() for path in [*paths, other, mine]] == [False] * 2 + [True] * 4


def test_only_one_run_at_a_time_writes(folder: Folder) -> None:
    with folder.locked(), pytest.raises(FolderInUse, match="another run"), folder.locked():
        pass
    with folder.locked():
        pass
