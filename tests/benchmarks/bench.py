# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every part of the benchmark stands on: the cluster, the clients, the figures."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml
from ansible_collections.upid.proxmox.tests.benchmarks.stopwatch import Run, measure
from ansible_collections.upid.proxmox.tests.clients.environments import (
    RELEASES,
    install,
    without_ansible,
)
from ansible_collections.upid.proxmox.tests.simulator_process import Simulator, start_simulator

HERE = Path(__file__).parent
COLLECTIONS = HERE.parents[4]
PLAYBOOKS = HERE / "playbooks"
DEFAULT_WORLD = HERE.parent / "simulator/pvesim/data/default_world.yml"
NODES = ("pve1", "pve2", "pve3")
TEMPLATES = dict(zip(NODES, (9000, 9001, 9002), strict=True))
USER, TOKEN_NAME = "root@pam", "ansible"
SECRET = "00000000-0000-4000-8000-000000000001"
Figures = dict[str, Any]


@dataclass(frozen=True)
class Cluster:
    """A simulated cluster at speed 1, in a process of its own."""

    simulator: Simulator
    http: requests.Session

    def admin(self, method: str, path: str, document: Any = None) -> Any:
        """What a path under ``/_sim/`` answers."""
        answer = self.http.request(
            method, f"{self.simulator.url}/_sim/{path}", json=document, timeout=60
        )
        answer.raise_for_status()
        return answer.json()

    def start_clones(self, vmids: Sequence[int]) -> list[str]:
        """Start a clone of the template of each node in turn; return the UPIDs."""

        def start(number: int) -> str:
            node = NODES[number % len(NODES)]
            answer = self.http.post(
                f"{self.simulator.url}/api2/json/nodes/{node}/qemu/{TEMPLATES[node]}/clone",
                data={"newid": vmids[number], "full": 0},
                timeout=60,
            )
            answer.raise_for_status()
            upid: str = answer.json()["data"]
            return upid

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(start, range(len(vmids))))

    def has_address(self, node: str, vmid: int) -> bool:
        """Whether the guest agent of the VM tells of an interface beside the loopback."""
        answer = self.http.get(
            f"{self.simulator.url}/api2/json/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
            timeout=60,
        )
        return answer.ok and len(answer.json()["data"]["result"]) > 1

    def ends(self) -> dict[str, float]:
        """When each task that has ended did so, in epoch seconds."""
        tasks = self.admin("GET", "world")["tasks"]
        return {task["upid"]: task["ended"] for task in tasks if task["ended"] is not None}

    def until_ended(self, upids: Sequence[str]) -> None:
        """Return when all of these tasks have ended."""
        while not set(upids) <= set(self.ends()):
            time.sleep(0.2)

    def guests(self) -> int:
        """How many whole guests there are beside the templates and the default ones."""
        guests = self.admin("GET", "world")["guests"].values()
        return sum(1 for guest in guests if 1000 <= guest["vmid"] < 9000 and not guest["lock"])


@contextlib.contextmanager
def cluster(
    *, clone_seconds: tuple[float, float] = (1, 1), boot_seconds: float = 4, past: int = 0
) -> Iterator[Cluster]:
    """The default world with a template on each node, and ``past`` finished tasks on each.

    ``clone_seconds`` is how long clones take, at least and at most, ``boot_seconds`` how long after
    its start a guest has an address.
    """
    world = yaml.safe_load(DEFAULT_WORLD.read_text())
    template = world["guests"][TEMPLATES["pve1"]]
    del template["config"]["ide2"]  # a cloud-init drive is made anew, so it would take no time
    for node, vmid in TEMPLATES.items():
        config = template["config"] | {"scsi0": f"ceph:base-{vmid}-disk-0,size=8G"}
        world["guests"][vmid] = template | {"node": node, "config": config}
    world["storages"]["ceph"]["total"] = 10**15  # room for a thousand clones
    seconds = list(clone_seconds)
    world["durations"] = {"qmclone": seconds, "qmclone.linked": seconds, "boot": [boot_seconds] * 2}
    world["tasks"] = [_past(node, number) for node in NODES for number in range(past)]
    with tempfile.TemporaryDirectory(prefix="world-") as folder:
        file = Path(folder, "world.yml")
        file.write_text(yaml.safe_dump(world))
        with start_simulator(world=file) as simulator, requests.Session() as http:
            http.verify = str(simulator.ca)
            http.headers["Authorization"] = f"PVEAPIToken={USER}!{TOKEN_NAME}={SECRET}"
            http.trust_env = False
            yield Cluster(simulator, http)


