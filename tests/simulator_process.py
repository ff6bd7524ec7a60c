# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated cluster in a process of its own, for as long as a ``with`` block lasts.

with start_simulator(speed=10) as simulator:
    requests.get(f"{simulator.url}/api2/json/version", verify=simulator.ca)
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PROGRAM = Path(__file__).with_name("simulator")
# Long enough for a machine that does much else.
START_SECONDS = 120
STOP_SECONDS = 10


@dataclass(frozen=True)
class Simulator:
    """A cluster that serves.

    ``urls`` are ``https://127.0.0.1:PORT``, one for each address asked for, with the SHA-256
    fingerprint of its certificate in ``fingerprints`` at the same place; ``ca`` is the file that
    all of them are trusted by; ``log`` is what the process prints.
    """

    urls: tuple[str, ...]
    fingerprints: tuple[str, ...]
    ca: Path
    pid: int
    log: Path

    @property
    def url(self) -> str:
        """The first address."""
        return self.urls[0]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses as ``api_host`` takes them: ``127.0.0.1:PORT``."""
        return tuple(url.removeprefix("https://") for url in self.urls)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the first address."""
        return self.fingerprints[0]

    def environment(self) -> dict[str, str]:
        """What a process needs so that the collection's modules talk to this cluster."""
        return {
            "PROXMOX_HOST": ",".join(self.hosts),
            "PROXMOX_USER": "root@pam",
            "PROXMOX_TOKEN_ID": "ansible",
            "PROXMOX_TOKEN_SECRET": "00000000-0000-4000-8000-000000000001",
            "PROXMOX_CA_PATH": str(self.ca),
            "UPID_SIMULATOR": self.url,
        }


@contextlib.contextmanager
def start_simulator(
    *, speed: float = 1, seed: int = 1, addresses: int = 1, world: Path | None = None
) -> Iterator[Simulator]:
    """Start ``tests/simulator`` on free ports of 127.0.0.1 and stop it at the end, come what may.

    ``speed`` divides the work of tasks; ``world`` is a world file, the default world without one.
    Raises RuntimeError with what the simulator printed if it ends or stays silent instead.
    """
    with tempfile.TemporaryDirectory(prefix="simulator-") as folder:
        ready, log = Path(folder, "ready.json"), Path(folder, "log.txt")
        command = [sys.executable, str(PROGRAM), "--cert-dir", folder, "--ready-file", str(ready)]
        command += ["--speed", str(speed), "--seed", str(seed)]
        command += ["--listen", "127.0.0.1:0"] * addresses
        if world:
            command += ["--world", str(world)]
        with log.open("w") as output, _process(command, output) as process:
            told = _wait_until_ready(process, ready, log)
            yield Simulator(
                urls=tuple(told["urls"]),
                fingerprints=tuple(told["fingerprints"]),
                ca=Path(told["ca"]),
                pid=process.pid,
                log=log,
            )


def end_on_sigterm() -> None:
    """Let SIGTERM end this program through its ``finally`` blocks, as SIGINT does.

    For programs that start a simulator; without it a ``kill`` would leave the simulator behind.
    """
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


@contextlib.contextmanager
def _process(command: list[str], output: IO[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command until the block is left: asked to end first, then killed."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], ready: Path, log: Path) -> dict[str, Any]:
    """What the ready file says, as soon as it is there and whole."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            told: dict[str, Any] = json.loads(ready.read_text())
            return told
        time.sleep(0.02)
    ended = process.returncode
    state = "is not ready" if ended is None else f"ended with exit code {ended}"
    raise RuntimeError(f"the simulator {state}; it printed:\n{log.read_text()}")
