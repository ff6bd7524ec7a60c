# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether to show progress, as the user set it."""

from __future__ import annotations

import configparser
import contextlib
import os
import typing as t

from ansible import constants, context

VARIABLE, CHOICES = "UPID_PROXMOX_PROGRESS", ("auto", "on", "off")
SECTION, KEY = "upid_proxmox", "progress"
# YAML turns some of the choices into truth values.
_MEANT = {"true": "on", "yes": "on", "1": "on", "false": "off", "no": "off", "0": "off"}
# Callbacks whose output programs read, or that print a single line for each result.
_QUIET = ("json", "jsonl", "minimal", "oneline", "null")


def wanted(given: t.Any) -> str:
    """``auto``, ``on`` or ``off``: the option, the environment, the configuration file."""
    for value in (given, os.environ.get(VARIABLE), _configured()):
        if value is not None and value != "":
            text = _MEANT.get(str(value).lower(), str(value).lower())
            return text if text in CHOICES else "auto"
    return "auto"


def _configured() -> str | None:
    config = configparser.ConfigParser(interpolation=None, strict=False)
    with contextlib.suppress(configparser.Error, OSError, UnicodeError):
        config.read(constants.CONFIG_FILE or ())
        return config.get(SECTION, KEY, fallback=None)
    return None


def quiet_callback() -> bool:
    """Whether the output belongs to a callback that nothing else may write between."""
    name = str(constants.DEFAULT_STDOUT_CALLBACK)
    if "module_name" in context.CLIARGS and not constants.DEFAULT_LOAD_CALLBACK_PLUGINS:
        name = "minimal"
    return name.rpartition(".")[2] in _QUIET
