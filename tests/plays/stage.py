# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster on which examples run, and what has to be there before one does."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
import yaml
from ansible_collections.upid.proxmox.tests.clients.client import TOKEN
from ansible_collections.upid.proxmox.tests.plays.pages import ROOT, Page, blocks
from ansible_collections.upid.proxmox.tests.plays.releases import Ansible, Run

# What the pages call the cluster, its authority, the token of their user, and a task.
AUTHORITY = "/etc/ssl/pve-root-ca.pem"
SECRET = "00000000-0000-4000-8000-000000000002"
UPIDS = (
    "UPID:pve1:000934AF:0D015579:68BF3A41:qmclone:9000:ansible@pve!ci:",
    "UPID:pve1:000934AF:0D015579:68BF3A41:vzdump:101:ansible@pve!ci:",
    "UPID:pve1:...",
    "UPID:pve2:...",
)
IMAGES = "https://images.example.com"
QCOW2 = b"QFI\xfb" + bytes(20) + (3 << 30).to_bytes(8, "big") + bytes(480)
"""The beginning of an image of a disk of 3 GiB."""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample/Key+0 examples@example.com"


@dataclass
class Stage:
    """A cluster, and the variables and arguments that a page needs beside its examples."""

    ansible: Ansible
    variables: dict[str, Any] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    upid: str = UPIDS[0]
    inventory: tuple[str, ...] = ()
    images: str = IMAGES
    """The URL of a server of images, see `serve_images`."""

    def play(self, page: Page) -> Run:
        """Run the examples of the page as they are, but for the names of hosts, files and tasks."""
        plays = self.prepared(page)
        values = {"vault_proxmox_token_secret": SECRET, **self.variables}
        values = json.loads(self._on_this_cluster(json.dumps(values)))
        return self.ansible.play(plays, *self.inventory, "--extra-vars", json.dumps(values))

    def prepared(self, page: Page) -> Any:
        """The examples of the page as plays, with the names of what there is on this stage."""
        return yaml.safe_load(self._on_this_cluster(yaml.safe_dump(page.plays())))

    def command(self, words: Sequence[str]) -> Run:
        """Run a command that a page shows."""
        words = [self._on_this_cluster(word) for word in words]
        more = self.arguments if "upid.proxmox.demo" in words else []
        return self.ansible.run(*words, *map(self._on_this_cluster, more))

    def call(self, method: str, path: str, parameters: Mapping[str, Any]) -> Any:
        """Call the API as root; return the data."""
        simulator = self.ansible.cluster.simulator
        answer = requests.request(
            method,
            f"{simulator.url}/api2/json{path}",
            data=parameters,
            headers={"Authorization": TOKEN},
            verify=str(simulator.ca),
            timeout=60,
        )
        answer.raise_for_status()
        return answer.json()["data"]

    def settle(self) -> None:
        """Wait until no task runs."""
        deadline = time.monotonic() + 60
        while any(task["status"] == "running" for task in self.ansible.world()["tasks"]):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _on_this_cluster(self, text: str) -> str:
        simulator = self.ansible.cluster.simulator
        for number, host in enumerate(simulator.hosts, 1):
            text = text.replace(f"pve{number}.example.com", host)
        for upid in UPIDS:
            text = text.replace(upid, self.upid)
        text = text.replace(IMAGES, self.images).replace("SIMULATOR", simulator.url)
        return text.replace(AUTHORITY, str(simulator.ca))


class _Images(BaseHTTPRequestHandler):
    """Every path is the same image."""

    def do_GET(self) -> None:
        """Send it."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(QCOW2)))
        self.end_headers()
        self.wfile.write(QCOW2)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve_images() -> Iterator[str]:
    """A server that the simulated cluster downloads from, its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Images) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def set_stage(stage: Stage, described: Mapping[str, Any]) -> None:
    """Bring the cluster into the state that a page needs, as ``stages.yml`` describes it."""
    home = stage.ansible.home
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh" / "id_ed25519.pub").write_text(f"{KEY}\n")
    for name, content in described.get("files", {}).items():
        (home / name).write_text(yaml.safe_dump(content))
    if "inventory" in described:
        found = blocks(ROOT / described["inventory"])
        (home / "hosts.yml").write_text(next(text for kind, text in found if kind == "yaml"))
        stage.inventory = ("--inventory", "hosts.yml")
    stage.variables = described.get("variables", {})
    stage.arguments = described.get("arguments", [])
    for fault in described.get("faults", ()):
        stage.ansible.cluster.admin("POST", "faults", fault)
    for method, path, parameters in described.get("calls", ()):
        stage.call(method, path, parameters)
        stage.settle()
    if "task" in described:
        stage.upid = str(stage.call(*described["task"]))


def problems(output: str, page: Page) -> list[str]:
    """What went wrong with an example although Ansible was content."""
    found = []
    for name in page.task_names():
        _before, heading, after = output.partition(f"TASK [{name}]")
        result = after.partition("\nTASK [")[0].partition("\nPLAY ")[0]
        if not heading:
            found.append(f"{name} was not run")
        elif "skipping: [" in result or "fatal: [" in result or "...ignoring" in result:
            found.append(f"{name} was skipped or failed")
    return found
