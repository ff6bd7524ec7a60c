# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated cluster, and community.proxmox let loose on it by Ansible's own programs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from ansible_collections.upid.proxmox.tests.clients.environments import Release, without_ansible
from ansible_collections.upid.proxmox.tests.simulator_process import Simulator

HERE = Path(__file__).parent
PLAYBOOKS = HERE / "playbooks"
TOKEN = "PVEAPIToken=root@pam!ansible=00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Cluster:
    """The server's own word on what a client did."""

    simulator: Simulator

    def get(self, path: str, **query: Any) -> Any:
        """The data of a path of the API."""
        answer = requests.get(
            f"{self.simulator.url}/api2/json{path}",
            params=query,
            headers={"Authorization": TOKEN},
            verify=str(self.simulator.ca),
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()["data"]

    def post(self, path: str, **data: Any) -> Any:
        """What the API answers to a POST of root's token."""
        answer = requests.post(
            f"{self.simulator.url}/api2/json{path}",
            data=data,
            headers={"Authorization": TOKEN},
            verify=str(self.simulator.ca),
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()["data"]

    def admin(self, method: str, path: str, document: Any = None) -> Any:
        """What a path under ``/_sim/`` answers."""
        answer = requests.request(
            method,
            f"{self.simulator.url}/_sim/{path}",
            json=document,
            verify=str(self.simulator.ca),
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()

    def tasks(self, node: str = "pve1") -> list[tuple[str, str, str]]:
        """Type, id and exit status of the finished tasks of a node, in the order of their ends."""
        entries = self.get(f"/nodes/{node}/tasks", limit=500)
        return [(task["type"], task["id"], task["status"]) for task in reversed(entries)]

    def guests(self) -> set[int]:
        """The VMIDs."""
        return {guest["vmid"] for guest in self.get("/cluster/resources", type="vm")}


@dataclass(frozen=True)
class Client:
    """Ansible in its own environment, whose community.proxmox talks to a cluster as root@pam."""

    release: Release
    folder: Path
    home: Path
    cluster: Cluster

    def play(self, playbook: str, **variables: Any) -> dict[str, Any]:
        """Run a playbook; return the results of its tasks by their names.

        Raises AssertionError with what Ansible printed if it fails.
        """
        run = self._run(
            "ansible-playbook",
            "--inventory",
            "localhost,",
            "--extra-vars",
            json.dumps(variables),
            str(PLAYBOOKS / playbook),
            ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
        )
        assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
        tasks = json.loads(run.stdout[run.stdout.index("{") :])["plays"][0]["tasks"]
        return {task["task"]["name"]: task["hosts"]["localhost"] for task in tasks}

    def inventory(self) -> dict[str, Any]:
        """What the inventory plugin finds, as ``ansible-inventory --list`` prints it."""
        run = self._run("ansible-inventory", "--inventory", str(HERE / "sim.proxmox.yml"), "--list")
        assert run.returncode == 0, run.stderr
        found: dict[str, Any] = json.loads(run.stdout, object_hook=_without_mark)
        return found

    def _run(
        self, program: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "bin" / program, *arguments],
            env={**without_ansible(os.environ), **self._environment(), **environment},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _environment(self) -> Mapping[str, str]:
        """The connection, as the modules (1.4.0 knows no CA file) and the inventory want it."""
        simulator = self.cluster.simulator
        host, _colon, port = simulator.hosts[0].partition(":")
        return {
            "ANSIBLE_HOME": str(self.home),
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.home),
            "PROXMOX_HOST": host,
            "PROXMOX_PORT": port,
            "PROXMOX_URL": simulator.url,
            "PROXMOX_USER": "root@pam",
            "PROXMOX_PASSWORD": "Sim-pass-1",
            "PROXMOX_VALIDATE_CERTS": "true",
            "REQUESTS_CA_BUNDLE": str(simulator.ca),
            "UPID_SIMULATOR": simulator.url,
        }


def _without_mark(value: dict[str, Any]) -> Any:
    """The text that Ansible marks as unsafe, as a text."""
    return value.get("__ansible_unsafe", value)
