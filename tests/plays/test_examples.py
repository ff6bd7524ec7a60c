# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of every page run, each with the state that it needs, over HTTPS."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible_collections.upid.proxmox.tests.clients.client import Cluster
from ansible_collections.upid.proxmox.tests.plays.pages import ROOT, Page, blocks, commands, pages
from ansible_collections.upid.proxmox.tests.plays.releases import Ansible
from ansible_collections.upid.proxmox.tests.plays.stage import (
    Stage,
    problems,
    serve_images,
    set_stage,
)
from ansible_collections.upid.proxmox.tests.simulator_process import start_simulator

pytestmark = pytest.mark.timeout(280)
STAGES = yaml.safe_load(Path(__file__).with_name("stages.yml").read_text())
PAGES = pages()
COMMANDS = commands()
SIMULATOR_GUIDE = ROOT / "docs/docsite/rst/guide_simulator.rst"


@pytest.fixture(scope="module")
def simulated() -> Iterator[Cluster]:
    """One cluster for all examples, set back before each."""
    with start_simulator(speed=100, addresses=3) as simulator:
        yield Cluster(simulator)


@pytest.fixture
def stage(simulated: Cluster, tmp_path: Path) -> Iterator[Stage]:
    """A cluster as new."""
    simulated.admin("POST", "reset", {})
    with serve_images() as images:
        yield Stage(Ansible(Path(sys.prefix), tmp_path, simulated), images=images)


def test_every_page_with_examples_is_found() -> None:
    names = {page.name for page in PAGES}
    assert {"README.md", "modules/clone", "lookup/task_history", "filter/unknown_names"} <= names
    assert {"roles/provision_vms/README.md", "docs/docsite/rst/guide_bulk.rst"} <= names
    assert "docs/docsite/rst/guide_tasks.rst" in names
    assert all(COMMANDS.values())


def test_every_stage_is_for_a_page() -> None:
    assert set(STAGES) <= {page.name for page in PAGES} | set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(stage: Stage, page: Page) -> None:
    described = STAGES.get(page.name, {})
    for example in page.split(described.get("apart", False)):
        stage.ansible.cluster.admin("POST", "reset", {})
        set_stage(stage, described)
        run = stage.play(example)
        assert run.ok, run.output
        assert problems(run.output, example) == [], run.output
        names = {guest["name"] for guest in stage.ansible.world()["guests"].values()}
        assert set(described.get("guests_after", ())) <= names


@pytest.mark.parametrize("page", COMMANDS)
def test_the_commands_of_a_page_run(stage: Stage, page: str) -> None:
    described = STAGES.get(page, {})
    set_stage(stage, described)
    for words in COMMANDS[page]:
        run = stage.command(words)
        assert run.ok, run.output


def test_the_shell_of_the_guide_starts_a_simulated_cluster_and_asks_it(tmp_path: Path) -> None:
    lines = [
        line
        for kind, text in blocks(SIMULATOR_GUIDE)
        if kind == "shell"
        for line in text.split("\n")
    ]
    begin = next(
        line for line in lines if line.startswith("python upid.proxmox/tests/simulator --listen")
    )
    function = next(line for line in lines if line.startswith("sim() {"))
    asked = [line for line in lines if line in ("sim GET world", "sim POST reset")]
    assert len(asked) >= 2
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "upid.proxmox").symlink_to(ROOT)
    script = [
        f'{begin} > told & trap "kill $!" EXIT',
        "until grep -q ^listening told; do sleep 0.1; done; cat told",
        function.replace("--silent", "--silent --show-error --fail"),
        *asked,
    ]
    text = "\n".join(["set -e", *script])
    text = text.replace("127.0.0.1:8006", address).replace("/tmp/sim", str(tmp_path / "sim"))
    path = f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"listening on https://{address}" in done.stdout
    assert "debian-12-cloud" in done.stdout


def test_an_example_that_names_a_guest_that_is_not_there_fails(stage: Stage) -> None:
    task = {
        "name": "Start a VM",
        "upid.proxmox.operation": {"operation": "start", "guests": "nobody"},
    }
    assert not stage.play(Page("wrong", [task])).ok


def test_an_example_that_is_skipped_or_whose_failure_is_ignored_is_a_problem(stage: Stage) -> None:
    skipped = {"name": "Skip", "ansible.builtin.debug": {"msg": "x"}, "when": False}
    ignored = {"name": "Ignore", "ansible.builtin.fail": {"msg": "x"}, "ignore_errors": True}
    page = Page("wrong", [skipped, ignored])
    run = stage.play(page)
    assert run.ok
    assert len(problems(run.output, page)) == 2
