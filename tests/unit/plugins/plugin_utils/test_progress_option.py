# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible import constants, context
from ansible.utils.context_objects import CLIArgs
from ansible_collections.upid.proxmox.plugins.plugin_utils._progress_option import (
    quiet_callback,
    wanted,
)


@pytest.mark.parametrize(
    ("option", "variable", "configured", "expected"),
    [
        (None, None, None, "auto"),
        ("off", "on", "on", "off"),
        (True, None, None, "on"),
        (False, "on", None, "off"),
        (None, "off", "on", "off"),
        (None, "", "on", "on"),
        (None, None, "OFF", "off"),
        ("nonsense", "on", "on", "auto"),
    ],
)
def test_the_option_comes_before_the_environment_and_the_configuration(
    option: Any,
    variable: str | None,
    configured: str | None,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    config = tmp_path / "ansible.cfg"
    text = f"[upid_proxmox]\nprogress = {configured}\n" if configured else "[defaults]\na=%(b)s\n"
    config.write_text(text)
    monkeypatch.setattr(constants, "CONFIG_FILE", str(config))
    monkeypatch.delenv("UPID_PROXMOX_PROGRESS", raising=False)
    if variable is not None:
        monkeypatch.setenv("UPID_PROXMOX_PROGRESS", variable)
    assert wanted(option) == expected


@pytest.mark.parametrize("text", [None, "no configuration"])
def test_a_configuration_that_cannot_be_read_says_nothing(
    text: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "ansible.cfg"
    if text is not None:
        config.write_text(text)
    monkeypatch.setattr(constants, "CONFIG_FILE", str(config))
    monkeypatch.delenv("UPID_PROXMOX_PROGRESS", raising=False)
    assert wanted(None) == "auto"


@pytest.mark.parametrize(
    ("callback", "arguments", "quiet"),
    [
        ("default", {}, False),
        ("ansible.builtin.default", {}, False),
        ("awx_display", {}, False),
        ("ansible.posix.json", {}, True),
        ("json", {}, True),
        ("oneline", {}, True),
        ("default", {"module_name": "upid.proxmox.clone"}, True),
    ],
)
def test_callbacks_for_programs_and_of_single_lines_are_quiet(
    callback: str, arguments: dict[str, Any], quiet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", callback)
    monkeypatch.setattr(context, "CLIARGS", CLIArgs(arguments))
    assert quiet_callback() == quiet
