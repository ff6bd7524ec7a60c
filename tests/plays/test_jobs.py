# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other side of the guide of jobs: what it shows of community.proxmox really runs.

The examples of this collection in it run in ``test_examples.py``, like those of every page.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.upid.proxmox.tests.clients.client import Client, Cluster
from ansible_collections.upid.proxmox.tests.clients.environments import RELEASES, install
from ansible_collections.upid.proxmox.tests.plays.pages import Page, jobs, of_groups
from ansible_collections.upid.proxmox.tests.plays.releases import Ansible
from ansible_collections.upid.proxmox.tests.plays.stage import Stage, serve_images, set_stage
from ansible_collections.upid.proxmox.tests.simulator_process import start_simulator

pytestmark = pytest.mark.timeout(300)  # the first test may have to install the release
STAGES = yaml.safe_load(Path(__file__).with_name("stages.yml").read_text())
RELEASE = RELEASES[-1]
LOCAL = {
    "connection": "local",
    "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
}
# What the guide says does not work there.
FAILING = {"Write a VM to disk and stop it": "unexpected keyword argument 'force'"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[tuple[Client, Stage]]:
    """The release of community.proxmox that the guide is about, and the stage it works on."""
    folder = install(RELEASE)
    if folder is None:
        pytest.skip(f"{RELEASE.name} needs Python {RELEASE.pythons}, which is not installed")
    with start_simulator(speed=100) as simulator, serve_images() as images:
        cluster = Cluster(simulator)
        stage = Stage(Ansible(folder, tmp_path, cluster), images=images)
        yield Client(RELEASE, folder, tmp_path, cluster), stage


def test_there_are_forty_jobs_each_in_both_collections() -> None:
    found = jobs()
    assert len(found) == len({job.title for job in found}) == 40
    for job in found:
        assert modules(job.ours, "upid.proxmox."), job.title
        assert not modules(job.ours, "community.proxmox."), job.title
        assert not modules(job.theirs, "upid.proxmox."), job.title


@pytest.mark.parametrize(
    "page", list(of_groups("theirs")), ids=lambda page: page.name.split(": ")[1]
)
def test_what_is_shown_of_community_proxmox_runs(
    client: tuple[Client, Stage], page: Page, tmp_path: Path
) -> None:
    ansible, stage = client
    set_stage(stage, STAGES.get(page.name, {}))
    # For up to 10 s a new guest has no name in cluster/resources, which the modules need.
    ansible.cluster.admin("POST", "clock", {"advance": 10})
    # What goes to the nodes over SSH has no node to go to.
    tasks = [entry for entry in page.entries if "hosts" not in entry]
    (play,) = stage.prepared(Page(page.name, tasks))
    for task in play["tasks"]:
        task["ignore_errors"] = task["name"] in FAILING
    playbook = tmp_path / "theirs.yml"
    playbook.write_text(yaml.safe_dump([{**play, **LOCAL}], sort_keys=False))
    results = ansible.play(str(playbook), **stage.variables)
    assert list(results) == [task["name"] for task in tasks]
    for name, result in results.items():
        if name in FAILING:
            assert FAILING[name] in result["msg"]
        assert not result.get("skipped")


def modules(entries: list[Any], prefix: str) -> list[str]:
    """The names with this beginning of the modules that the entries use."""
    return [key for entry in entries for key in entry if key.startswith(prefix)]
