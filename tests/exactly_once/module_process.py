# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module in its own process, as Ansible runs it, which can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from ansible_collections.upid.proxmox.tests.exactly_once.cluster import PATIENCE, Cluster

COLLECTION = "ansible_collections.upid.proxmox"


class ModuleProcess:
    """One call of a module."""

    def __init__(self, cluster: Cluster, module: str, options: Mapping[str, Any]) -> None:
        arguments = {"ANSIBLE_MODULE_ARGS": {**cluster.connection(), **options}}
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{COLLECTION}.plugins.modules.{module}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(arguments))
        self._process.stdin.close()
        self._process.stdin = None

    def kill(self) -> None:
        """SIGKILL: it has no chance to report or do anything more."""
        self._process.kill()
        self._process.communicate()

    def signal(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP."""
        self._process.send_signal(number)

    def result(self) -> dict[str, Any]:
        """The result, after it has ended by itself."""
        try:
            said, complaints = self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        assert said.strip(), complaints
        result: dict[str, Any] = json.loads(said)
        return result


def run_module(cluster: Cluster, module: str, **options: Any) -> dict[str, Any]:
    """The result of one call of a module."""
    return ModuleProcess(cluster, module, options).result()
