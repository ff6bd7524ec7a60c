# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario that the guide shows brings its own cluster and takes it away again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.upid.proxmox.tests.clients.environments import without_ansible
from ansible_collections.upid.proxmox.tests.simulator_process import PROGRAM


@pytest.mark.timeout(180)
def test_the_example_of_a_scenario_works_in_another_project(tmp_path: Path) -> None:
    shutil.copytree(PROGRAM / "examples" / "molecule", tmp_path / "molecule")
    environment = without_ansible(os.environ)
    environment |= {
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "LC_ALL": "C.UTF-8",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "ephemeral"),
        "NO_COLOR": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SIMULATOR": str(PROGRAM),
    }
    run = subprocess.run(
        [Path(sys.executable).with_name("molecule"), "test"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "successful=7" in run.stdout + run.stderr
    assert not (tmp_path / "ephemeral" / "ready.json").exists()
