# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the process that runs the play does for progress; those that run modules are its children.

It is loaded there before they are forked. At the end it says which tasks are left where it was
interrupted: a call that was has left its file behind.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import sys
import time
from pathlib import Path

from ansible import constants
from ansible.utils.display import Display

from ._progress import Board, events_in, what_is_left

PREFIX = "upid-progress-"
# Whether there is a terminal, from which the children are detached. AWX has one, too, for
# its own program (ansible-runner).
TERMINAL = bool(sys.stdout and sys.stdout.isatty()) and "AWX_ISOLATED_DATA_DIR" not in os.environ
# How long to wait for an interrupted module, in seconds, and how often to look.
_WINDING_UP, _STEP = 6.0, 0.1


def _read(file: Path) -> tuple[Board, bool]:
    """What a call has written, and whether its options are hidden."""
    board, hidden = Board(), False
    for values in events_in(file.read_text(encoding="utf-8", errors="replace")):
        board.take(values, time.monotonic())
        hidden = hidden or bool(values.get("hidden"))
    return board, hidden


def _say_what_is_left() -> None:
    """Say which tasks run on, where calls were interrupted."""
    with contextlib.suppress(Exception):
        files = sorted(Path(constants.DEFAULT_LOCAL_TMP).glob(f"{PREFIX}*"))
        until = time.monotonic() + _WINDING_UP
        boards = [_read(file) for file in files]
        # A call that has been sent is waited for: its answer is a UPID.
        while not all(board.closed for board, _hidden in boards) and time.monotonic() < until:
            time.sleep(_STEP)
            boards = [_read(file) for file in files]
        for line in what_is_left(boards):
            Display().display(line, stderr=True, color=constants.COLOR_WARN)


if multiprocessing.parent_process() is None:
    atexit.register(_say_what_is_left)
    with contextlib.suppress(Exception):  # in a pipe, lines would wait for each other
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
