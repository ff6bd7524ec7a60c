# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that a crash leaves as they were or as they are to be."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import typing as t
from pathlib import Path

from ..api.errors import UsageError

T = t.TypeVar("T")
_VERSION = 1


class StateFile:
    """A JSON file, written so that a crash leaves the old content or the new one.

    It is locked while it is open, because two that go on from one state would each lose what the
    other one has done. ``option`` is what the user calls it. UsageError if it cannot be used.
    """

    def __init__(self, path: str, option: str) -> None:
        self._path = Path(path).expanduser()
        self._option = option
        lock = self._path.with_name(f"{self._path.name}.lock")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"{option}: {lock} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise UsageError(f"{option}: {self._path} is in use by another process") from None

    def read(self, parse: t.Callable[[t.Any], T]) -> T | None:
        """What ``parse`` makes of the content; None if there is no file yet."""
        return read_state(self._path, self._option, parse)

    def write(self, values: t.Mapping[str, t.Any]) -> None:
        """Replace the file; UsageError if it cannot be written."""
        text = json.dumps({"version": _VERSION, **values}, indent=1)
        try:
            replace_file(self._path, f"{text}\n".encode(), 0o600)
        except OSError as error:
            raise UsageError(
                f"{self._option}: {self._path} cannot be written: {error.strerror}"
            ) from None

    def close(self) -> None:
        """Let others use it."""
        os.close(self._lock)


def read_state(path: Path, option: str, parse: t.Callable[[t.Any], T]) -> T | None:
    """What ``parse`` makes of a state file, None if there is none; UsageError if it is not one."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["version"] != _VERSION:
            raise ValueError("it was written by another version")
        return parse(value)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{option}: {path} is not a {option} file: {error};"
            " remove it to begin anew, without what happened since it was written"
        ) from None


def replace_file(path: Path, data: bytes, mode: int) -> None:
    """Replace a file as a whole, and its name on the disk: a reader never sees a part of it."""
    number, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:  # an interrupt, too, must not leave a part behind
        with contextlib.suppress(OSError):
            Path(part).unlink()
        raise
    flush_folder(path.parent)


def flush_folder(path: Path) -> None:
    """Let the names in a folder reach the disk, too."""
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
