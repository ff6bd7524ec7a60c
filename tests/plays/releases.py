# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays by a release of ansible-core, on a simulated cluster over HTTPS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.upid.proxmox.tests.clients.client import Cluster
from ansible_collections.upid.proxmox.tests.clients.environments import without_ansible

COLLECTIONS = Path(sys.prefix) / "collections"
TIMEOUT = 150


@dataclass(frozen=True)
class Run:
    """How a command of Ansible ended, and what it printed."""

    returncode: int
    output: str

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.returncode == 0


@dataclass(frozen=True)
class Ansible:
    """The commands of one ansible-core; ``home`` is its home and the working directory."""

    folder: Path
    home: Path
    cluster: Cluster

    def play(self, plays: Any, *arguments: str, **environment: str) -> Run:
        """Run plays, given as data."""
        playbook = self.home / "play.yml"
        playbook.write_text(yaml.safe_dump(plays, sort_keys=False))
        return self.run("ansible-playbook", *arguments, str(playbook), **environment)

    def role(self, role: str, *arguments: str, **variables: Any) -> Run:
        """Run a role of this collection on localhost."""
        return self.play([play_of(role, variables)], *arguments)

    def run(self, program: str, *arguments: str, **environment: str) -> Run:
        """Run a program of Ansible with the connection to the cluster in the environment."""
        done = subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            env={**without_ansible(os.environ), **self._environment(), **environment},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=TIMEOUT,
        )
        # Not as text, in which a carriage return becomes a line end.
        return Run(done.returncode, done.stdout.decode(errors="replace"))

    def world(self) -> Mapping[str, Any]:
        """The cluster's own word."""
        world: Mapping[str, Any] = self.cluster.admin("GET", "world")
        return world

    def guests(self) -> dict[str, Mapping[str, Any]]:
        """The guests by their names."""
        return {guest["name"]: guest for guest in self.world()["guests"].values()}

    def tasks(self, *types: str) -> list[Mapping[str, Any]]:
        """The tasks of these types that there were."""
        return [task for task in self.world()["tasks"] if task["type"] in types]

    def _environment(self) -> Mapping[str, str]:
        return {
            **self.cluster.simulator.environment(),
            "ANSIBLE_HOME": str(self.home),
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
            "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "0",
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.home),
        }


def play_of(role: str, variables: Mapping[str, Any], **keywords: Any) -> dict[str, Any]:
    """A play that runs a role of this collection."""
    include = {
        "name": "Use the role",
        "ansible.builtin.include_role": {"name": f"upid.proxmox.{role}"},
        "vars": dict(variables),
    }
    play = {"name": "Run the role", "hosts": "localhost", "gather_facts": False}
    return {**play, "tasks": [include], **keywords}


def inventory(path: Path, hosts: Sequence[str], **variables: Any) -> str:
    """Write an inventory of hosts that are this machine; return its path."""
    path.write_text(
        json.dumps(
            {
                "all": {
                    "hosts": {host: {} for host in hosts},
                    "vars": {"ansible_connection": "local", **variables},
                }
            }
        )
    )
    return str(path)
