# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module as Ansible does, and shows what happens meanwhile.

The module appends events to a file in Ansible's private directory of this run, and a thread here
follows it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import threading
import time
import typing as t
from pathlib import Path

from ansible import constants
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display

from ..module_utils._pve.edge.progress_file import VARIABLE
from . import _interrupts
from ._progress import Screen, events_in
from ._progress_option import quiet_callback, wanted

# How often to look, and how long to wait for the thread at the end, in seconds.
_STEP, _LAST = 0.5, 3.0
_COLORS = {
    "failed": constants.COLOR_ERROR,
    "warning": constants.COLOR_WARN,
    "ok": constants.COLOR_OK,
}


class FollowedModule(NormalAction):
    """The action plugin of a module that shows its progress."""

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Any:
        """Run the module; the result is that of the module alone."""
        mode = wanted(self._task.args.get("progress"))
        stderr = quiet_callback()
        if mode == "off" or (mode == "auto" and stderr) or self._hidden():
            return super().run(tmp, task_vars)
        environment = self._task.environment
        with contextlib.ExitStack() as stack:
            path = stack.enter_context(self._file()) if self._connection_is_local() else None
            if path is not None:
                self._task.environment = [*(environment or []), {VARIABLE: str(path)}]
            stack.enter_context(self._shown(path, stderr=stderr, task_vars=task_vars or {}))
            try:
                return super().run(tmp, task_vars)
            finally:
                self._task.environment = environment

    def _hidden(self) -> bool:
        """Check mode waits for nothing, and the polls of an asynchronous task are shown anyway."""
        return bool(self._task.check_mode or self._task.async_val)

    def _connection_is_local(self) -> bool:
        return str(getattr(self._connection, "transport", "")).rpartition(".")[2] == "local"

    @contextlib.contextmanager
    def _file(self) -> t.Iterator[Path | None]:
        """A file for the events, which is left behind if this process is interrupted."""
        try:
            descriptor, name = tempfile.mkstemp(
                ".jsonl", _interrupts.PREFIX, constants.DEFAULT_LOCAL_TMP
            )
            with os.fdopen(descriptor, "w") as file:
                file.write(json.dumps({"event": "call", "hidden": bool(self._task.no_log)}) + "\n")
        except OSError:
            yield None
            return
        try:
            yield Path(name)
        except Exception:
            Path(name).unlink(missing_ok=True)
            raise
        Path(name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _shown(
        self, path: Path | None, *, stderr: bool, task_vars: t.Mapping[str, t.Any]
    ) -> t.Iterator[None]:
        """Show the progress from a thread."""
        name = self._task.action.rpartition(".")[2]
        host = str(task_vars.get("inventory_hostname", "localhost"))
        hidden = bool(self._task.no_log)
        screen = Screen(
            name,
            host,
            time.monotonic(),
            terminal=_interrupts.TERMINAL and not stderr,
            counts_only=hidden,
        )
        over = threading.Event()
        thread = threading.Thread(
            target=_follow, args=(path, screen, over), kwargs={"stderr": stderr}, daemon=True
        )
        # A signal that this thread took would not wake the one that waits for the module.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        thread.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            yield
        finally:
            over.set()
            thread.join(_LAST)


def _follow(path: Path | None, screen: Screen, over: threading.Event, *, stderr: bool) -> None:
    """Show what the file says until the module is over; whatever happens, the module goes on."""
    display = Display()
    with contextlib.suppress(Exception), contextlib.ExitStack() as stack:
        file = stack.enter_context(path.open(encoding="utf-8", errors="replace")) if path else None
        rest = ""
        while not over.wait(_STEP):
            text, _newline, rest = (rest + (file.read() if file else "")).rpartition("\n")
            for values in events_in(text):
                screen.board.take(values, time.monotonic())
            for line in screen.lines(time.monotonic()):
                display.display(line.text, color=_COLORS.get(line.tone), stderr=stderr)
