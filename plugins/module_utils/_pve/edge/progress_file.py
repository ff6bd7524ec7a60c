# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what happens in a module to the file that an action plugin follows, if there is one.

Each event is a line of JSON. The file is an extra: when it cannot be written, the module goes on.
"""

from __future__ import annotations

import json
import os
import typing as t

if t.TYPE_CHECKING:
    from ..engine.progress import Event

# The environment variable with the path. The file is there already.
VARIABLE = "UPID_PROXMOX_PROGRESS_FILE"
CLOSED = "closed"
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class ProgressFile:
    """A sink that appends events to an open file; ``hide`` makes texts fit to be shown."""

    def __init__(self, descriptor: int, hide: t.Callable[[str], str]) -> None:
        self._descriptor: int | None = descriptor
        self._hide = hide

    @classmethod
    def of_environment(
        cls, environment: t.Mapping[str, str], hide: t.Callable[[str], str]
    ) -> ProgressFile | None:
        """The file that the environment names, None without one that can be written."""
        path = environment.get(VARIABLE)
        if not path:
            return None
        try:
            return cls(os.open(path, _FLAGS), hide)
        except OSError:
            return None

    def note(self, event: Event) -> None:
        """Append an event."""
        values = event.as_values()
        for name in ("title", "step", "why", "upid"):
            if name in values:
                values[name] = self._hide(values[name])
        self._append(values)

    def close(self) -> None:
        """Append that nothing more will follow."""
        self._append({"event": CLOSED})
        self._give_up()

    def _append(self, values: t.Mapping[str, t.Any]) -> None:
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, json.dumps(values).encode() + b"\n")
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