def _past(node: str, number: int) -> dict[str, Any]:
    return {
        "node": node,
        "type": "vzdump",
        "id": str(100 + number),
        "user": USER,
        "ago": 600 + 60 * number,
        "seconds": 30,
        "exitstatus": "OK",
    }


class Bench:
    """Runs clients against a cluster and collects what they cost them and the cluster."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for release in reversed(RELEASES):
            found = install(release)
            if found is not None:
                self.ansible = found
                return
        raise RuntimeError(f"no Python for {' or '.join(r.name for r in RELEASES)}")

    @property
    def peers(self) -> Mapping[str, str]:
        """What is compared, by name: versions as their packages say."""
        (site,) = self.ansible.glob("lib/python*/site-packages")
        manifest = site / "ansible_collections/community/proxmox/MANIFEST.json"
        versions = {"python": site.parent.name.removeprefix("python")}
        for package in ("ansible", "ansible_core", "proxmoxer", "requests"):
            (found,) = site.glob(f"{package}-[0-9]*.dist-info")
            versions[package] = found.name.removesuffix(".dist-info").rpartition("-")[2]
        carried = json.loads(manifest.read_text())["collection_info"]["version"]
        return {**versions, "community.proxmox": carried}

    def play(self, target: Cluster, playbook: str, **variables: Any) -> Figures:
        """The figures of a whole ``ansible-playbook``."""
        return self._ansible(
            target,
            "ansible-playbook",
            str(PLAYBOOKS / playbook),
            *("--inventory", "localhost,", "--extra-vars", json.dumps(variables)),
        )

    def ad_hoc(self, target: Cluster, module: str, **options: Any) -> Figures:
        """The figures of a whole ``ansible localhost -m MODULE``."""
        return self._ansible(
            target, "ansible", "localhost", "-m", module, "-a", json.dumps(options)
        )

    def _ansible(self, target: Cluster, program: str, *arguments: str) -> Figures:
        python = self.ansible / "bin/python"
        interpreter = ("--connection", "local", "-e", f"ansible_python_interpreter={python}")
        command = [str(self.ansible / "bin" / program), *arguments, *interpreter]
        return self.figures(target, command)[0]

    def figures(
        self, target: Cluster, command: Sequence[str], document: Any = None
    ) -> tuple[Figures, Run]:
        """What the command cost; ``document`` is its standard input as JSON."""
        target.admin("DELETE", "requests")
        run = measure(command, self._folder, self._environment(target), json.dumps(document))
        traffic = target.admin("GET", "requests")
        figures = {
            "wall_s": round(run.cost.wall_s, 2),
            "requests": traffic["total"],
            "connections": traffic["connections"],
            "cpu_s": round(run.cost.cpu_s, 2),
            "rss_mb": round(run.cost.rss_mb, 1),
        }
        return figures, run

    def _environment(self, target: Cluster) -> dict[str, str]:
        """The connection for both collections; community.proxmox 1.4.0 knows no CA file."""
        host, _colon, port = target.simulator.hosts[0].partition(":")
        return {
            **without_ansible(os.environ),
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_FORKS": "5",
            "ANSIBLE_HOME": str(self._folder),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
            "PROXMOX_HOST": host,
            "PROXMOX_PORT": port,
            "PROXMOX_USER": USER,
            "PROXMOX_TOKEN_ID": TOKEN_NAME,
            "PROXMOX_TOKEN_SECRET": SECRET,
            "PROXMOX_VALIDATE_CERTS": "true",
            "PROXMOX_CA_PATH": str(target.simulator.ca),
            "PYTHONPATH": str(COLLECTIONS),
            "REQUESTS_CA_BUNDLE": str(target.simulator.ca),
        }
