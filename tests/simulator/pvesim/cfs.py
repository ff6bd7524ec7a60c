# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of the files that the whole cluster shares (`cfs_lock_file` of `PVE/Cluster.pm`)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from .calls import CallError
from .world import World

PATIENCE = 10.0
"""Seconds that a change waits for quorum, and blocks its worker."""
MODIFIED = "detected modified configuration - file changed by other user? Try again."


@asynccontextmanager
async def changing(world: World, file: str, failing: str = "") -> AsyncIterator[None]:
    """Hold the lock of a file; refusals meanwhile are one plain text.

    `failing` is what the text begins with, such as `create pool failed`.
    """
    prefix = f"{failing}: " if failing else ""
    if not world.quorate:
        await world.clock.sleep(PATIENCE)
        if not world.quorate:
            raise CallError(500, f"{prefix}cfs-lock 'file-{file}' error: no quorum!")
    try:
        yield
    except CallError as error:
        raise CallError(500, prefix + as_text(error)) from error


def as_text(error: CallError) -> str:
    """An error as Perl prints it: its status and the errors by parameter are part of the text."""
    if error.status == 500 and not error.errors:
        return error.message
    lines = "".join(f"{name}: {reason}\n" for name, reason in (error.errors or {}).items())
    return f"{error.status} {error.message}\n{lines}"


def file_digest(*parts: Any) -> str:
    """The digest of a file that holds these parts; that of an empty file without any."""
    text = "".join(f"{_sorted(part)}\n" for part in parts if part)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def check_file_digest(wanted: str | None, actual: str) -> None:
    """Refuse a change of a file that is not the one that the caller has seen."""
    if wanted and wanted != actual:
        raise CallError(500, MODIFIED)


def _sorted(value: Any) -> str:
    if isinstance(value, Mapping):
        return repr(sorted((str(key), _sorted(part)) for key, part in value.items()))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return repr([_sorted(part) for part in value])
    return str(value)
