# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.upid.proxmox.tests.tools import install

OUTPUT = """\
Looking in indexes: https://pypi.example.com/simple
Collecting ansible-core<2.20,>=2.17 (from -r tests/requirements.txt (line 5))
  Downloading ansible_core-2.19.4-py3-none-any.whl.metadata (7.7 kB)
Requirement already satisfied: pip in ./.venv (24.0)
Collecting jinja2>=3.1.0 (from ansible-core)
Collecting ansible-core<2.20,>=2.17 (from -r tests/requirements.txt (line 5))
Installing collected packages: MarkupSafe, jinja2, ansible-core
Successfully installed MarkupSafe-3.0.2 ansible-core-2.19.4 jinja2-3.1.6
"""


def test_each_package_is_said_once() -> None:
    assert list(install.news_of(OUTPUT.splitlines())) == [
        "package 1: ansible-core",
        "package 2: pip",
        "package 3: jinja2",
        "installing 3 packages",
    ]


def test_a_terminal_shows_all_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    install.say(install.news_of(OUTPUT.splitlines()), terminal=True)
    shown = capsys.readouterr().out
    assert shown.count("\r") == 5
    assert "\n" not in shown


def test_elsewhere_a_few_lines_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    install.say(install.news_of(OUTPUT.splitlines()), terminal=False)
    assert capsys.readouterr().out == "  installing 3 packages\n"


def test_a_failure_shows_what_pip_said(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"no-such-file @ file://{tmp_path}/missing.whl\n")
    done = subprocess.run(
        [sys.executable, install.__file__, str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "missing.whl" in done.stdout
