# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that says how far the events have been handed over."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import typing as t
from pathlib import Path

from ...api.errors import UsageError
from .position import Position

_VERSION = 1


class CursorFile:
    """Positions by node, written so that a crash leaves the old ones or the new ones.

    It is locked while it is open, because two readers with one cursor would each lose what the
    other one has handed over. UsageError if it cannot be used.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser()
        lock = self._path.with_name(f"{self._path.name}.lock")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"cursor: {lock} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise UsageError(f"cursor: {self._path} is in use by another process") from None

    def load(self) -> dict[str, Position]:
        """The positions; none if there is no file yet."""
        try:
            value = json.loads(self._path.read_text(encoding="utf-8"))
            if value["version"] != _VERSION:
                raise ValueError("it was written by another version")
            nodes: dict[str, t.Any] = value["nodes"]
            return {name: Position.from_json(one) for name, one in nodes.items()}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UsageError(f"cursor: {self._path} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"cursor: {self._path} is not a cursor file: {error};"
                " remove it to begin anew, without the events since it was written"
            ) from None

    def save(self, positions: t.Mapping[str, Position]) -> None:
        """Replace the file; UsageError if it cannot be written."""
        nodes = {name: position.as_json() for name, position in sorted(positions.items())}
        text = json.dumps({"version": _VERSION, "nodes": nodes}, indent=1)
        try:
            replace_file(self._path, text + "\n")
        except OSError as error:
            raise UsageError(f"cursor: {self._path} cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Let others use it."""
        os.close(self._lock)


def replace_file(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees a part of it, not even after a crash."""
    number, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(part).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(part).unlink()
        raise
