# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of the reports: one writer at a time, whole files or none, only the newest kept."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import typing as t
from datetime import datetime, timezone
from pathlib import Path

from ...module_utils._pve.tasks.state_file import flush_folder, replace_file

_HISTORY, _LOCK, _NAME = "task-history.jsonl", ".task-history.lock", "task-report"
_STAMP = "%Y%m%dT%H%M%SZ"


class FolderInUse(OSError):
    """Another run writes its report at this moment."""


class Folder:
    """A folder with a history and the reports made from it.

    ``task-report-20261129T150405Z.html`` is a report and ``task-report.html`` a link to the newest.
    """

    def __init__(self, path: Path, mode: int) -> None:
        self.path = path
        self._mode = mode

    @property
    def history(self) -> Path:
        """The file of all tasks."""
        return self.path / _HISTORY

    @contextlib.contextmanager
    def locked(self) -> t.Iterator[None]:
        """Make the folder and keep other runs out of it; FolderInUse if one is in it."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as exc:
            raise FolderInUse(errno.EAGAIN, "another run writes to it now", str(self.path)) from exc
        finally:
            os.close(number)

    def read_history(self) -> bytes:
        """The history, empty if there is none yet."""
        try:
            return self.history.read_bytes()
        except FileNotFoundError:
            return b""

    def write_history(self, data: bytes) -> None:
        """Replace the history."""
        replace_file(self.history, data, 0o600)

    def set_aside(self, data: bytes) -> Path:
        """Keep a history with unreadable lines for whoever wants to look at it."""
        path = self.path / f"{_HISTORY}.broken"
        replace_file(path, data, 0o600)
        return path

    def newest(self, suffix: str) -> tuple[Path, int] | None:
        """The newest report of a format, and the epoch seconds that it was made at."""
        reports = self._reports(suffix)
        return reports[-1] if reports else None

    def write_report(self, suffix: str, moment: int, data: bytes) -> Path:
        """Write a report and let the link show it."""
        stamp = datetime.fromtimestamp(moment, timezone.utc).strftime(_STAMP)
        path = self.path / f"{_NAME}-{stamp}.{suffix}"
        replace_file(path, data, self._mode)
        link, new = self.path / f"{_NAME}.{suffix}", self.path / f".{_NAME}.{suffix}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(path.name)
        new.replace(link)
        flush_folder(self.path)
        return path

    def remove_old(self, suffix: str, keep: int) -> list[Path]:
        """Remove all reports of a format but the newest ``keep``; return the removed."""
        old = [path for path, _moment in self._reports(suffix)[:-keep]] if keep > 0 else []
        for path in old:
            path.unlink(missing_ok=True)
        return old

    def _reports(self, suffix: str) -> list[tuple[Path, int]]:
        """The reports of a format, the oldest first."""
        form = re.compile(rf"{_NAME}-(\d{{8}}T\d{{6}}Z)\.{suffix}\Z", re.ASCII)
        found = []
        for path in self.path.glob(f"{_NAME}-*.{suffix}"):
            match = form.match(path.name)
            if match is None:
                continue
            with contextlib.suppress(ValueError):
                moment = datetime.strptime(match.group(1), _STAMP)  # noqa: DTZ007 - it is UTC
                found.append((path, int(moment.replace(tzinfo=timezone.utc).timestamp())))
        return sorted(found)
