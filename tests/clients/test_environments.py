# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment is made once, and only where there is a Python for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.upid.proxmox.tests.clients import environments
from ansible_collections.upid.proxmox.tests.clients.environments import Environment, without_ansible

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_the_first_python_found_is_used(tmp_path: Path) -> None:
    release = Environment("core-2.19", ("3.99", HERE))
    found = release.python(tmp_path)
    assert found is not None
    assert found.is_file()


def test_without_a_python_there_is_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    assert environments.install(Environment("ansible-14", ("3.99",))) is None


def test_an_environment_is_kept_until_something_else_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    release = Environment("ansible-14", ("3.99",))
    release.folder.mkdir()
    stamp = release.folder / ".installed"
    stamp.write_text(release.requirements.read_text())
    assert environments.install(release) == release.folder
    stamp.write_text("ansible==1.0\n")
    assert environments.install(release) is None  # it would be made anew, but for the Python


def test_variables_for_another_ansible_are_left_out() -> None:
    given = {"ANSIBLE_CONFIG": "x", "PROXMOX_HOST": "x", "PYTHONPATH": "x", "PATH": "/bin"}
    assert without_ansible(given) == {"PATH": "/bin"}
