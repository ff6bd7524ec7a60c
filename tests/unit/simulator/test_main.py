# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program: its options, its ready file, its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

SIMULATOR = next(
    parent / "tests/simulator"
    for parent in Path(__file__).parents
    if (parent / "tests/simulator/__main__.py").is_file()
)
TOKEN = "PVEAPIToken=root@pam!ansible=00000000-0000-4000-8000-000000000001"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SIMULATOR), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_address_and_stops_on_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    ready = tmp_path / "ready.json"
    options = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]
    options += ["--cert-dir", str(tmp_path), "--ready-file", str(ready), "--speed", "10"]
    command = [sys.executable, str(SIMULATOR), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _unused in range(2)]
        told = json.loads(ready.read_text())
        assert lines == [f"listening on {url}" for url in told["urls"]]
        assert told["pid"] == process.pid
        assert len(told["fingerprints"]) == 2
        with requests.Session() as session:
            session.trust_env = False
            session.verify = told["ca"]
            assert session.get(f"{told['urls'][1]}/_sim/world", timeout=10).status_code == 200
            begun = time.monotonic()
            process.send_signal(number)
            assert process.wait(10) == 0
        assert time.monotonic() - begun < 5


def test_help_explains_the_options() -> None:
    done = run("--help")
    assert done.returncode == 0
    for option in (
        "--now",
        "--paused",
        "--listen",
        "--world",
        "--speed",
        "--seed",
        "--cert-dir",
        "--ready-file",
    ):
        assert option in done.stdout
    for said in ("root@pam!ansible", "Sim-pass-1", "debian-12-cloud", "/_sim/clock"):
        assert said in done.stdout


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--listen", "nowhere"], "'nowhere' is no ADDRESS:PORT"),
        (["--speed", "0"], "0 is not greater than 0"),
        (["--listen", "127.0.0.1:0"] * 4, "4 addresses are too many for 3 nodes"),
        (["--now", "soon"], "'soon' is no time"),
        (["--world", "/nonexistent.yml"], "No such file or directory"),
    ],
)
def test_an_error_is_one_line_on_standard_error(options: list[str], text: str) -> None:
    done = run(*options)
    assert done.returncode != 0
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_an_invalid_world_file_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "world.yml"
    for content in ("nodes: {}\n", "nodes: [\n", "nodes: {a: {}}\nguests: {100: {node: a}}\n"):
        file.write_text(content)
        done = run("--listen", "127.0.0.1:0", "--world", str(file))
        assert done.returncode == 1
        assert done.stderr.startswith("simulator: ")
        assert "Traceback" not in done.stderr


def test_two_runs_at_the_same_moment_give_the_same_upids(tmp_path: Path) -> None:
    def upid(name: str) -> str:
        ready = tmp_path / f"{name}.json"
        options = ["--listen", "127.0.0.1:0", "--ready-file", str(ready)]
        options += ["--now", "2026-01-01T08:00:00Z", "--paused", "--cert-dir", str(tmp_path)]
        command = [sys.executable, str(SIMULATOR), *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            told = json.loads(ready.read_text())
            answer = requests.post(
                f"{told['urls'][0]}/api2/json/nodes/pve1/qemu/100/status/start",
                headers={"Authorization": TOKEN},
                verify=told["ca"],
                timeout=10,
            )
            process.send_signal(signal.SIGTERM)
            process.wait(10)
        return str(answer.json()["data"])

    first = upid("one")
    assert first == upid("two")
    assert int(first.split(":")[4], 16) == 1_767_254_400
